"""The frame around a page: our own, or the base template of the site."""

from functools import cache
from typing import Any
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.template import Context, engines
from django.template.backends.django import DjangoTemplates
from django.template.loader import render_to_string
from django.template.loader_tags import BlockNode, ExtendsNode
from django.templatetags.static import static
from django.utils.safestring import mark_safe  # noqa: TID251 - for what our own template has rendered

from twofactor import conf

# The title first, and apart: where it stands is for the base template to say.
FRAME = (
    "{%% extends '%s' %%}{%% block title %%}{{ twofactor_title }}{%% endblock %%}"
    "{%% block %s %%}{{ twofactor_page }}{%% endblock %%}"
)


def is_of_site() -> bool:
    return bool(conf.base_template())


def render_in_base_template(
    request: HttpRequest, template: str, context: dict[str, Any], status: int
) -> HttpResponse:
    """Our page is rendered before the base template, so that their blocks may have the same names.

    It shows the messages, so the base template has none left to show.
    """
    context |= {"layout": "twofactor/layout/framed.html", "css_classes": conf.css_classes()}
    title, _, content = render_to_string(template, context, request).partition("</title>")
    outer = base_template(conf.base_template(), conf.base_block())
    told = {
        "twofactor_title": mark_safe(title.partition("<title>")[2]),  # noqa: S308
        "twofactor_page": mark_safe(content),  # noqa: S308
        "messages": [],
    }
    return HttpResponse(outer.render(told, request), status=status)


def has_block(name: str, block: str) -> bool:
    """Also if it is a template that this one extends. Raises what Django raises for a template."""
    template = django_engine().engine.get_template(name)
    nodes: Any = template.nodelist
    if any(node.name == block for node in nodes.get_nodes_by_type(BlockNode)):
        return True
    extended: list[Any] = [node for node in nodes if isinstance(node, ExtendsNode)]
    parents = [node.parent_name.resolve(Context()) for node in extended]
    return any(has_block(parent, block) for parent in parents if isinstance(parent, str))


@cache
def base_template(name: str, block: str) -> Any:
    return django_engine().from_string(FRAME % (name, block))


def django_engine() -> DjangoTemplates:
    return next(engine for engine in engines.all() if isinstance(engine, DjangoTemplates))


def forbid_others(response: HttpResponse) -> HttpResponse:
    """For a page with a key or codes: nothing runs and nothing is sent there but what is ours."""
    response.headers["Content-Security-Policy"] = f"{policy()}; frame-ancestors 'none'"
    response.headers["Cache-Control"] = "no-store, private"
    response.headers["Referrer-Policy"] = "same-origin"  # with no-referrer, forms would have no Origin
    return response


def policy() -> str:
    """Also for a <meta> element, so that it holds where the site replaces the header."""
    url = urlsplit(static("twofactor/app.js"))
    files = f"{url.scheme or 'https'}://{url.netloc}" if url.netloc else "'self'"
    kinds = "; ".join(f"{kind}-src {files}" for kind in ("script", "style", "img"))
    return f"default-src 'none'; {kinds}; form-action 'self'; base-uri 'none'"


def nonce_of(request: HttpRequest | None) -> str:
    """What the site's own policy asks of a script: of django-csp, or of Django 6."""
    nonce = getattr(request, "csp_nonce", None)
    return str(getattr(request, "_csp_nonce", "") if nonce is None else nonce)
