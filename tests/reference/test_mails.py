"""docs/reference/mails.md names the variables of each mail template."""

import pytest
from django.template import Context
from django.test import Client
from django.test.signals import template_rendered

from tests.people import give_password
from tests.reference.pages import names, page, rows, sections
from tests.twofactor.sent_codes import request_code
from twofactor import testing

BUILT_IN = Context().flatten().keys()


@pytest.fixture
def contexts(alice, phone):
    """The variables that each mail template was rendered with."""
    found = {}

    def remember(template, context, **kwargs):
        if template.name.startswith("twofactor/mail/") and template.name.endswith("_message.txt"):
            found[template.name.removesuffix("_message.txt")] = {*context.flatten()} - BUILT_IN

    template_rendered.connect(remember)
    yield found
    template_rendered.disconnect(remember)


def test_the_variables_of_each_mail(contexts, alice):
    client = Client()
    give_password(client)
    request_code(client)
    client.post("/two-factor/verify/backup/", {"code": testing.make_backup_code(alice)})
    testing.send_mails()
    told = {
        name: {names(row[0])[0] for row in rows(text, "variable")}
        for name, text in sections(page("mails")).items()
    }
    assert contexts == told
