# Django's English is American; the texts here are not.
DATE_FORMAT = "j F Y"
DATETIME_FORMAT = "j F Y, H:i"
