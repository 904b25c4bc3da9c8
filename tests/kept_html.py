"""Proves that {% keep %} names all that its text depends on: each is rendered a second time, as if nothing
were kept, and compared.

The second rendering sees the whole context, and what is kept only the named values. So the first page that
shows something else is found, and not only the second person who would get the text of the first.
"""

import re
from contextlib import contextmanager

import pytest

from twofactor.web.kept_html import Kept

CHALLENGE = re.compile(r'"challenge":"[\w-]+|name="challenge" value="[^"]+')  # random in each


@contextmanager
def compared_with_plain_html():
    """Gives a list, to which each difference is added: the kept HTML, and what it should be."""
    differences, render = [], Kept.render

    def render_twice(node, context):
        html = render(node, context)
        if "holes" not in vars(context):  # else this one is a part of another, which is compared
            values = {name: value.resolve(context) for name, value in node.values.items()}
            with context.push(**values):
                plain = node.nodelist.render(context)
            if CHALLENGE.sub("", html) != CHALLENGE.sub("", plain):
                differences.append((html, plain))
        return html

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Kept, "render", render_twice)
        yield differences
