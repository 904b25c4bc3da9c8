# Django's has nothing between the day and the hour.
DATETIME_FORMAT = "Y年n月j日 H:i"
