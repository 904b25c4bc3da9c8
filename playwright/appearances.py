"""The ways a screen can look: people's colours, their width, their direction, and paper."""

from contextlib import contextmanager

DEFAULT_MEDIA = {
    "media": "screen",
    "color_scheme": "light",
    "forced_colors": "none",
    "contrast": "no-preference",
}
WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 320, "height": 256}  # as 1280 px are at 400 %

COLOUR_RULES, SIZE_RULES = (
    ["color-contrast", "link-in-text-block"],
    ["target-size", "scrollable-region-focusable"],
)

APPEARANCES = {  # and which of axe's rules could fail in this one alone
    "light": ({}, COLOUR_RULES),
    "dark": ({"color_scheme": "dark"}, COLOUR_RULES),
    "forced colours": ({"forced_colors": "active"}, COLOUR_RULES),  # axe misreads dark ones
    "narrow": ({"size": NARROW}, SIZE_RULES),
    "narrow, dark": ({"size": NARROW, "color_scheme": "dark"}, COLOUR_RULES),
    "large text": ({"text": "200%"}, []),
    "right to left": ({"rtl": True}, SIZE_RULES),
    "right to left, narrow": ({"rtl": True, "size": NARROW}, SIZE_RULES),
    "paper": ({"media": "print", "color_scheme": "dark"}, COLOUR_RULES),
}
ACCEPTED = {  # what axe leaves open, and why it is nothing
    "forced colours": ["equalRatio"],  # it takes a button's letters for those of before; test_sight.py looks
    "paper": ["elmPartiallyObscured"],  # a heading, by the card that it stands on
}


@contextmanager
def shown_as(page, name):
    wanted = dict(APPEARANCES[name][0])
    size, rtl, text = wanted.pop("size", WIDE), wanted.pop("rtl", False), wanted.pop("text", "")
    page.set_viewport_size(size)
    page.emulate_media(**DEFAULT_MEDIA | wanted)
    set_direction_and_text_size(page, "rtl" if rtl else "ltr", text)
    yield
    page.set_viewport_size(WIDE)
    page.emulate_media(**DEFAULT_MEDIA)
    set_direction_and_text_size(page, "ltr")


def set_direction_and_text_size(page, direction, text=""):
    page.evaluate(
        """([direction, text]) => {
          document.documentElement.dir = direction;
          document.documentElement.style.fontSize = text;
        }""",
        [direction, text],
    )
