"""The pictures in the README are up to date."""

from javascript_modes import HTMX
from screens import TEXTS, pictures


@HTMX
def test_the_pictures_show_what_the_pages_say(context):
    """Compares texts: pixels differ with the fonts of a machine. `make screens` takes new pictures."""
    assert "\n".join(text for _, text in pictures(context, "light")) == TEXTS.read_text()
