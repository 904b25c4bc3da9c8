"""docs/reference/templates.md names the filters, and the blocks that pages fill."""

import re

from tests.machinery.test_rules import ROOT
from tests.reference.pages import names, page, rows
from twofactor.templatetags.two_factor import register

TEMPLATES = ROOT / "twofactor/templates/twofactor"
PAGES = [file.read_text() for file in TEMPLATES.glob("[a-z]*.html")]
LAYOUTS = ("page", "_main")
INSIDE = {"rows", "row_form", "about_rows"}  # for the parts of a page that change in place


def test_every_filter_is_named():
    assert {names(row[0])[0] for row in rows(page("templates"), "filter")} == set(register.filters)


def test_every_block_is_named():
    filled = {block for text in PAGES for block in re.findall(r"{% block (\w+) %}", text)}
    told = {names(row[0])[0] for row in rows(page("templates"), "block")}
    assert filled - INSIDE <= told
    layouts = "".join((TEMPLATES / f"layout/{name}.html").read_text() for name in LAYOUTS)
    assert told <= set(re.findall(r"{% block (\w+) %}", layouts))
