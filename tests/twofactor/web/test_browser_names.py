"""Names of browsers and programs, from what they really send."""

import time

import pytest
from django.utils import translation

from twofactor.web import browser_names

MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)"
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
LINUX = "Mozilla/5.0 (X11; Linux x86_64)"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X)"
IPAD = "Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X)"
PIXEL = "Mozilla/5.0 (Linux; Android 10; K)"
WEBKIT, IOS_WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)", "AppleWebKit/605.1.15 (KHTML, like Gecko)"

# fmt: off
REAL = {
    f"{WINDOWS} {WEBKIT} Chrome/142.0.0.0 Safari/537.36": "Chrome 142 on Windows",  # and Brave
    f"{MAC} {WEBKIT} Chrome/142.0.0.0 Safari/537.36": "Chrome 142 on macOS",
    f"{LINUX} {WEBKIT} Chrome/141.0.0.0 Safari/537.36": "Chrome 141 on Linux",
    f"{LINUX} {WEBKIT} HeadlessChrome/141.0.0.0 Safari/537.36": "Chrome 141 on Linux",
    f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {WEBKIT} Chrome/140.0.0.0 Safari/537.36":
        "Chrome 140 on ChromeOS",
    f"{PIXEL} {WEBKIT} Chrome/142.0.0.0 Mobile Safari/537.36": "Chrome 142 on Android",
    f"Mozilla/5.0 (Linux; Android 13; SM-S901B) {WEBKIT} Chrome/112.0.0.0 Mobile Safari/537.36":
        "Chrome 112 on Android",
    f"{IPHONE} {IOS_WEBKIT} CriOS/142.0.7444.77 Mobile/15E148 Safari/604.1": "Chrome 142 on iPhone",
    f"{IPAD} {IOS_WEBKIT} CriOS/141.0.7390.96 Mobile/15E148 Safari/604.1": "Chrome 141 on iPad",
    f"{LINUX} {WEBKIT} Ubuntu Chromium/80.0.3987.87 Chrome/80.0.3987.87 Safari/537.36":
        "Chromium 80 on Linux",
    "Mozilla/5.0 (Linux; Android 8.1.0; Moto G; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 "
    "Chrome/97.0.4692.98 Mobile Safari/537.36": "Chrome 97 on Android",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0":
        "Firefox 145 on Windows",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:145.0) Gecko/20100101 Firefox/145.0":
        "Firefox 145 on macOS",
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0": "Firefox 140 on Linux",
    "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0": "Firefox 115 on Linux",
    "Mozilla/5.0 (X11; FreeBSD amd64; rv:122.0) Gecko/20100101 Firefox/122.0": "Firefox 122 on FreeBSD",
    "Mozilla/5.0 (Android 14; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0": "Firefox 145 on Android",
    f"{IPHONE} {IOS_WEBKIT} FxiOS/145.0 Mobile/15E148 Safari/605.1.15": "Firefox 145 on iPhone",
    f"{IPAD} {IOS_WEBKIT} FxiOS/128.0 Mobile/15E148 Safari/605.1.15": "Firefox 128 on iPad",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 12_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "FxiOS/7.0.4 Mobile/16B91 Safari/605.1.15": "Firefox 7 on iPhone",
    f"{WINDOWS} {WEBKIT} Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0": "Edge 142 on Windows",
    f"{MAC} {WEBKIT} Chrome/141.0.0.0 Safari/537.36 Edg/141.0.3537.71": "Edge 141 on macOS",
    f"{LINUX} {WEBKIT} Chrome/120.0.0.0 Safari/537.36 Edg/120.0.0.0": "Edge 120 on Linux",
    f"{WINDOWS} {WEBKIT} Chrome/70.0.3538.102 Safari/537.36 Edge/18.19582": "Edge 18 on Windows",
    f"{PIXEL} {WEBKIT} Chrome/142.0.0.0 Mobile Safari/537.36 EdgA/142.0.0.0": "Edge 142 on Android",
    f"{IPHONE} {IOS_WEBKIT} Version/17.0 EdgiOS/142.0.3595.66 Mobile/15E148 Safari/604.1":
        "Edge 142 on iPhone",
    f"{IPAD} {IOS_WEBKIT} Version/16.0 EdgiOS/117.0.2045.65 Mobile/15E148 Safari/604.1": "Edge 117 on iPad",
    f"{MAC} {IOS_WEBKIT} Version/18.6 Safari/605.1.15": "Safari 18 on macOS",
    f"{MAC} {IOS_WEBKIT} Version/26.0 Safari/605.1.15": "Safari 26 on macOS",
    f"{IPHONE} {IOS_WEBKIT} Version/17.5 Mobile/15E148 Safari/604.1": "Safari 17 on iPhone",
    f"{IPAD} {IOS_WEBKIT} Version/17.5 Mobile/15E148 Safari/604.1": "Safari 17 on iPad",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 10_3_1 like Mac OS X) AppleWebKit/603.1.30 (KHTML, like Gecko) "
    "Version/10.0 Mobile/14E304 Safari/602.1": "Safari 10 on iPhone",
    f"{IPHONE} {IOS_WEBKIT} GSA/322.0.634 Mobile/15E148 Safari/604.1": "Google app 322 on iPhone",
    f"{IPHONE} {IOS_WEBKIT} Version/17.5 Mobile/15E148 DuckDuckGo/7 Safari/605.1.15":
        "DuckDuckGo 7 on iPhone",
    f"{MAC} {IOS_WEBKIT} Version/17.5 Safari/605.1.15 Ddg/17.5": "DuckDuckGo 17 on macOS",
    f"{IPHONE} {IOS_WEBKIT} Mobile/15E148": "iPhone",  # inside an app
    f"{WINDOWS} {WEBKIT} Chrome/130.0.0.0 Safari/537.36 OPR/115.0.0.0": "Opera 115 on Windows",
    f"{PIXEL} {WEBKIT} Chrome/130.0.0.0 Mobile Safari/537.36 OPR/86.0.0.0": "Opera 86 on Android",
    f"{IPHONE} {IOS_WEBKIT} Version/17.5 Mobile/15E148 Safari/604.1 OPT/4.9.3": "Opera 4 on iPhone",
    "Opera/9.80 (Android; Opera Mini/36.2.2254/119.132; U; id) Presto/2.12.423 Version/12.16":
        "Opera Mini 36 on Android",
    f"{PIXEL} {WEBKIT} SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36":
        "Samsung Internet 28 on Android",
    f"{WINDOWS} {WEBKIT} Chrome/120.0.0.0 Safari/537.36 Vivaldi/6.5.3206.39": "Vivaldi 6 on Windows",
    f"{WINDOWS} {WEBKIT} Chrome/124.0.0.0 YaBrowser/24.6.0.0 Safari/537.36": "Yandex Browser 24 on Windows",
    f"Mozilla/5.0 (Linux; U; Android 11; en-us; CPH2239) {WEBKIT} Version/4.0 Chrome/89.0.4389.90 Mobile "
    "Safari/537.36 UCBrowser/13.4.0.1306": "UC Browser 13 on Android",
    "Mozilla/5.0 (Linux; Android 11; KFTRWI) AppleWebKit/537.36 (KHTML, like Gecko) Silk/120.4.1 like "
    "Chrome/120.0.6099.230 Safari/537.36": "Silk 120 on Android",
    "curl/8.5.0": "curl 8",
    "Wget/1.21.4": "Wget 1",
    "HTTPie/3.2.2": "HTTPie 3",
    "python-requests/2.32.3": "Python Requests 2",
    "python-httpx/0.27.0": "HTTPX 0",
    "Python/3.11 aiohttp/3.9.5": "aiohttp 3",
    "Go-http-client/2.0": "Go 2",
    "okhttp/4.12.0": "OkHttp 4",
    "PostmanRuntime/7.39.0": "Postman 7",
    "Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.19041.4648":
        "PowerShell 5 on Windows",
    "Dart/3.4 (dart:io)": "Dart 3",
}
# fmt: on


def test_there_are_fifty_to_compare():
    assert len(REAL) >= 50


@pytest.mark.parametrize("user_agent", REAL)
def test_a_browser_has_the_name_that_people_call_it(user_agent):
    assert browser_names.describe(user_agent) == REAL[user_agent]


@pytest.mark.parametrize(
    "user_agent",
    [
        "<script>alert(1)</script>",
        "Support/1",
        "NotChrome/142.0 Windowless",
        "Chrome",
        "Chrome/",
        "MyEdg/1 App",
    ],
)
def test_a_header_is_never_repeated(user_agent):
    assert browser_names.describe(user_agent) in {"", "Windows"}


def test_a_long_version_is_cut():
    assert browser_names.describe(f"Chrome/{'1' * 100} Windows") == "Chrome 1111 on Windows"


def test_a_header_as_long_as_a_server_takes_is_read_in_no_time():
    began = time.process_time()
    for _ in range(100):
        browser_names.describe("Version/1 " * 6500)
    assert time.process_time() - began < 1


def test_the_longest_name_fits_into_its_column():
    longest = max(map(len, browser_names.BROWSERS.values())) + len(" 1111 on ") + len("ChromeOS")
    assert longest <= 80


def test_nothing_known_is_an_unknown_browser():
    assert (browser_names.name_of("x"), browser_names.name_of("")) == ("Unknown browser", "")


@pytest.mark.parametrize(
    ("stored", "told"),
    [
        ("Chrome 142 on iPhone", "Chrome 142 auf iPhone"),
        ("Desk on (2) (Chrome 142 on iPhone)", "Desk on (2) (Chrome 142 auf iPhone)"),
        ("?", "Unbekannter Browser"),
        ("Phone (?)", "Phone (Unbekannter Browser)"),
        ("curl 8, Chrome 142 on iPhone", "curl 8, Chrome 142 on iPhone"),
    ],
)
def test_the_device_of_an_event_is_told_in_the_language_of_the_page(stored, told):
    with translation.override("de"):
        assert browser_names.localized_device(stored) == told
