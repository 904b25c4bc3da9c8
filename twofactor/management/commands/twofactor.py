"""manage.py twofactor …: the actions for operators. Each action is a method of the same name."""

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
MAX_HOURS = support.MAX_VALIDITY // timedelta(hours=1)
NAMES_SHOWN = 20  # in the report; --json has all


def reason(text: str) -> str:
    if not 0 < len(text.strip()) <= support.MAX_REASON_LENGTH:
        raise ArgumentTypeError(f"say why, in at most {support.MAX_REASON_LENGTH} characters")
    return text.strip()


def shortened(names: list[str]) -> str:
    if not names:
        return "nobody"
    text = ", ".join(names[:NAMES_SHOWN])
    return f"{text} …" if len(names) > NAMES_SHOWN else text


class Command(BaseCommand):
    help = "Look after two-factor sign-in. 'manage.py twofactor ACTION --help' explains each action."
    requires_system_checks = ()  # the way out when a check refuses to start the site

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")

        def action(name: str, summary: str, more: str = "") -> ArgumentParser:
            return actions.add_parser(name, help=summary, description=f"{summary} {more}", epilog=EXIT_CODES)

        status = action("status", "How things stand for one person, or for the site.")
        status.add_argument("person", nargs="?", help="sign-in name; without it, the site")
        report = action(
            "report",
            "Numbers: who has two-factor sign-in, and which keys are in use.",
            "Names everybody who still depends on an older key: it can be taken out of TWOFACTOR_KEYS "
            "when there is nobody left.",
        )
        import_ = action(
            "import",
            "Take over authenticators and unused backup codes from another app's tables in this database.",
            "Mails nobody, leaves alone whoever has two-factor sign-in here, and is safe to repeat. "
            "Whatever is left behind is listed with its reason.",
        )
        import_.set_defaults(action="run-import")  # a method cannot be called import
        import_.add_argument(
            "source", choices=SOURCES, help="django-otp stands for django-two-factor-auth too"
        )
        import_.add_argument("--users", help="only these: sign-in names, separated by commas")
        import_.add_argument(
            "--only-default", action="store_true", help="of django-otp's devices only those named 'default'"
        )
        for asked in (status, report, import_):
            asked.add_argument("--json", action="store_true", help="for a script to read")
        reset = action(
            "reset",
            "Turn two-factor sign-in off for somebody who lost everything; ends their sessions.",
            "The password alone is enough afterwards, and the person is told by e-mail. The way out when "
            "every administrator is locked out, too.",
        )
        emergency_code = action(
            "emergency-code",
            "One code that lets a person in once; printed here and nowhere else.",
            "It takes the place of an earlier one, and ends a wait after wrong codes. The person is told by "
            "e-mail that it was made.",
        )
        emergency_code.add_argument(
            "--hours", type=int, default=1, help=f"how long it works, {MAX_HOURS} at most (default: 1)"
        )
        for for_support in (reset, emergency_code):
            for_support.add_argument("person", help="sign-in name")
            for_support.add_argument("--reason", required=True, type=reason, help="goes into the audit log")
        action("generate-key", "Print a new key for TWOFACTOR_KEYS. Needs no settings.")
        rotation = action(
            "rotate-keys",
            "Seal everything with the newest key. Safe to repeat, to stop, and to run live.",
            "Put the new key first in TWOFACTOR_KEYS of every server before, and keep the old one behind it.",
        )
        pruning = action(
            "prune",
            "Remove what is not needed any more. Run it every night.",
            "Audit log, unfinished set-ups, codes, browsers, sessions and wrong passwords, in short "
            "transactions that hold up nobody's sign-in.",
        )
        pruning.add_argument(
            "--events-days", type=int, default=prune.EVENTS_KEPT.days, help="days of audit log kept"
        )
        action(
            "send",
            "Send the letters that wait. For a timer, every minute.",
            "Workers send at once; this one sends what they could not, or everything where "
            "TWOFACTOR_MAIL_SENT_BY is 'command'. Any number may run at the same time.",
        )
        after_restore = action(
            "after-restore",
            "After a backup was put back: end all sessions, void backup codes.",
            "Codes used and sessions ended since the backup would otherwise work again.",
        )
        for with_dry_run in (rotation, pruning, import_, after_restore):
            with_dry_run.add_argument(
                "--dry-run", action="store_true", help="say what would change, and change nothing"
            )

    def handle(self, *args: Any, **options: Any) -> None:
        getattr(self, options["action"].replace("-", "_"))(**options)

    def print_facts(self, facts: dict[str, Any], as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(facts, default=str))
        else:
            for name, value in facts.items():
                self.stdout.write(f"{name.replace('_', ' ')}: {value}")

    def find_user(self, name: str) -> Any:
        user = get_user_model()._default_manager.filter(**{get_user_model().USERNAME_FIELD: name}).first()
        if user is None:
            raise CommandError(f"There is nobody called {name}.")
        return user

    def status(self, person: str | None, json: bool, **options: Any) -> None:
        if person is None:
            self.print_facts({"required_for": conf.required_for(), **adoption.counts(timezone.now())}, json)
            return
        user = self.find_user(person)
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
        self.print_facts(facts, json)

    def report(self, json: bool, **options: Any) -> None:
        rows = {f"sealed_with_key_{key}": count for key, count in rotate_keys.rows_by_key().items()}
        names = rotate_keys.users_of_old_keys()
        depend = names if json else shortened(names)
        self.print_facts({**adoption.counts(timezone.now()), **rows, "depend_on_older_keys": depend}, json)

    def reset(self, person: str, reason: str, **options: Any) -> None:
        try:
            support.reset(self.find_user(person), reason, BY, None)
        except support.NothingToDo:
            raise CommandError(f"{person} has no two-factor sign-in.") from None
        self.stdout.write(f"Two-factor sign-in is off for {person}, and every session has ended.")

    def emergency_code(self, person: str, reason: str, hours: int, **options: Any) -> None:
        if not 0 < hours <= MAX_HOURS:
            raise CommandError(f"--hours must be from 1 to {MAX_HOURS}.")
        try:
            code = support.make_emergency_code(
                self.find_user(person), reason, BY, None, timezone.now(), timedelta(hours=hours)
            )
        except support.NothingToDo:
            raise CommandError(f"{person} has no two-factor sign-in.") from None
        except support.NeedsNewPassword:
            raise CommandError(f"No code helps before {person} has chosen a new password.") from None
        self.stderr.write(f"It works once, within {hours} h. Give it to nobody but {person}.")
        self.stdout.write(code)

    def run_import(
        self, source: str, users: str | None, only_default: bool, dry_run: bool, json: bool, **options: Any
    ) -> None:
        if only_default and source != "django-otp":
            raise CommandError(f"{source} has one authenticator for each person, and does not name it.")
        only = None
        if users is not None:
            only = {self.find_user(name.strip()).pk for name in users.split(",") if name.strip()}
            if not only:
                raise CommandError("--users names nobody.")
        try:
            summary = run_import(
                source,
                timezone.now(),
                only=only,
                only_default=only_default,
                dry_run=dry_run,
                progress=self.stderr.write,
            )
        except SourceError as error:
            raise CommandError(str(error)) from None
        if dry_run:
            self.stderr.write("This is what would happen; nothing has changed.")
        self.print_summary(summary, json)
        if summary.faults:
            raise CommandError("Not everything could be taken over.", returncode=IN_PART)

    def print_summary(self, summary: ImportSummary, as_json: bool) -> None:
        facts = dict(vars(summary))
        if as_json:
            faults = [{"person": person, "reason": reason} for person, reason in summary.faults]
            self.print_facts({**facts, "faults": faults}, as_json)
            return
        left_out, faults = facts.pop("left_out"), facts.pop("faults")
        facts |= {f"left out, {reason}": count for reason, count in left_out.items()}
        self.print_facts(facts, as_json)
        for person, reason in faults:
            self.stdout.write(f"{person} {reason}")

    def generate_key(self, **options: Any) -> None:
        self.stdout.write(sealing.generate_key())

    def rotate_keys(self, dry_run: bool, **options: Any) -> None:
        if dry_run:
            rows = sum(rotate_keys.sealed_with_old_key(*column).count() for column in rotate_keys.SEALED)
            self.stdout.write(f"{rows} to be sealed again.")
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
        done = "would be removed" if dry_run else "removed"
        rows_of = prune.prune(timezone.now(), timedelta(days=events_days), dry_run=dry_run)
        for name, rows in rows_of.items():
            self.stdout.write(f"{name}: {rows} {done}")

    def send(self, **options: Any) -> None:
        sent, server_answers = outbox.send_due()
        self.stdout.write(f"{sent} sent, {outbox.unsent().count()} waiting.")
        if not server_answers:
            raise CommandError("The mail server does not take mail.", returncode=IN_PART)

    def after_restore(self, dry_run: bool, **options: Any) -> None:
        note = " (not changed)" if dry_run else ""
        for name, rows in support.after_restore(timezone.now(), dry_run=dry_run).items():
            self.stdout.write(f"{name}: {rows}{note}")
