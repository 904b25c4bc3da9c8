"""What every template gets, from whatever view."""

from django.http import HttpRequest

from twofactor import conf


def layout(request: HttpRequest) -> dict[str, str | int]:
    """What a page extends, the names it shows, and the htmx it loads."""
    htmx = getattr(request, "htmx", None)
    part = htmx and not htmx.history_restore_request
    return {
        "layout": "twofactor/layout/_main.html" if part else "twofactor/layout/page.html",
        "brand": conf.site_name(),  # not site_name, which Django's own views set to the host
        "issuer": conf.issuer(),
        "htmx_version": conf.htmx_version(),
    }
