from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models


class Customers(BaseUserManager):
    def create_superuser(self, mail, password=None, **fields):
        customer = self.model(mail=self.normalize_email(mail), is_staff=True, is_superuser=True, **fields)
        customer.set_password(password)
        customer.save(using=self._db)
        return customer


class Customer(AbstractBaseUser, PermissionsMixin):
    mail = models.EmailField(unique=True)
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    objects = Customers()
    USERNAME_FIELD = EMAIL_FIELD = "mail"

    def __str__(self):
        return self.mail
