"""Run inside a project: makes ann, a person with two-factor authentication, whom commands name."""

from django.contrib.auth import get_user_model
from django.utils import timezone

from twofactor import drafts, factor_changes
from twofactor.factors import totp
from twofactor.models import Draft

ann = get_user_model().objects.create_superuser("ann", "ann@example.com", "correct horse battery")
now = timezone.now()
draft = drafts.start(ann, Draft.Kind.SETUP, now)
drafts.confirm(draft, totp.code_at(draft.key, totp.step_at(now)), now)
factor_changes.turn_on(ann, draft, None, now)
