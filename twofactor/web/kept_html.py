"""{% keep %}: HTML that is the same at each request is rendered once and kept in the memory of this process.

    {% keep form %}
      <h1>{% translate "Sign in" %}</h1>
      <form method="post">{% fresh %}{% csrf_token %}{% endfresh %} {{ form.username }} …</form>
    {% endkeep %}

The tag names all that its text depends on, besides the language, the frame and the addresses of pages.
Nothing else can get into the text, because it is rendered in a context that has only the named values. What
differs from one request to the next stands between {% fresh %} and {% endfresh %}, and is rendered with the
whole context.

The cache of the site is not used. It may be away, and it may outlive the release that the text belongs to.
"""

import re
import secrets
import time
from typing import Any

from django.core.signals import setting_changed
from django.dispatch import receiver
from django.forms import BaseForm
from django.template import Context, Node, NodeList, TemplateSyntaxError
from django.template.base import FilterExpression, Parser, Token, token_kwargs
from django.template.loader_tags import BlockNode
from django.urls import get_script_prefix, get_urlconf
from django.utils.translation import get_language

KEEP_SECONDS = 600  # a storage may sign the addresses of files, mostly for an hour
MOST_TEXTS = 64  # of one tag, in case that a value has more variants than its author thought
MARK = secrets.token_hex(8)  # of a hole in a text; nobody outside of this process can write it
HOLE = re.compile(f"{MARK}-([0-9]+);")


def keep(parser: Parser, token: Token) -> Node:
    """{% keep %}, {% keep form brand %} or {% keep by_mail=channel.by_mail %}."""
    values = {}
    for bit in token.split_contents()[1:]:
        values.update(token_kwargs([bit], parser) or {bit: parser.compile_filter(bit)})
    nodes = parser.parse(["endkeep"])
    parser.delete_first_token()
    return Kept(nodes, values)


def fresh(parser: Parser, token: Token) -> Node:
    nodes = parser.parse(["endfresh"])
    parser.delete_first_token()
    return Fresh(nodes)


class Fresh(Node):
    """A hole in a text that is kept, or in several, one around the other."""

    def __init__(self, nodelist: NodeList) -> None:
        self.nodelist = nodelist

    def render(self, context: Context) -> str:
        holes = vars(context).get("holes")
        if holes is None:
            return self.nodelist.render(context)
        holes.append(self)
        return f"{MARK}-{len(holes) - 1};"


Parts = list[str | Fresh]


class Kept(Node):
    settings_version = 0  # counts the changes of settings, which only tests make

    def __init__(self, nodelist: NodeList, values: dict[str, FilterExpression]) -> None:
        blocks = set(nodelist.get_nodes_by_type(BlockNode))
        for hole in nodelist.get_nodes_by_type(Fresh):
            blocks -= set(hole.get_nodes_by_type(BlockNode))
        if blocks:
            raise TemplateSyntaxError(
                "A block differs from page to page: inside {% keep %} put it in {% fresh %}."
            )
        self.nodelist, self.values = nodelist, values
        self.texts: dict[tuple[Any, ...], tuple[float, Parts]] = {}

    def render(self, context: Context) -> str:
        values = {name: value.resolve(context) for name, value in self.values.items()}
        values["is_framed"] = bool(context.get("is_framed"))  # {% css %} asks for it
        parts = self.find_or_draw(context, values)
        return "".join([part if isinstance(part, str) else part.render(context) for part in parts])

    def find_or_draw(self, context: Context, values: dict[str, Any]) -> Parts:
        stands_for = [variant_of(value) for value in values.values()]
        if None in stands_for:
            return self.draw(context, values)
        key = (
            *stands_for,
            get_language(),
            get_urlconf(),
            get_script_prefix(),
            context.autoescape,
            self.settings_version,
        )
        now = time.time()
        drawn_at, parts = self.texts.get(key, (0.0, []))
        if abs(now - drawn_at) > KEEP_SECONDS:
            parts = self.draw(context, values)
            if len(self.texts) >= MOST_TEXTS:
                self.texts.clear()
            self.texts[key] = now, parts
        return parts

    def draw(self, context: Context, values: dict[str, Any]) -> Parts:
        """Texts and holes by turns."""
        bare = context.new(values)
        holes: list[Fresh] = []
        vars(bare).update(holes=holes, request=None)  # {% url %} would look into the request
        pieces = HOLE.split(self.nodelist.render(bare))
        return [holes[int(piece)] if place % 2 else piece for place, piece in enumerate(pieces)]


def variant_of(value: Any) -> tuple[Any, ...] | None:
    """What tells the value from others that give another text, or None if it is not to be kept.

    A form that nobody has filled in stands for its class, its ids and its labels. One with values, errors or
    choices may be a person's own, and so may be whatever else is neither text nor number.
    """
    if isinstance(value, BaseForm):
        initial = (value.get_initial_for_field(field, name) for name, field in value.fields.items())
        is_filled_in = value.is_bound or any(one not in ("", None) for one in initial)
        if is_filled_in or any(hasattr(field, "choices") for field in value.fields.values()):
            return None
        texts = ((name, str(field.label), str(field.help_text)) for name, field in value.fields.items())
        return type(value), value.prefix, value.auto_id, value.label_suffix, *texts
    if not isinstance(value, str | int | None):
        return None
    return type(value), value  # 1 and True are equal, and so are a text and the same as safe HTML


@receiver(setting_changed, dispatch_uid="twofactor.web.kept_html.forget_texts")
def forget_texts(**kwargs: Any) -> None:
    Kept.settings_version += 1
