"""How every screen is looked at: light and dark, wide and narrow, large text, right to left, on paper."""

from contextlib import contextmanager

DEFAULT_MEDIA = {
    "media": "screen",
    "color_scheme": "light",
    "forced_colors": "none",
    "contrast": "no-preference",
}
WIDE, NARROW = (
    {"width": 1280, "height": 800},
    {"width": 320, "height": 256},
)  # NARROW is what 1280 px are at a zoom of 400 %

COLOUR_RULES, SIZE_RULES = (
    ["color-contrast", "link-in-text-block"],
    ["target-size", "scrollable-region-focusable"],
)

# Pairs instead of every combination: no width and no direction hides anything or changes a colour, and a size
# is the same in every colour. With the rules of axe that can fail in one appearance only.
APPEARANCES = {
    "light": ({}, []),  # test_every_screen_is_what_it_should_be asks for its colours and sizes
    "dark, narrow": ({"color_scheme": "dark", "size": NARROW}, COLOUR_RULES + SIZE_RULES),
    "forced colours, right to left, narrow": (
        {"forced_colors": "active", "rtl": True, "size": NARROW},
        COLOUR_RULES + SIZE_RULES,
    ),  # in light ones only: axe reads dark ones wrongly
    "large text": ({"text": "200%"}, []),
    "right to left": ({"rtl": True}, []),
    "paper": ({"media": "print", "color_scheme": "dark"}, COLOUR_RULES),
}
USUAL = ["dark, narrow", "large text", "right to left"]  # make assurance looks at all
ACCEPTED = {  # what axe cannot decide, and why it is no problem
    # axe takes the text colour from before; see test_appearance.py
    "forced colours, right to left, narrow": ["equalRatio"],
    "paper": ["elmPartiallyObscured"],  # axe thinks that its card covers the heading
}


@contextmanager
def shown_as(page, name):
    show_as(page, name)
    yield
    show_as(page, "light")


def show_as(page, name):
    wanted = dict(APPEARANCES[name][0])
    size, rtl, text = wanted.pop("size", WIDE), wanted.pop("rtl", False), wanted.pop("text", "")
    page.set_viewport_size(size)
    page.emulate_media(**DEFAULT_MEDIA | wanted)
    set_direction_and_text_size(page, "rtl" if rtl else "ltr", text)


def set_direction_and_text_size(page, direction, text=""):
    page.evaluate(
        """([direction, text]) => {
          document.documentElement.dir = direction;
          document.documentElement.style.fontSize = text;
        }""",
        [direction, text],
    )
