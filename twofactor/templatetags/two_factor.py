"""{% load two_factor %} in any template of the site."""

import json
from datetime import datetime, timedelta
from typing import Any

from django import template
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import AnonymousUser
from django.contrib.messages.storage.base import Message
from django.forms import BoundField
from django.template.base import FilterExpression, Parser, Token
from django.templatetags.static import static
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _

from twofactor import conf
from twofactor.clocks import format_age, format_duration
from twofactor.factors import enrolled, methods, passkeys
from twofactor.limits.guesses import Locked
from twofactor.models import Passkey
from twofactor.recovery import notice
from twofactor.signin.session import IMPERSONATED, NONE, TRUSTED
from twofactor.users import TwoFactorUser, sign_in_name
from twofactor.views import passkey_forms
from twofactor.web import browser_names, frame, kept_html, links, undo
from twofactor.web.htmx import HTMX_CONFIG, PAGE_OF, TIMEOUT, name_in_header
from twofactor.web.pages import seconds_until

register = template.Library()
# {type of a widget: what TWOFACTOR_CSS_CLASSES calls it}; all others are an input.
CSS_KEYS = {
    "checkbox": "checkbox",
    "checkboxselectmultiple": "checkbox",
    "radioselect": "checkbox",
    "select": "select",
}


@register.filter
def has_two_factor(user: TwoFactorUser | AnonymousUser) -> bool:
    """{% if user|has_two_factor %}: is it on for this person? One query; user.is_verified costs none."""
    return user.is_authenticated and enrolled.is_on(user)


@register.filter
def browser_name(user_agent: str) -> str:
    """{{ event.browser|browser_name }}: what people call it, and nothing where there was none."""
    return browser_names.name_of(user_agent)


@register.filter
def browser_label(description: str) -> str:
    """{{ device.browser|browser_label }}: what browser_names.describe() stored, in the page's language."""
    return browser_names.localized(description)


@register.filter
def device_label(description: str) -> str:
    """{{ event.named_device|device_label }}: the device that an event names, in the page's language."""
    return browser_names.localized_device(description)


@register.filter
def signed_in_with(method: str) -> str:
    """{{ device.method|signed_in_with }}: how a person signed in there."""
    return {
        NONE: _("Signed in with the password"),
        TRUSTED: _("Signed in with the password, in a trusted browser"),
        IMPERSONATED: _("Support, who act in your name"),
        methods.CONFIRMED: _("Signed in with the password and a code we sent"),
        methods.TOTP: _("Signed in with a code from the authenticator app"),
        methods.BACKUP: _("Signed in with a backup code"),
        methods.SMS: _("Signed in with a code from a text message"),
        methods.RECOVERY: _("Signed in with a code from an email"),
        methods.WAITED: _("Let in by a recovery, to set up a new app"),
        methods.PASSKEY: _("Signed in with a passkey"),
        methods.KEY: _("Signed in with a security key"),
    }.get(method, "")


register.filter(format_duration)
register.filter(sign_in_name)


@register.filter
def ago(moment: datetime) -> str:
    """{{ event.at|ago }}: "5 minutes ago", and nothing where only the date is worth saying."""
    return format_age(timezone.now() - moment)


@register.filter
def wait(until: datetime) -> str:
    """How long until then."""
    return format_duration(timedelta(seconds=seconds_until(until)))


@register.filter
def why_locked(lock: Locked) -> str:
    """Why no code is looked at, and what helps."""
    if lock.until:
        told = {"until": wait(lock.until), "time": f"{lock.until:%H:%M}"}
        sentence = _(
            "You entered the wrong code too many times. You can try again in %(until)s,"
            " at about %(time)s (UTC)."
        )
        return sentence % told
    if lock.lifts_at:
        sentence = _(
            "You entered the wrong code too many times, and a new password won't help again until"
            " %(day)s. Ask the people who run this site for help."
        )
        return sentence % {"day": date_format(lock.lifts_at, "DATE_FORMAT")}
    return _("You entered the wrong code too many times. Reset your password to try again.")


@register.simple_tag
def site_name() -> str:
    return conf.site_name()


@register.simple_tag
def link_to(name: str) -> str:
    """{% link_to "help" as help %}{% if help %}…: a page of the site, if it has that (TWOFACTOR_LINKS)."""
    return links.find_link(name)


@register.simple_tag
def absolute_link_to(name: str) -> str:
    """The same for a mail."""
    return links.find_absolute_link(name)


@register.simple_tag
def support_contact() -> dict[str, str] | None:
    """{% support_contact as support %}{% if support %}…: the site's own support, if it has one."""
    contact = {"email": conf.support_email(), "url": conf.support_url()}
    return contact if any(contact.values()) else None


@register.simple_tag
def recovery_wait() -> timedelta:
    """{% recovery_wait as wait %}{% if wait %}…: how long a recovery takes, if there is one."""
    return conf.recovery_wait()


@register.simple_tag
def recovery_of(user: TwoFactorUser | AnonymousUser, to: str = "") -> dict[str, Any] | None:
    """{% recovery_of user to as recovery %}: one that runs for this person, as a mail tells of it."""
    if not user.is_authenticated or user.pk is None:
        return None
    return notice.of(user, timezone.now(), to)


@register.simple_tag
def htmx_file() -> str:
    """<script src="{% htmx_file %}">: the htmx of django-htmx, which need not be among INSTALLED_APPS."""
    return static(f"twofactor/htmx-{conf.htmx_version()}.min.js")


@register.simple_tag
def htmx_timeout() -> int:
    return TIMEOUT


@register.simple_tag
def htmx_config_text() -> str:
    return json.dumps(HTMX_CONFIG[conf.htmx_version()], separators=(",", ":"))


@register.simple_tag
def own_policy() -> str:
    return frame.policy()


@register.simple_tag(takes_context=True)
def nonce(context: template.Context) -> str:
    """<script src="…"{% nonce %}>: what the site's policy asks of scripts and styles, if it does."""
    value = frame.nonce_of(context.get("request"))
    return format_html(' nonce="{}"', value) if value else ""


@register.simple_tag(takes_context=True)
def css(context: template.Context, *words: str, key: str = "") -> str:
    """<button {% css "primary" %}>: our class names, and those that the site has for them or for the key."""
    own = " ".join(words).split()
    names = [*own, *classes_of_site(context, [key] if key else own)]
    return format_html('class="{}"', " ".join(names)) if names else ""


@register.simple_tag(takes_context=True)
def widget(context: template.Context, field: BoundField) -> str:
    """{% widget form.code %}: the field's input, with the class names of the site."""
    keys = [CSS_KEYS.get(field.widget_type, "input"), *(["wrong"] if field.errors else [])]
    names = classes_of_site(context, keys)
    if not names:
        return str(field)
    own = field.field.widget.attrs.get("class", "")
    return field.as_widget(attrs={"class": " ".join([*own.split(), *names])})


def classes_of_site(context: template.Context, keys: list[str]) -> list[str]:
    """In our own frame there is no style of the site, and so none of its names."""
    classes = conf.css_classes() if context.get("is_framed") else {}
    return [classes[key] for key in keys if classes.get(key)]


@register.simple_tag(takes_context=True)
def page_of(context: template.Context, both: bool = False) -> str:
    """<body {% page_of %}>: with each request htmx says whom the document was made for.

    `both` is for a page whose htmx is the site's, of any version.
    """
    session = getattr(context.get("request"), "session", None)
    pk = session.get(SESSION_KEY) if session is not None else None  # what the middleware compares it with
    names = {2: "hx-headers", 4: "hx-headers:inherited"}  # 4 hands down nothing else
    wanted = names.values() if both else [names[conf.htmx_version()]]
    told = json.dumps({PAGE_OF: name_in_header(pk)})
    return format_html_join(" ", '{}="{}"', ((name, told) for name in wanted))


@register.simple_tag(takes_context=True)
def undo_of(context: template.Context, message: Message) -> dict[str, Any] | None:
    """{% undo_of message as undo %}: what its button takes back, if it has one."""
    request = context.get("request")
    return undo.offered_by(request, message) if request is not None else None


@register.inclusion_tag("twofactor/components/link_attributes.html", takes_context=True)
def link_attributes(context: template.Context, to: str, row: str = "") -> dict[str, Any]:
    """<a href="{{ to }}" {% link_attributes to %}>: htmx follows the link and replaces the main part.

    {% link_attributes to row %} replaces the row with that id.
    """
    return {"to": to, "row": row, "is_framed": context.get("is_framed")}


@register.inclusion_tag("twofactor/components/passkey_sign_in.html", takes_context=True)
def passkey_sign_in(context: template.Context, to: str = "") -> dict[str, Any]:
    """{% passkey_sign_in next %}, after the form of a sign-in page: the button, where passkeys work.

    With autocomplete="username webauthn" on its field for the name, browsers offer them there, too.
    """
    request = context["request"]
    shown = {name: context.get(name) for name in ("request", "csrf_token", "is_framed", "is_bare")}
    if not passkeys.are_offered():
        return shown
    return {**shown, "passkey_form": passkey_forms.sign_in_form(request), "next": to}


@register.simple_tag
def passkeys_of(user: TwoFactorUser) -> list[Passkey]:
    """{% passkeys_of user as passkeys %}: those that sign in without the password, after a new one too.

    One query, and none where passkeys do not work.
    """
    is_there = user.pk is not None  # a letter may be to someone whose account is gone
    return passkeys.usable_alone(passkeys.all_of(user)) if is_there and passkeys.are_offered() else []


@register.tag
def htmx_config(parser: Parser, token: Token) -> template.Node:
    """{% htmx_config %}: the meta element that configures the htmx of this site."""
    return HtmxConfig()


class HtmxConfig(template.Node):
    """A node, because a simple tag escapes: each quotation mark of the JSON would take six bytes."""

    def render(self, context: template.Context) -> str:
        return f"<meta name=\"htmx-config\" content='{htmx_config_text()}'>"


@register.tag
def passkey_options(parser: Parser, token: Token) -> template.Node:
    """{% passkey_options form %}: the attribute with what passkeys.js asks the browser."""
    _name, form = token.split_contents()
    return PasskeyOptions(parser.compile_filter(form))


class PasskeyOptions(template.Node):
    """A node, as above. What could end the attribute, as in the name of a person, is written as JSON can."""

    def __init__(self, form: FilterExpression) -> None:
        self.form = form

    def render(self, context: template.Context) -> str:
        options: str = self.form.resolve(context).options
        return f"data-options='{options.translate(ESCAPED_IN_JSON)}'"


ESCAPED_IN_JSON = {ord(each): f"\\u{ord(each):04x}" for each in "&<>'"}

register.tag(kept_html.keep)
register.tag(kept_html.fresh)
