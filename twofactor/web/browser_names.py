"""The name of a browser or program, with its version and system, from the User-Agent header.

A parser that knows every device ever sold is not needed for a list of one's own: the products below are all
that people are likely to meet, and anything else is shown by its system alone.
"""

import re

from django.utils.translation import gettext

# {token in the header: name}, the more special first: Edge and Opera also say Chrome, and all say Safari.
# Brave sends exactly what Chrome does, so it is shown as Chrome.
BROWSERS = {
    "EdgiOS": "Edge",
    "EdgA": "Edge",
    "Edg": "Edge",
    "Edge": "Edge",
    "OPR": "Opera",
    "OPT": "Opera",
    "OPiOS": "Opera",
    "Opera Mini": "Opera Mini",
    "SamsungBrowser": "Samsung Internet",
    "Vivaldi": "Vivaldi",
    "YaBrowser": "Yandex Browser",
    "UCBrowser": "UC Browser",
    "MiuiBrowser": "Mi Browser",
    "HuaweiBrowser": "Huawei Browser",
    "Silk": "Silk",
    "DuckDuckGo": "DuckDuckGo",
    "Ddg": "DuckDuckGo",
    "FxiOS": "Firefox",
    "Focus": "Firefox",
    "Firefox": "Firefox",
    "GSA": "Google app",
    "CriOS": "Chrome",
    "HeadlessChrome": "Chrome",
    "Chromium": "Chromium",
    "Chrome": "Chrome",
}
PROGRAMS = {
    "curl": "curl",
    "Wget": "Wget",
    "HTTPie": "HTTPie",
    "python-requests": "Python Requests",
    "python-httpx": "HTTPX",
    "aiohttp": "aiohttp",
    "Python-urllib": "Python",
    "Go-http-client": "Go",
    "okhttp": "OkHttp",
    "PostmanRuntime": "Postman",
    "insomnia": "Insomnia",
    "axios": "axios",
    "node-fetch": "Node.js",
    "node": "Node.js",
    "Dart": "Dart",
    "WindowsPowerShell": "PowerShell",
    "PowerShell": "PowerShell",
    "Java-http-client": "Java",
}
SYSTEMS = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "Windows": "Windows",
    "Macintosh": "macOS",
    "Darwin": "macOS",
    "CrOS": "ChromeOS",
    "Linux": "Linux",
    "linux-gnu": "Linux",
    "FreeBSD": "FreeBSD",
}
READ = 500  # characters; a longer header has its names before them, and would only take time
VERSION = r"/(\d{1,4})"  # the main one; browsers freeze the rest of it
PATTERNS = {
    re.compile(rf"(?<![\w-]){re.escape(token)}{VERSION}"): name
    for token, name in (BROWSERS | PROGRAMS).items()
}
SAFARI = re.compile(rf"Version{VERSION}.*Safari/")


def describe(user_agent: str) -> str:
    """For example "Firefox 140 on Windows", in English for the database; localized() is for people.

    Never text of the header itself, which anyone can write: only the names above, and up to four digits.
    """
    user_agent = user_agent[:READ]
    system = next((shown for mark, shown in SYSTEMS.items() if mark in user_agent), "")
    return " on ".join(part for part in (product_of(user_agent), system) if part)


def product_of(user_agent: str) -> str:
    for pattern, name in PATTERNS.items():
        if found := pattern.search(user_agent):
            return f"{name} {found[1]}"
    safari = SAFARI.search(user_agent)
    return f"Safari {safari[1]}" if safari else ""


def localized(description: str) -> str:
    """What describe() returned, in the words of the active language."""
    product, on, system = description.partition(" on ")
    if on:
        return gettext("%(browser)s on %(system)s") % {"browser": product, "system": system}
    return product or gettext("Unknown browser")


def localized_device(description: str) -> str:
    """What devices.describe() returned. Several of them, with commas, stay as they are."""
    if "," in description:
        return description
    name, bracket, browser = description.removesuffix(")").rpartition(" (")
    told = localized("" if browser == "?" else browser)
    return f"{name} ({told})" if bracket else told


def name_of(user_agent: str) -> str:
    """In the words of the active language, and nothing where there was no header."""
    return localized(describe(user_agent)) if user_agent else ""
