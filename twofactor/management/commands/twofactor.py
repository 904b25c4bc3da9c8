"""manage.py twofactor …: the actions for operators. Each action is a method of the same name."""

import json
from argparse import ArgumentParser, ArgumentTypeError
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from twofactor import conf, policy, sealing
from twofactor.factors import backup_codes, enrolled, passkeys
from twofactor.forms import RuleForm
from twofactor.importers.records import SourceError
from twofactor.importers.run import SOURCES, ImportSummary, run_import
from twofactor.limits import guesses
from twofactor.management.progress import Progress
from twofactor.models import GuessBudget, Rule, TwoFactor
from twofactor.operations import adoption, doctor, prune, rotate_keys, rules, support
from twofactor.outgoing import outbox

BY = "command line"
EXIT_CODES = "Exit codes: 0 done; 1 refused (see standard error); 2 invalid arguments; 3 partly done."
IN_PART = 3
MAX_HOURS = support.MAX_VALIDITY // timedelta(hours=1)
NAMES_SHOWN = 20  # in the report; --json has all


def reason(text: str) -> str:
    if not 0 < len(text.strip()) <= support.MAX_REASON_LENGTH:
        raise ArgumentTypeError(f"enter a reason of at most {support.MAX_REASON_LENGTH} characters")
    return text.strip()


def header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        raise ArgumentTypeError("write it like X-Forwarded-For: 203.0.113.9")
    return name.strip(), value.strip()


def label(name: str) -> str:
    return name.replace("two_factor", "two-factor authentication").replace("_", " ")


def shortened(names: list[str]) -> str:
    if not names:
        return "nobody"
    text = ", ".join(names[:NAMES_SHOWN])
    return f"{text} …" if len(names) > NAMES_SHOWN else text


class Command(BaseCommand):
    help = "Manage two-factor authentication. 'manage.py twofactor ACTION --help' explains each action."
    requires_system_checks = ()  # the way out when a check refuses to start the site

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")

        def action(name: str, summary: str, more: str = "") -> ArgumentParser:
            return actions.add_parser(name, help=summary, description=f"{summary} {more}", epilog=EXIT_CODES)

        status = action("status", "Show the status of one person or of the site.")
        status.add_argument("person", nargs="?", help="username; without it, the site")
        report = action(
            "report",
            "Show how many people use two-factor authentication, and which keys are in use.",
            "Lists everyone who still depends on an older key. Once nobody does, you can remove it from "
            "TWOFACTOR_KEYS.",
        )
        import_ = action(
            "import",
            "Import authenticator apps and unused backup codes from the tables of another package.",
            "Sends no email, skips people who already use two-factor authentication here, and is safe to "
            "repeat. Lists everything it leaves out, with the reason.",
        )
        import_.set_defaults(action="run-import")  # a method cannot be called import
        import_.add_argument("source", choices=SOURCES, help="django-otp also covers django-two-factor-auth")
        import_.add_argument("--users", help="import only these people: usernames, separated by commas")
        import_.add_argument(
            "--only-default",
            action="store_true",
            help="of django-otp's devices, import only those named 'default'",
        )
        for asked in (status, report, import_):
            asked.add_argument("--json", action="store_true", help="print JSON")
        reset = action(
            "reset",
            "Turn off two-factor authentication for someone who has lost everything, and end their sessions.",
            "After that, the password alone is enough. The person is told by email. Also for when every "
            "administrator is locked out.",
        )
        emergency_code = action(
            "emergency-code",
            "Print a code that lets a person sign in once. It is shown here and nowhere else.",
            "It replaces any earlier one, and ends the wait after wrong codes. The person is told by email.",
        )
        emergency_code.add_argument(
            "--hours", type=int, default=1, help=f"how many hours it works, {MAX_HOURS} at most (default: 1)"
        )
        for for_support in (reset, emergency_code):
            for_support.add_argument("person", help="username")
            for_support.add_argument("--reason", required=True, type=reason, help="recorded in the audit log")
        requiring = action(
            "require",
            "Require two-factor authentication of everyone, staff, a group or one person.",
            "Shows whom the rule holds, makes it, and tells everyone concerned by email.",
        )
        requiring.add_argument("whom", help="everyone, staff, group:NAME, or a username")
        requiring.add_argument(
            "--passkey", action="store_true", help="a passkey or security key; without it, any factor"
        )
        requiring.add_argument("--from", dest="starts_on", metavar="YYYY-MM-DD", help="default: today")
        requiring.add_argument("--grace-days", default="0", help="for each person from their first day on")
        requiring.add_argument(
            "--dry-run", action="store_true", help="show whom it would hold, and make none"
        )
        releasing = action(
            "release", "Remove a rule of two-factor authentication.", "See rules for the numbers."
        )
        releasing.add_argument("rule", type=int, help="number of the rule")
        for about_rules in (requiring, releasing):
            about_rules.add_argument("--reason", required=True, type=reason, help="recorded in the audit log")
        action("rules", "List the rules of two-factor authentication.").add_argument(
            "--json", action="store_true", help="print JSON"
        )
        action("generate-key", "Print a new key for TWOFACTOR_KEYS. Needs no settings.")
        rotation = action(
            "rotate-keys",
            "Encrypt everything with the newest key. Safe to repeat, stop and run on a live site.",
            "First put the new key at the front of TWOFACTOR_KEYS on every server, before the old one.",
        )
        pruning = action(
            "prune",
            "Remove what is no longer needed. Run it every night.",
            "Removes old entries of the audit log, unfinished setups, codes, browsers, sessions and wrong "
            "passwords, in short transactions that do not delay anyone's sign-in.",
        )
        pruning.add_argument(
            "--events-days",
            type=int,
            default=prune.EVENTS_KEPT.days,
            help="how many days of the audit log to keep",
        )
        action(
            "send",
            "Send the emails that are waiting. Run it from a timer, every minute.",
            "Workers send emails at once; this sends what they could not, or everything if "
            "TWOFACTOR_MAIL_SENT_BY is 'command'. Any number of these can run at the same time.",
        )
        examination = action(
            "doctor",
            "Look for what the system checks cannot see: clock, mail, keys, timers, addresses, lost rows.",
            "One line for each, with what helps. Exit code 1 if there is a problem.",
        )
        examination.add_argument("--json", action="store_true", help="print JSON")
        examination.add_argument("--mail-to", default="", metavar="ADDRESS", help="send a test email there")
        examination.add_argument("--sms-to", default="", metavar="NUMBER", help="send a test message there")
        examination.add_argument(
            "--remote-addr",
            default="",
            metavar="ADDRESS",
            help="tell which address a request from there gets",
        )
        examination.add_argument(
            "--header",
            action="append",
            default=[],
            type=header,
            metavar="NAME:VALUE",
            help="with this header; can be given several times",
        )
        after_restore = action(
            "after-restore",
            "Run it after restoring a backup: ends all sessions and cancels all backup codes.",
            "Otherwise, codes used and sessions ended since the backup would work again. Also turns "
            "two-factor authentication on again for people who have lost the row that says so.",
        )
        for with_dry_run in (rotation, pruning, import_, after_restore):
            with_dry_run.add_argument(
                "--dry-run", action="store_true", help="show what would change, and change nothing"
            )

    def handle(self, *args: Any, **options: Any) -> None:
        getattr(self, options["action"].replace("-", "_"))(**options)

    def print_facts(self, facts: dict[str, Any], as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(facts, default=str))
        else:
            for name, value in facts.items():
                self.stdout.write(f"{label(name)}: {value}")

    def progress(self, what: str) -> Progress:
        return Progress(self.stderr, what)

    def find_user(self, name: str) -> Any:
        user = get_user_model()._default_manager.filter(**{get_user_model().USERNAME_FIELD: name}).first()
        if user is None:
            raise CommandError(f"There is no user {name}.")
        return user

    def status(self, person: str | None, json: bool, **options: Any) -> None:
        if person is None:
            self.print_facts({"required_for": conf.required_for(), **adoption.counts(timezone.now())}, json)
            return
        user = self.find_user(person)
        two_factor = TwoFactor.objects.filter(pk=user.pk).first()
        apps = list(enrolled.apps_of(user))
        guess_budget = GuessBudget.objects.filter(pk=user.pk).first()
        lock = guesses.lock_of(guess_budget, user, timezone.now())
        facts = {
            "person": user.get_username(),
            "two_factor": "on" if enrolled.is_on(user) else "off",
            "required_from": policy.deadline(user),
            "passkey_required_from": policy.passkey_deadline(user),
            "on_since": two_factor and two_factor.enabled_at,
            "last_used": max((app.last_used_at for app in apps if app.last_used_at), default=None),
            "backup_codes_left": backup_codes.count_unused(user),
            "wrong_codes_in_a_row": guess_budget.failures if guess_budget else 0,
            "locked_until": lock and (lock.until or "the password is changed"),
        }
        self.print_facts(facts, json)

    def report(self, json: bool, **options: Any) -> None:
        with self.progress("encrypted values read") as progress:
            by_key = rotate_keys.rows_by_key(progress)
        rows = {f"sealed_with_key_{key}": count for key, count in by_key.items()}
        names = rotate_keys.users_of_old_keys()
        few = adoption.names_short_of_passkeys()
        people = {
            "depend_on_older_keys": names,
            "need_a_passkey_and_have_none": few[0],
            "need_a_passkey_and_have_one": few[1],
        }
        named = people if json else {fact: shortened(names) for fact, names in people.items()}
        self.print_facts({**adoption.counts(timezone.now()), **rows, **named}, json)

    def reset(self, person: str, reason: str, **options: Any) -> None:
        try:
            support.reset(self.find_user(person), reason, BY, None)
        except support.NothingToDo:
            raise CommandError(f"{person} does not use two-factor authentication.") from None
        self.stdout.write(
            f"Two-factor authentication is off for {person}, and all their sessions have ended."
        )

    def emergency_code(self, person: str, reason: str, hours: int, **options: Any) -> None:
        if not 0 < hours <= MAX_HOURS:
            raise CommandError(f"--hours must be from 1 to {MAX_HOURS}.")
        try:
            code = support.make_emergency_code(
                self.find_user(person), reason, BY, None, timezone.now(), timedelta(hours=hours)
            )
        except support.NothingToDo:
            raise CommandError(f"{person} does not use two-factor authentication.") from None
        except support.NeedsNewPassword:
            raise CommandError(f"A code does not help until {person} has chosen a new password.") from None
        self.stderr.write(f"It works once, for {hours} h. Give it only to {person}.")
        self.stdout.write(code)

    def require(
        self,
        whom: str,
        passkey: bool,
        starts_on: str | None,
        grace_days: str,
        dry_run: bool,
        reason: str,
        **options: Any,
    ) -> None:
        if passkey and not passkeys.are_offered():
            raise CommandError("This site offers no passkeys. See manage.py check for the reason.")
        form = RuleForm(
            {
                **self.target_of(whom),
                "factor": Rule.Factor.PASSKEY if passkey else Rule.Factor.ANY,
                "starts_on": starts_on or timezone.localdate(),
                "grace_days": grace_days,
            }
        )
        if not form.is_valid():
            raise CommandError(" ".join(str(error) for errors in form.errors.values() for error in errors))
        self.print_facts(asdict(form.preview), as_json=False)
        if not dry_run:
            rules.write(form.instance, BY, None, reason=reason)
            with self.progress("people told") as progress:
                told = rules.tell(progress=lambda done: progress(done, form.preview.without))
            self.stdout.write(f"Rule {form.instance.pk} is made. {told} told by email.")

    def target_of(self, whom: str) -> dict[str, Any]:
        if whom in {Rule.Scope.EVERYONE, Rule.Scope.STAFF}:
            return {"scope": whom}
        if whom.startswith("group:"):
            group = Group.objects.filter(name=whom.removeprefix("group:")).first()
            if group is None:
                raise CommandError(f"There is no {whom}.")
            return {"scope": Rule.Scope.GROUP, "group": group.pk}
        return {"scope": Rule.Scope.PERSON, "user": self.find_user(whom).pk}

    def release(self, rule: int, reason: str, **options: Any) -> None:
        found = Rule.objects.filter(pk=rule).first()
        if found is None:
            raise CommandError(f"There is no rule {rule}.")
        rules.remove(found, BY, None, reason=reason)
        self.stdout.write(f"Rule {rule} is removed: {found.summary}.")

    def rules(self, json: bool, **options: Any) -> None:
        for rule in Rule.objects.select_related("group", "user").order_by("pk"):
            facts = {
                "rule": rule.pk,
                "for": rule.whom,
                "factor": rule.factor,
                "from": rule.starts_on,
                "grace_days": rule.grace_days,
            }
            facts |= asdict(rules.preview(rule, timezone.now()))
            self.print_facts(facts, json)

    def run_import(
        self, source: str, users: str | None, only_default: bool, dry_run: bool, json: bool, **options: Any
    ) -> None:
        if only_default and source != "django-otp":
            raise CommandError(f"{source} has one authenticator app per person and no names for them.")
        only = None
        if users is not None:
            only = {self.find_user(name.strip()).pk for name in users.split(",") if name.strip()}
            if not only:
                raise CommandError("--users is empty.")
        try:
            with self.progress("people made ready") as progress:
                summary = run_import(
                    source,
                    timezone.now(),
                    only=only,
                    only_default=only_default,
                    dry_run=dry_run,
                    progress=progress,
                )
        except SourceError as error:
            raise CommandError(str(error)) from None
        if dry_run:
            self.stderr.write("This is what would happen. Nothing has been changed.")
        self.print_summary(summary, json)
        if summary.faults:
            raise CommandError("Not everything could be imported.", returncode=IN_PART)

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
            self.stdout.write(f"{rotate_keys.rows_with_old_key()} to encrypt again.")
            return
        sealed = unreadable = 0
        total = rotate_keys.rows_with_old_key()
        with self.progress("encrypted again") as progress:
            for done, failed in rotate_keys.rotate(timezone.now()):
                sealed, unreadable = sealed + done, unreadable + failed
                progress(sealed + unreadable, total)
        self.stdout.write(f"{sealed} encrypted again, {unreadable} unreadable.")
        if unreadable:
            raise CommandError(
                "Some rows were encrypted with a key that is not in TWOFACTOR_KEYS.", returncode=IN_PART
            )

    def prune(self, events_days: int, dry_run: bool, **options: Any) -> None:
        if not 1 <= events_days <= prune.MAX_EVENTS_KEPT.days:
            raise CommandError(f"--events-days must be from 1 to {prune.MAX_EVENTS_KEPT.days}.")
        done = "would be removed" if dry_run else "removed"
        now, kept = timezone.now(), timedelta(days=events_days)
        if dry_run:
            rows_of = prune.prune(now, kept, dry_run=True)
        else:
            total = sum(prune.prune(now, kept, dry_run=True).values())
            with self.progress("removed") as progress:
                rows_of = prune.prune(now, kept, progress=lambda done: progress(done, total))
        for name, rows in rows_of.items():
            self.stdout.write(f"{name}: {rows} {done}")

    def send(self, **options: Any) -> None:
        rules.tell()
        outbox.write_what_is_due(timezone.now())
        waiting = outbox.unsent().count()
        with self.progress("sent") as progress:
            sent, server_answers = outbox.send_due(progress=lambda sent: progress(sent, max(sent, waiting)))
        self.stdout.write(f"{sent} sent, {outbox.unsent().count()} waiting.")
        if not server_answers:
            raise CommandError("The mail server does not accept email.", returncode=IN_PART)

    def doctor(
        self,
        mail_to: str,
        sms_to: str,
        remote_addr: str,
        header: list[tuple[str, str]],
        json: bool,
        **options: Any,
    ) -> None:
        asked = doctor.Asked(timezone.now(), mail_to, sms_to, remote_addr, dict(header))
        findings = list(doctor.examine(asked))
        if json:
            rows = [{**asdict(finding), "is_ok": finding.is_ok} for finding in findings]
            self.print_facts({"findings": rows, "not_seen": doctor.NOT_SEEN}, json)
        else:
            for finding in findings:
                state = "ok" if finding.is_ok else "problem"
                self.stdout.write(f"{state:8}{finding.name}: {finding.sentence} {finding.remedy}".rstrip())
            self.stderr.write("Not seen from here: " + "; ".join(doctor.NOT_SEEN) + ".")
        if problems := sum(not finding.is_ok for finding in findings):
            raise CommandError(f"Problems: {problems}.")

    def after_restore(self, dry_run: bool, **options: Any) -> None:
        note = " (not changed)" if dry_run else ""
        for name, rows in support.after_restore(timezone.now(), dry_run=dry_run).items():
            self.stdout.write(f"{name}: {rows}{note}")
