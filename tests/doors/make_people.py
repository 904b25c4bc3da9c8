"""Run inside the project: people with a factor, without one, and who must set one up and have not."""

import json
from datetime import date, timedelta

from allauth.account.models import EmailAddress
from django.contrib.auth.models import User
from django.utils import timezone

from twofactor.factors import authenticator_app, totp
from twofactor.models import Authenticator, GuessBudget, Rule, TwoFactor
from twofactor.sessions import credential_digests

PASSWORD = "correct horse battery"
HOW_MANY = 60
then = timezone.now() - timedelta(hours=1)


def person(kind, number):
    name = f"{kind}{number}"
    user = User.objects.create_superuser(name, f"{name}@example.com", PASSWORD)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def enrol(user):
    key = totp.generate_key()
    TwoFactor.objects.create(user=user, enabled_at=then, changed_at=then)
    app = Authenticator(user=user, name="Phone", last_step=0, added_at=then, full_from=then)
    authenticator_app.seal_key(app, key, then)
    app.save()
    GuessBudget.objects.create(user=user, **credential_digests.current(user))
    return key


made = {"with_factor": [], "without_factor": [], "must_set_up": []}
first = User.objects.count()
for number in range(first, first + HOW_MANY):
    for kind, people in made.items():
        user = person(kind, number)
        people.append(
            {"pk": user.pk, "name": user.username, "key": enrol(user) if kind == "with_factor" else ""}
        )
        if kind == "must_set_up":
            Rule.objects.create(scope=Rule.Scope.PERSON, user=user, starts_on=date(2026, 1, 1))
print(json.dumps(made))
