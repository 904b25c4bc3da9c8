from django.db import models


class Visit(models.Model):
    """In the default database: people are in the other one."""

    username = models.CharField(max_length=150)

    def __str__(self):
        return self.username
