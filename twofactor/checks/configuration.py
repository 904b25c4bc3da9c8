"""Checks of settings, middleware, databases and administrators."""

from collections.abc import Iterator
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import PermissionsMixin
from django.contrib.sessions.backends import signed_cookies
from django.core.checks import CheckMessage, Error, Info, Tags, Warning, register
from django.db import connections, router
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Model
from django.shortcuts import resolve_url
from django.template import TemplateDoesNotExist, TemplateSyntaxError
from django.urls import NoReverseMatch, Resolver404, resolve, reverse
from django.utils.module_loading import import_string

from twofactor import conf, devices, policy, statements
from twofactor.factors import passkeys
from twofactor.models import Allowance, Authenticator, BackupCode, Passkey, Rule, SecurityMixin, TwoFactor
from twofactor.operations import administrators
from twofactor.web import frame, links

MIDDLEWARE_ORDER = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "twofactor.middleware.TwoFactor",
]
SQLITE = "django.db.backends.sqlite3"
LOCK_FIRST = {"IMMEDIATE", "EXCLUSIVE"}  # transactions of SQLite that wait for the lock before they read
AXES_BACKEND = "axes.backends.AxesStandaloneBackend"


@register(Tags.security)
def check_settings(app_configs: Any, **kwargs: Any) -> Iterator[CheckMessage]:
    for problem in conf.problems():
        yield Error(problem.sentence, hint=problem.hint, id=problem.id)


@register(Tags.security)
def check_middleware(app_configs: Any, **kwargs: Any) -> Iterator[CheckMessage]:
    places = [settings.MIDDLEWARE.index(name) for name in MIDDLEWARE_ORDER if name in settings.MIDDLEWARE]
    for name in MIDDLEWARE_ORDER:
        if name not in settings.MIDDLEWARE:
            yield Error(f"MIDDLEWARE does not contain {name}.", id="twofactor.E002")
    if places != sorted(places):
        yield Error(
            "MIDDLEWARE has the right entries in the wrong order.",
            hint="Use this order: " + ", ".join(MIDDLEWARE_ORDER),
            id="twofactor.E003",
        )


@register(Tags.security)
def check_database_vendor(app_configs: Any, **kwargs: Any) -> Iterator[CheckMessage]:
    """A limit is charged by a statement that others do not have (limits/allowances.py). Asks no database."""
    alias = router.db_for_write(Allowance)
    if connections[alias].vendor not in statements.VENDORS:
        yield Error(
            "Countersign keeps its limits in SQLite or PostgreSQL, and this database is neither.",
            hint=f"It is {connections[alias].vendor} ({alias}). A router can move it, with the people.",
            id="twofactor.E017",
        )


@register(Tags.security)
def check_routers(app_configs: Any, **kwargs: Any) -> Iterator[CheckMessage]:
    """Our rows point at people, and change together with them in one transaction. Asks no database."""
    people = router.db_for_write(get_user_model())
    elsewhere = {router.db_for_write(model) for model in apps.get_app_config("twofactor").get_models()}
    for alias in sorted(elsewhere - {people}):
        yield Error(
            f"The tables of twofactor are in '{alias}', but those of the people in '{people}'.",
            hint=f"Let DATABASE_ROUTERS send the app twofactor to {people}, too.",
            id="twofactor.E019",
        )


@register(Tags.security)
def check_axes_backend(app_configs: Any, **kwargs: Any) -> Iterator[CheckMessage]:
    if apps.is_installed("axes") and not issubclass(
        import_string(settings.AUTHENTICATION_BACKENDS[0]), import_string(AXES_BACKEND)
    ):
        yield Error(
            "AUTHENTICATION_BACKENDS does not start with axes, so a locked-out password would be tried.",
            hint=f"Put {AXES_BACKEND} first.",
            id="twofactor.E004",
        )


@register(Tags.security)
def check_databases(app_configs: Any, **kwargs: Any) -> Iterator[CheckMessage]:
    for alias, database in settings.DATABASES.items():
        if not database.get("AUTOCOMMIT", True):
            yield Error(
                f"DATABASES['{alias}'] forgets the guesses of a request that ends without a commit.",
                hint="Remove AUTOCOMMIT: ATOMIC_REQUESTS may be on.",
                id="twofactor.E018",
            )


@register(Tags.security, deploy=True)
def check_sqlite(app_configs: Any, **kwargs: Any) -> Iterator[CheckMessage]:
    """Nothing is spent twice without these options: transactions.py takes the lock by itself."""
    for alias, database in settings.DATABASES.items():
        if database["ENGINE"] != SQLITE:
            continue
        options = database.get("OPTIONS", {})
        pragmas = options.get("init_command", "").replace(" ", "").upper()
        waits = options.get("transaction_mode") == "IMMEDIATE" and options.get("timeout", 5) >= 20
        if not waits or "JOURNAL_MODE=WAL" not in pragmas or "SYNCHRONOUS=FULL" not in pragmas:
            yield Warning(
                f"DATABASES['{alias}'] may lose a used code in a power cut, or answer 'database is locked'.",
                hint="In OPTIONS, set transaction_mode to 'IMMEDIATE', timeout to 20, and init_command to "
                "'PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;'.",
                id="twofactor.W001",
            )


@register(Tags.security)
def check_atomic_requests(app_configs: Any, **kwargs: Any) -> Iterator[CheckMessage]:
    """SQLite does not wait for the lock in a transaction that has read before: it gives up at once."""
    for alias, database in settings.DATABASES.items():
        mode = database.get("OPTIONS", {}).get("transaction_mode") or ""
        is_concerned = database["ENGINE"] == SQLITE and database.get("ATOMIC_REQUESTS")
        if is_concerned and mode.upper() not in LOCK_FIRST:
            yield Warning(
                f"DATABASES['{alias}'] has ATOMIC_REQUESTS: SQLite may answer 'database is locked' at once.",
                hint="In OPTIONS, set transaction_mode to 'IMMEDIATE'.",
                id="twofactor.W008",
            )


@register(Tags.security)
def check_session_engine(app_configs: Any, **kwargs: Any) -> Iterator[CheckMessage]:
    if issubclass(import_module(settings.SESSION_ENGINE).SessionStore, signed_cookies.SessionStore):
        yield Error(
            f"SESSION_ENGINE {settings.SESSION_ENGINE}: a copy of the cookie works on after signing out.",
            hint="Set it to twofactor.sessions; db, cache and cached_db work, too.",
            id="twofactor.E008",
        )


@register(Tags.security)
def check_session_list(app_configs: Any, **kwargs: Any) -> Iterator[CheckMessage]:
    if not devices.has_session_list():
        yield Info(
            f"SESSION_ENGINE is {settings.SESSION_ENGINE}, so the list of devices shows no sessions.",
            hint="Set it to twofactor.sessions.",
            id="twofactor.I003",
        )


@register(Tags.security)
def check_urls(app_configs: Any, **kwargs: Any) -> Iterator[CheckMessage]:
    try:
        reverse("twofactor:setup")
    except NoReverseMatch:
        yield Error(
            "No URL leads to the two-factor authentication pages.",
            hint='Add path("two-factor/", include("twofactor.urls")) to urlpatterns.',
            id="twofactor.E010",
        )


@register(Tags.security)
def check_login_url(app_configs: Any, **kwargs: Any) -> Iterator[CheckMessage]:
    """On another host it may lead anywhere."""
    try:
        url = urlsplit(resolve_url(settings.LOGIN_URL))
        if not url.netloc:
            resolve(url.path)
    except (NoReverseMatch, Resolver404):
        yield Warning(
            f"LOGIN_URL is {settings.LOGIN_URL!r}, and no URL of the site is: who has to sign in gets a 404.",
            hint='Set it to the path or the name of your login page, for example "admin:login".',
            id="twofactor.W005",
        )


@register(Tags.security)
def check_links(app_configs: Any, **kwargs: Any) -> Iterator[CheckMessage]:
    chosen = conf.links() if conf.is_right("TWOFACTOR_LINKS") else {}
    for name, url in chosen.items():
        if url and not links.find_link(name):
            yield Warning(
                f"TWOFACTOR_LINKS[{name!r}] is {str(url)!r}, and no URL has that name.",
                hint="Pages leave the link out. Set it to a path, a URL or the name of one, or to  for none.",
                id="twofactor.W006",
            )


@register(Tags.security)
def check_base_template(app_configs: Any, **kwargs: Any) -> Iterator[CheckMessage]:
    """Without the block, every page would be the site's frame and nothing in it."""
    if not frame.is_of_site() or not conf.is_right("TWOFACTOR_BASE_TEMPLATE", "TWOFACTOR_BASE_BLOCK"):
        return
    try:
        problem = "" if frame.has_block(conf.base_template(), conf.base_block()) else "it has no such block"
    except (TemplateDoesNotExist, TemplateSyntaxError) as error:
        problem = f"{type(error).__name__}: {error}"
    if problem:
        yield Error(
            f"Pages can't fill {conf.base_block()!r} of {conf.base_template()!r}: {problem}.",
            hint="TWOFACTOR_BASE_TEMPLATE names a Django template, and TWOFACTOR_BASE_BLOCK a block of it.",
            id="twofactor.E022",
        )


@register(Tags.database)
def check_administrators(app_configs: Any, databases: Any = None, **kwargs: Any) -> Iterator[CheckMessage]:
    """Does the policy lock every administrator out? Runs with migrate and with check --database default.

    It reads no rows before all migrations are applied: migrate runs the checks first, when tables or columns
    may be missing.
    """
    users = get_user_model()._default_manager
    if users.db not in (databases or ()) or not issubclass(users.model, PermissionsMixin):
        return
    if not all(map(conf.is_required_for, (conf.required_for(), conf.passkey_required_for()))):
        return
    if not is_up_to_date(users.db, [users.model, TwoFactor, Authenticator, BackupCode, Rule]):
        if setting_in_use() is None:
            return
        yield Info(
            "Whether TWOFACTOR_REQUIRED_FOR locks out every administrator can be checked only after migrate.",
            hint=f"After that, run: manage.py check --database {users.db}",
            id="twofactor.I002",
        )
        return
    if setting_in_use() is None and not Rule.objects.exists():
        return
    try:
        all_locked_out = administrators.are_all_locked_out(policy.applies_to)
        none_has_passkey = administrators.have_no_passkey(must_use_passkey)
    except Exception as error:  # the site's own function may raise anything
        yield Warning(
            f"TWOFACTOR_REQUIRED_FOR: {conf.required_for()} failed with {type(error).__name__}: {error}",
            hint="It cannot be checked whether it locks out every administrator.",
            id="twofactor.W004",
        )
        return
    if all_locked_out:
        cause = setting_in_use() or "A rule"
        yield Error(
            f"{cause} would lock out every administrator: none can set up or enter a code.",
            hint="Run manage.py twofactor reset PERSON --reason …, or set TWOFACTOR_REQUIRED_FOR to nobody.",
            id="twofactor.E011",
        )
    elif none_has_passkey and passkeys.are_offered():
        yield Error(
            "Every administrator would need a passkey or security key, and none has one.",
            hint="Add one to the account of an administrator before they are required.",
            id="twofactor.E026",
        )
    yield from check_required_passkeys()


def setting_in_use() -> str | None:
    values = {
        "TWOFACTOR_REQUIRED_FOR": conf.required_for(),
        "TWOFACTOR_PASSKEY_REQUIRED_FOR": conf.passkey_required_for(),
    }
    return next((name for name, value in values.items() if value != conf.NOBODY), None)


def must_use_passkey(user: Any) -> bool:
    return policy.passkey_deadline(user) is not None


def check_required_passkeys() -> Iterator[CheckMessage]:
    """Nobody can be held to what no browser would give."""
    in_rules = Rule.objects.filter(factor=Rule.Factor.PASSKEY).exists()
    if passkeys.are_offered() or not (in_rules or conf.passkey_required_for() != conf.NOBODY):
        return
    yield Warning(
        "Passkeys are required, and this site offers none, so any second factor is enough.",
        hint="Install the extra passkeys, and set TWOFACTOR_BASE_URL to the HTTPS address of the site.",
        id="twofactor.W010",
    )


def is_up_to_date(alias: str, models: list[type[Model]]) -> bool:
    """Is nothing left to migrate, and does every column of these models exist?"""
    connection = connections[alias]
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return False
    needed: dict[str, set[str]] = {}
    for model in models:
        for field in model._meta.concrete_fields:
            needed.setdefault(field.model._meta.db_table, set()).add(str(field.column))
    with connection.cursor() as cursor:
        introspection = connection.introspection
        if needed.keys() - set(introspection.table_names(cursor)):
            return False
        return all(
            columns <= {column.name for column in introspection.get_table_description(cursor, table)}
            for table, columns in needed.items()
        )


@register(Tags.security)
def check_user_model(app_configs: Any, **kwargs: Any) -> Iterator[CheckMessage]:
    if not issubclass(get_user_model(), SecurityMixin):
        yield Info(
            f"{settings.AUTH_USER_MODEL} has no security epoch, so each request takes one more query.",
            hint="Let it inherit twofactor.models.SecurityMixin.",
            id="twofactor.I001",
        )


@register(Tags.security)
def check_base_url(app_configs: Any, **kwargs: Any) -> Iterator[CheckMessage]:
    if not conf.read("TWOFACTOR_BASE_URL"):
        yield Warning(
            "TWOFACTOR_BASE_URL is not set, so links in emails would lead to localhost.",
            hint="Set it to the origin of the site, like 'https://accounts.example.com'.",
            id="twofactor.W003",
        )


@register(Tags.security)
def check_passkey_library(app_configs: Any, **kwargs: Any) -> Iterator[CheckMessage]:
    if not passkeys.library_is_installed():
        yield Info(
            "The package webauthn is not installed, so nobody is offered a passkey.",
            hint="Install django-countersign[passkeys].",
            id="twofactor.I004",
        )


@register(Tags.security)
def check_passkey_domain(app_configs: Any, **kwargs: Any) -> Iterator[CheckMessage]:
    if conf.is_right("TWOFACTOR_PASSKEY_DOMAIN") and conf.read("TWOFACTOR_PASSKEY_DOMAIN"):
        yield from passkey_problem(Error, "twofactor.E023")


@register(Tags.security, deploy=True)
def check_passkey_address(app_configs: Any, **kwargs: Any) -> Iterator[CheckMessage]:
    if not conf.read("TWOFACTOR_PASSKEY_DOMAIN"):
        yield from passkey_problem(Warning, "twofactor.W009")


def passkey_problem(kind: type[CheckMessage], check_id: str) -> Iterator[CheckMessage]:
    """Without TWOFACTOR_BASE_URL another check says so."""
    is_right = conf.is_right("TWOFACTOR_BASE_URL") and conf.read("TWOFACTOR_BASE_URL")
    problem = conf.passkey_problem() if is_right and passkeys.library_is_installed() else ""
    if problem:
        message: Any = kind  # whose level its subclasses know
        yield message(
            f"Nobody is offered a passkey: {problem}.",
            hint="Browsers know passkeys at an HTTPS address of that domain, and at localhost.",
            id=check_id,
        )


@register(Tags.database)
def check_domain_of_passkeys(
    app_configs: Any, databases: Any = None, **kwargs: Any
) -> Iterator[CheckMessage]:
    """A passkey works at the domain that it was made for, and at no other."""
    alias = router.db_for_read(Passkey)
    if alias not in (databases or ()) or not passkeys.are_offered() or not is_up_to_date(alias, [Passkey]):
        return
    lost = Passkey.objects.exclude(rp_id=conf.passkey_domain()).count()
    if lost:
        yield Error(
            f"{lost} passkeys were made for another domain than {conf.passkey_domain()}, and don't work.",
            hint="Set TWOFACTOR_PASSKEY_DOMAIN to the one that they were made for, or silence this check.",
            id="twofactor.E024",
        )


@register(Tags.security)
def check_mail_timeout(app_configs: Any, **kwargs: Any) -> Iterator[CheckMessage]:
    mailers = getattr(settings, "MAILERS", None)  # Django 6.1 and later; with it, there is no EMAIL_BACKEND
    if mailers is not None:
        mailer = mailers.get("default", {"BACKEND": ""})
        backend, timeout = mailer.get("BACKEND", "smtp"), mailer.get("OPTIONS", {}).get("timeout")
        name, hint = "MAILERS['default'] has no timeout", "Set timeout to 5 in OPTIONS."
    else:
        backend, timeout = settings.EMAIL_BACKEND, settings.EMAIL_TIMEOUT
        name, hint = "EMAIL_TIMEOUT is not set", "Set it to 5."
    if "smtp" in backend and not timeout:
        yield Warning(
            f"{name}, so a mail server that hangs would block a page.", hint=hint, id="twofactor.W002"
        )
