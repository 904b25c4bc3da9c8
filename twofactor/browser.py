"""What people call their browser."""

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
    """Firefox · Windows, say; the beginning of the header when nothing in it is known."""
    name = next((shown for mark, shown in NAMES.items() if f"{mark}/" in user_agent), "")
    system = next((shown for mark, shown in SYSTEMS.items() if mark in user_agent), "")
    return " · ".join(part for part in (name, system) if part) or user_agent[:40]
