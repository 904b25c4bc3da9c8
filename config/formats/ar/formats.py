# Django has no date with a time in Arabic, and would take the American one.
DATETIME_FORMAT = "j F Y، H:i"
