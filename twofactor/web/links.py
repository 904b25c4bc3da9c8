"""Where the links to other pages of the site lead (TWOFACTOR_LINKS)."""

from urllib.parse import urljoin

from django.conf import settings
from django.urls import NoReverseMatch, reverse

from twofactor import conf


def find_link(name: str) -> str:
    """The address of that page, or nothing if the site has none."""
    chosen = conf.links().get(name)
    if chosen is not None:
        return resolve(str(chosen))
    found = next(filter(None, map(resolve_name, conf.LINKS[name])), "")
    return found or {"sign_in": resolve(str(settings.LOGIN_URL)), "home": "/"}.get(name, "")


def find_absolute_link(name: str) -> str:
    """For mails."""
    link = find_link(name)
    return link and urljoin(f"{conf.base_url()}/", link)


def resolve(url: str) -> str:
    """Of a path, of a URL, or of the name of one."""
    return resolve_name(url) if url and not set(url) & set("/.") else url


def resolve_name(name: str) -> str:
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""
