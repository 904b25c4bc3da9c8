"""The ways a screen can look: people's colours, their width, their direction, and paper."""

from contextlib import contextmanager

SCREEN = {"media": "screen", "color_scheme": "light", "forced_colors": "none", "contrast": "no-preference"}
WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 320, "height": 256}  # as 1280 px are at 400 %

COLOURS, SIZES = ["color-contrast", "link-in-text-block"], ["target-size", "scrollable-region-focusable"]

LOOKS = {  # and which of axe's rules could fail in this one alone
    "light": ({}, COLOURS),
    "dark": ({"color_scheme": "dark"}, COLOURS),
    "forced colours": ({"forced_colors": "active"}, COLOURS),  # axe misreads dark ones
    "narrow": ({"size": NARROW}, SIZES),
    "narrow, dark": ({"size": NARROW, "color_scheme": "dark"}, COLOURS),
    "large text": ({"text": "200%"}, []),
    "right to left": ({"rtl": True}, SIZES),
    "right to left, narrow": ({"rtl": True, "size": NARROW}, SIZES),
    "paper": ({"media": "print", "color_scheme": "dark"}, COLOURS),
}
SEEN = {  # what axe leaves open, and why it is nothing
    "forced colours": ["equalRatio"],  # it takes a button's letters for those of before; test_sight.py looks
    "paper": ["elmPartiallyObscured"],  # a heading, by the card that it stands on
}


@contextmanager
def look(page, name):
    wanted = dict(LOOKS[name][0])
    size, rtl, text = wanted.pop("size", WIDE), wanted.pop("rtl", False), wanted.pop("text", "")
    page.set_viewport_size(size)
    page.emulate_media(**SCREEN | wanted)
    turn(page, "rtl" if rtl else "ltr", text)
    yield
    page.set_viewport_size(WIDE)
    page.emulate_media(**SCREEN)
    turn(page, "ltr")


def turn(page, direction, text=""):
    page.evaluate(
        """([direction, text]) => {
          document.documentElement.dir = direction;
          document.documentElement.style.fontSize = text;
        }""",
        [direction, text],
    )
