"""How often something may happen: wrong codes (guesses.py), and everything else (allowances.py).

The accounts app limits its mails (mail_limits.py) and wrong passwords (password_tries.py) itself.
"""
