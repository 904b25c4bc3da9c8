"""manage.py twofactor …: what an operator does from the command line."""

import json
from argparse import ArgumentParser, ArgumentTypeError
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from twofactor import conf, policy, sealing
from twofactor.factors import backup_codes
from twofactor.importers.records import SourceError
from twofactor.importers.run import SOURCES, ImportSummary, run_import
from twofactor.limits import guesses
from twofactor.models import Authenticator, GuessBudget
from twofactor.operations import adoption, prune, rotate_keys, support
from twofactor.outgoing import outbox

BY = "command line"
EXIT_CODES = (
    "Exit codes: 0 done; 1 refused, for the reason on standard error; 2 not understood; 3 done in part."
)
IN_PART = 3
FEW = 20  # names that somebody reads; --json has all


def reason(text: str) -> str:
    if not 0 < len(text.strip()) <= support.MAX_REASON_LENGTH:
        raise ArgumentTypeError(f"say why, in at most {support.MAX_REASON_LENGTH} characters")
    return text.strip()


class Command(BaseCommand):
    help = "Look after two-factor sign-in. 'manage.py twofactor ACTION --help' explains each action."
    requires_system_checks = ()  # the way out when a check refuses to start the site

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")

        def action(name: str, summary: str, more: str = "") -> ArgumentParser:
            return actions.add_parser(name, help=summary, description=f"{summary} {more}", epilog=EXIT_CODES)

        one = action("status", "How things stand for one person, or for the site.")
        one.add_argument("person", nargs="?", help="sign-in name; without it, the site")
        report = action(
            "report",
            "Numbers: who has two-factor sign-in, and which keys are in use.",
            "Names everybody who still depends on an older key: it can be taken out of TWOFACTOR_KEYS "
            "when there is nobody left.",
        )
        taken = action(
            "import",
            "Take over authenticators and unused backup codes from another app's tables in this database.",
            "Mails nobody, leaves alone whoever has two-factor sign-in here, and is safe to repeat. "
            "Whatever is left behind is listed with its reason.",
        )
        taken.set_defaults(action="take-over")  # 'import' cannot name a method
        taken.add_argument("source", choices=SOURCES, help="django-otp stands for django-two-factor-auth too")
        taken.add_argument("--users", help="only these: sign-in names, separated by commas")
        taken.add_argument(
            "--only-default", action="store_true", help="of django-otp's devices only those named 'default'"
        )
        for asked in (one, report, taken):
            asked.add_argument("--json", action="store_true", help="for a script to read")
        reset = action(
            "reset",
            "Turn two-factor sign-in off for somebody who lost everything; ends their sessions.",
            "The password alone is enough afterwards, and the person is told by e-mail. The way out when "
            "every administrator is locked out, too.",
        )
        code = action(
            "emergency-code",
            "One code that lets a person in once; printed here and nowhere else.",
            "It takes the place of an earlier one, and ends a wait after wrong codes. The person is told by "
            "e-mail that it was made.",
        )
        code.add_argument("--hours", type=int, default=1, help="how long it works, 24 at most (default: 1)")
        for helped in (reset, code):
            helped.add_argument("person", help="sign-in name")
            helped.add_argument("--reason", required=True, type=reason, help="goes into the audit log")
        action("generate-key", "Print a new key for TWOFACTOR_KEYS. Needs no settings.")
        rotate = action(
            "rotate-keys",
            "Seal everything with the newest key. Safe to repeat, to stop, and to run live.",
            "Put the new key first in TWOFACTOR_KEYS of every server before, and keep the old one behind it.",
        )
        pruned = action(
            "prune",
            "Remove what has had its time. Run it every night.",
            "Audit log, unfinished set-ups, codes, browsers, sessions and wrong passwords, in short "
            "transactions that hold up nobody's sign-in.",
        )
        pruned.add_argument(
            "--events-days", type=int, default=prune.EVENTS_KEPT.days, help="days of audit log kept"
        )
        action(
            "send",
            "Send the letters that wait. For a timer, every minute.",
            "Workers send at once; this one sends what they could not, or everything where "
            "TWOFACTOR_MAIL_SENT_BY is 'command'. Any number may run at the same time.",
        )
        restored = action(
            "after-restore",
            "After a backup was put back: end all sessions, void backup codes.",
            "What was used or ended since the backup would otherwise live again.",
        )
        for changed in (rotate, pruned, taken, restored):
            changed.add_argument(
                "--dry-run", action="store_true", help="say what would change, and change nothing"
            )

    def handle(self, *args: Any, **options: Any) -> None:
        getattr(self, options["action"].replace("-", "_"))(**options)

    def say(self, facts: dict[str, Any], as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(facts, default=str))
        else:
            for name, value in facts.items():
                self.stdout.write(f"{name.replace('_', ' ')}: {value}")

    def person(self, name: str) -> Any:
        user = get_user_model()._default_manager.filter(**{get_user_model().USERNAME_FIELD: name}).first()
        if user is None:
            raise CommandError(f"There is nobody called {name}.")
        return user

    def status(self, person: str | None, json: bool, **options: Any) -> None:
        if person is None:
            self.say({"required_for": conf.required_for(), **adoption.counts(timezone.now())}, json)
            return
        user = self.person(person)
        authenticator = Authenticator.objects.filter(pk=user.pk).first()
        guess_budget = GuessBudget.objects.filter(pk=user.pk).first()
        lock = guesses.lock_of(guess_budget, user, timezone.now())
        facts = {
            "person": user.get_username(),
            "two_factor": "on" if authenticator else "off",
            "required_from": policy.deadline(user),
            "on_since": authenticator and authenticator.enabled_at,
            "last_used": authenticator and authenticator.last_used_at,
            "backup_codes_left": backup_codes.count_unused(user),
            "wrong_codes_in_a_row": guess_budget.failures if guess_budget else 0,
            "locked_until": lock and (lock.until or "the password is changed"),
        }
        self.say(facts, json)

    def report(self, json: bool, **options: Any) -> None:
        in_use = {f"sealed_with_key_{key}": rows for key, rows in rotate_keys.rows_by_key().items()}
        names = rotate_keys.users_of_old_keys()
        told = names if json else ", ".join(names[:FEW]) + " …" * (len(names) > FEW) or "nobody"
        self.say({**adoption.counts(timezone.now()), **in_use, "depend_on_older_keys": told}, json)

    def reset(self, person: str, reason: str, **options: Any) -> None:
        try:
            support.reset(self.person(person), reason, BY, None)
        except support.NothingToDo:
            raise CommandError(f"{person} has no two-factor sign-in.") from None
        self.stdout.write(f"Two-factor sign-in is off for {person}, and every session has ended.")

    def emergency_code(self, person: str, reason: str, hours: int, **options: Any) -> None:
        if not 0 < hours <= support.MAX_VALIDITY.total_seconds() / 3600:
            raise CommandError("--hours must be from 1 to 24.")
        try:
            code = support.make_emergency_code(
                self.person(person), reason, BY, None, timezone.now(), timedelta(hours=hours)
            )
        except support.NothingToDo:
            raise CommandError(f"{person} has no two-factor sign-in.") from None
        except support.NeedsNewPassword:
            raise CommandError(f"No code helps before {person} has chosen a new password.") from None
        self.stderr.write(f"It works once, within {hours} h. Give it to nobody but {person}.")
        self.stdout.write(code)

    def take_over(
        self, source: str, users: str | None, only_default: bool, dry_run: bool, json: bool, **options: Any
    ) -> None:
        if only_default and source != "django-otp":
            raise CommandError(f"{source} has one authenticator for each person, and does not name it.")
        names = [name.strip() for name in users.split(",") if name.strip()] if users is not None else None
        if names == []:
            raise CommandError("--users names nobody.")
        try:
            summary = run_import(
                source,
                timezone.now(),
                only=None if names is None else {self.person(name).pk for name in names},
                only_default=only_default,
                dry_run=dry_run,
                progress=self.stderr.write,
            )
        except SourceError as error:
            raise CommandError(str(error)) from None
        if dry_run:
            self.stderr.write("This is what would happen; nothing has changed.")
        self.say_summary(summary, json)
        if summary.faults:
            raise CommandError("Not everything could be taken over.", returncode=IN_PART)

    def say_summary(self, summary: ImportSummary, as_json: bool) -> None:
        facts = dict(vars(summary))
        if as_json:
            faults = [{"person": person, "reason": reason} for person, reason in summary.faults]
            self.say({**facts, "faults": faults}, as_json)
            return
        left_out, faults = facts.pop("left_out"), facts.pop("faults")
        self.say({**facts, **{f"left out, {reason}": count for reason, count in left_out.items()}}, as_json)
        for person, reason in faults:
            self.stdout.write(f"{person} {reason}")

    def generate_key(self, **options: Any) -> None:
        self.stdout.write(sealing.generate_key())

    def rotate_keys(self, dry_run: bool, **options: Any) -> None:
        if dry_run:
            waiting = sum(rotate_keys.sealed_with_old_key(*column).count() for column in rotate_keys.SEALED)
            self.stdout.write(f"{waiting} to be sealed again.")
            return
        sealed = unreadable = 0
        for done, failed in rotate_keys.rotate(timezone.now()):
            sealed, unreadable = sealed + done, unreadable + failed
            self.stderr.write(f"{sealed} sealed again")
        self.stdout.write(f"{sealed} sealed again, {unreadable} unreadable.")
        if unreadable:
            raise CommandError(
                "Some rows were sealed with a key that is not in TWOFACTOR_KEYS.", returncode=IN_PART
            )

    def prune(self, events_days: int, dry_run: bool, **options: Any) -> None:
        if not 1 <= events_days <= prune.MAX_EVENTS_KEPT.days:
            raise CommandError(f"--events-days must be from 1 to {prune.MAX_EVENTS_KEPT.days}.")
        removed = prune.prune(timezone.now(), timedelta(days=events_days), dry_run=dry_run)
        for name, rows in removed.items():
            self.stdout.write(f"{name}: {rows} {'would be ' * dry_run}removed")

    def send(self, **options: Any) -> None:
        sent, answers = outbox.send_due()
        self.stdout.write(f"{sent} sent, {outbox.unsent().count()} waiting.")
        if not answers:
            raise CommandError("The mail server does not take mail.", returncode=IN_PART)

    def after_restore(self, dry_run: bool, **options: Any) -> None:
        for name, rows in support.after_restore(timezone.now(), dry_run=dry_run).items():
            self.stdout.write(f"{name}: {rows}{' (not changed)' * dry_run}")
