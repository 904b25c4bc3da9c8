from django.conf import settings
from django.db import models


class Authenticator(models.Model):
    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True)
    key = models.CharField(max_length=32)
    last_step = models.BigIntegerField(default=0)

    def __str__(self):
        return str(self.pk)


class BackupCode(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    digest = models.CharField(max_length=64)
    used = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "digest"], name="floor_backup_code")]

    def __str__(self):
        return str(self.pk)
