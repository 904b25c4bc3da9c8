"""The name of a browser and its system, out of the User-Agent header."""

from django.utils.translation import gettext

NAMES = {"Edg": "Edge", "OPR": "Opera", "Firefox": "Firefox", "Chrome": "Chrome", "Safari": "Safari"}
SYSTEMS = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "Windows": "Windows",
    "Mac OS": "macOS",
    "CrOS": "ChromeOS",
    "Linux": "Linux",
}


def name_of(user_agent: str) -> str:
    """For example "Firefox · Windows". Never text of the header itself, which anyone can write."""
    name = next((shown for mark, shown in NAMES.items() if f"{mark}/" in user_agent), "")
    system = next((shown for mark, shown in SYSTEMS.items() if mark in user_agent), "")
    known = " · ".join(part for part in (name, system) if part)
    return known or (gettext("Unknown browser") if user_agent else "")
