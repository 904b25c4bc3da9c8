"""Run inside the site with allauth: its people are no staff, and have confirmed their addresses."""

from allauth.account.models import EmailAddress
from django.contrib.auth.models import User

User.objects.update(is_staff=False, is_superuser=False)
for user in User.objects.all():
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)
