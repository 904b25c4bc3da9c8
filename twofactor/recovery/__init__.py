"""A way back for someone who has lost every factor: they ask for it, wait, and bind a new one.

Password, mailbox and browser together could be a thief's. So the wait is told to every address and number of
the person, and each of those messages, an open session and any factor alone can stop it until the end.
"""
