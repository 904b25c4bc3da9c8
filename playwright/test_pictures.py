"""The pictures in the README show the pages as they are."""

from modes import HTMX
from screens import TEXTS, pictures


@HTMX
def test_the_pictures_show_what_the_pages_say(context):
    """Not as pixels, which differ with the fonts of a machine. `make screens` draws them anew."""
    assert "\n".join(text for _, text in pictures(context, "light")) == TEXTS.read_text()
