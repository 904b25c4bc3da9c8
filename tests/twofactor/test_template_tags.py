"""The tags {% keep %} and {% fresh %}: what is the same at each request is rendered once."""

import json
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from django import forms
from django.forms import ChoiceField
from django.template import Context, RequestContext, Template, TemplateSyntaxError
from django.test import Client, RequestFactory
from django.urls import set_script_prefix, set_urlconf
from django.utils import translation
from django.utils.safestring import mark_safe

from tests.people import enrol, give_password, sign_in
from twofactor.web.kept_html import MOST_TEXTS, Kept

FILES = "django.core.cache.backends.filebased.FileBasedCache"
CLOCK = "{% keep %}{% now 'H:i:s' %}{% endkeep %}"  # differs from the plain HTML a second later


def compiled(text):
    return Template("{% load i18n two_factor %}" + text)


def render_each(text, *contexts):
    template = compiled(text)
    return [template.render(Context(context)) for context in contexts]


class NameForm(forms.Form):
    name = forms.CharField()


class CountryForm(forms.Form):
    name = forms.CharField(label="Country")


@pytest.fixture
def differences(kept_html_is_right):
    """For tests of a {% keep %} that misses something, and so differs from plain HTML."""
    yield kept_html_is_right
    kept_html_is_right.clear()


@pytest.fixture
def address_settings():
    yield
    set_script_prefix("/")
    set_urlconf(None)


# What is kept, and how long


def test_a_text_is_kept_for_ten_minutes(clock, differences):
    template = compiled(CLOCK)
    first = template.render(Context())
    clock.shift(timedelta(minutes=10))
    assert template.render(Context()) == first


def test_and_then_rendered_again(clock):
    template = compiled(CLOCK)
    first = template.render(Context())
    clock.shift(timedelta(minutes=10, seconds=1))
    assert template.render(Context()) != first


def test_each_language_has_a_text_of_its_own():
    template = compiled("{% keep %}{% translate 'Language' context 'two-factor' %}{% endkeep %}")
    texts = []
    for language in ("en", "de", "en"):
        with translation.override(language):
            texts.append(template.render(Context()))
    assert texts == ["Language", "Sprache", "Language"]


def test_each_value_has_a_text_of_its_own():
    template = "{% keep brand %}{{ brand }}{% endkeep %}"
    assert render_each(template, {"brand": "A"}, {"brand": "B"}, {"brand": "A"}) == ["A", "B", "A"]


def test_a_value_can_have_a_name_of_its_own():
    template = "{% keep staff=user.is_staff %}{{ staff }}{% endkeep %}"
    assert render_each(template, {"user": {"is_staff": True}}) == ["True"]


@pytest.mark.parametrize("values", [(1, True), ("<b>", mark_safe("<b>")), ("", None)])
def test_values_that_are_equal_but_look_different_have_texts_of_their_own(values):
    first, second = render_each("{% keep value %}{{ value }}{% endkeep %}", *({"value": v} for v in values))
    assert first != second


def test_what_is_neither_text_nor_number_nor_form_is_not_kept():
    assert render_each("{% keep of %}{{ of.0 }}{% endkeep %}", {"of": ["A"]}, {"of": ["B"]}) == ["A", "B"]


def test_html_in_a_value_is_escaped_only_where_escaping_is_on():
    template = compiled("{% keep value %}{{ value }}{% endkeep %}")
    unescaped = template.render(Context({"value": "<b>"}, autoescape=False))
    assert [unescaped, template.render(Context({"value": "<b>"}))] == ["<b>", "&lt;b&gt;"]


def test_few_texts_are_kept_however_many_values_there_are():
    template = compiled("{% keep value %}{{ value }}{% endkeep %}")
    for value in range(1000):
        template.render(Context({"value": value}))
    [node] = template.nodelist.get_nodes_by_type(Kept)
    assert len(node.texts) <= MOST_TEXTS


def test_each_script_prefix_has_a_text_of_its_own(address_settings):
    template, texts = compiled("{% keep %}{% url 'help' %}{% endkeep %}"), []
    for prefix in ("/", "/shop/", "/"):
        set_script_prefix(prefix)
        texts.append(template.render(Context()))
    assert texts == ["/help/", "/shop/help/", "/help/"]


def test_each_url_configuration_has_a_text_of_its_own(address_settings):
    template = compiled("{% keep %}{% url 'help' as help %}{{ help }}{% endkeep %}")
    texts = []
    for name in (None, "tests.operations.urls_without_accounts"):
        set_urlconf(name)
        texts.append(template.render(Context()))
    assert texts == ["/help/", ""]


def test_a_changed_setting_is_seen_at_once(settings):
    """By the tests of a site; a server does not change its settings."""
    template = compiled("{% keep %}{% get_available_languages as all %}{{ all|length }}{% endkeep %}")
    before = template.render(Context())
    settings.LANGUAGES = [("en", "English")]
    assert [before, template.render(Context())] == ["7", "1"]


# Forms


def render_form(template, form):
    return template.render(Context({"form": form}))


@pytest.fixture
def form_template():
    return compiled("{% keep form %}{{ form.name.label_tag }}{{ form.name }}{{ form.errors }}{% endkeep %}")


def test_a_form_that_nobody_has_filled_in_is_rendered_once(clock, differences):
    template = compiled("{% keep form %}{% now 'H:i:s' %}{% endkeep %}")
    first = render_form(template, NameForm(initial={"name": ""}))
    clock.shift(timedelta(seconds=1))
    assert render_form(template, NameForm()) == first


@pytest.mark.parametrize("of_alice", [{"data": {"name": "Alice"}}, {"initial": {"name": "Alice"}}])
def test_what_one_person_has_filled_in_is_not_shown_to_the_next(form_template, of_alice):
    assert "Alice" in render_form(form_template, NameForm(**of_alice))
    assert "Alice" not in render_form(form_template, NameForm())


@pytest.mark.parametrize("of_bob", [{"data": {"name": "Bob"}}, {"initial": {"name": "Bob"}}, {"data": {}}])
def test_a_filled_in_form_is_shown_after_an_empty_one(form_template, of_bob):
    empty = render_form(form_template, NameForm())
    assert render_form(form_template, NameForm(**of_bob)) != empty


def test_what_a_view_has_filled_in_for_one_person_is_not_shown_to_the_next(form_template):
    form = NameForm()
    form.fields["name"].initial = "Alice"
    assert "Alice" in render_form(form_template, form)
    assert "Alice" not in render_form(form_template, NameForm())


def test_the_choices_of_one_person_are_not_shown_to_the_next(form_template):
    pages = []
    for name in ("Alice", "Bob"):
        form = NameForm()
        form.fields["name"] = ChoiceField(choices=[("1", f"Projects of {name}")])
        pages.append(render_form(form_template, form))
    assert ("Projects of Alice" in pages[0], "Projects of Bob" in pages[1]) == (True, True)


def test_a_form_with_other_ids_or_labels_has_a_text_of_its_own(form_template):
    form = NameForm(auto_id="other_%s")
    form.fields["name"].label = "Nickname"
    page = render_form(form_template, NameForm()) and render_form(form_template, form)
    assert ("other_name" in page, "Nickname" in page) == (True, True)


def test_another_form_of_the_same_page_has_a_text_of_its_own(form_template):
    first = render_form(form_template, NameForm())
    assert "Country" not in first
    assert "Country" in render_form(form_template, CountryForm())


def test_a_form_with_a_prefix_has_a_text_of_its_own(form_template):
    render_form(form_template, NameForm())
    assert 'name="second-name"' in render_form(form_template, NameForm(prefix="second"))


# What is not kept


def test_a_fresh_part_is_rendered_at_each_request():
    template = "{% keep %}Hello, {% fresh %}{{ name }}{% endfresh %}!{% endkeep %}"
    texts = render_each(template, {"name": "Alice"}, {"name": "Bob"})
    assert texts == ["Hello, Alice!", "Hello, Bob!"]


def test_a_fresh_part_may_stand_anywhere_inside():
    template = "{% keep on %}{% if on %}<{% fresh %}{{ name }}{% endfresh %}>{% endif %}{% endkeep %}"
    texts = render_each(template, {"on": 1, "name": "A"}, {"on": 1, "name": "B"}, {"on": 0, "name": "C"})
    assert texts == ["<A>", "<B>", ""]


def test_one_keep_may_stand_inside_another():
    inner = "{% keep brand %}{{ brand }}:{% fresh %}{{ name }}{% endfresh %}{% endkeep %}"
    template = "{% keep brand %}[" + inner + "]{% fresh %}{{ name }}{% endfresh %}{% endkeep %}"
    texts = render_each(template, {"brand": "X", "name": "A"}, {"brand": "X", "name": "B"})
    assert texts == ["[X:A]A", "[X:B]B"]


def test_what_is_set_inside_ends_there(differences):
    template = "{% keep %}{% url 'help' as to %}{% fresh %}{{ to }}{% endfresh %}{% endkeep %}{{ to }}"
    assert render_each(template, {}, {}) == ["", ""]


def test_nothing_but_the_named_values_can_be_kept(differences):
    """So a text of one person cannot reach another, even if its author forgot to name a value."""
    request = RequestFactory().get("/alice")
    template = compiled("{% keep %}{{ name }}{{ request.path }}{% csrf_token %}{% endkeep %}")
    assert template.render(RequestContext(request, {"name": "Alice"})) == ""


def test_a_block_must_be_fresh():
    with pytest.raises(TemplateSyntaxError, match="block"):
        compiled("{% keep %}{% block main %}{% endblock %}{% endkeep %}")


# The comparison with plain HTML, which is made at each page of each test


def test_a_missing_value_is_found_at_the_first_page(differences):
    render_each("{% keep %}{{ name }}{% endkeep %}", {"name": "Alice"})
    assert differences == [("", "Alice")]


def test_a_missing_value_in_a_condition_is_found(differences):
    render_each("{% keep %}{% if staff %}Administration{% endif %}{% endkeep %}", {"staff": True})
    assert differences == [("", "Administration")]


def test_a_fresh_part_that_uses_what_is_set_around_it_is_found(differences):
    template = "{% keep %}{% with name='A' %}{% fresh %}{{ name }}{% endfresh %}{% endwith %}{% endkeep %}"
    render_each(template, {})
    assert differences == [("", "A")]


def test_a_text_that_depends_on_the_time_is_found(clock, differences):
    template = compiled(CLOCK)
    template.render(Context())
    clock.shift(1)
    template.render(Context())
    assert len(differences) == 1


def test_a_missing_value_in_a_keep_inside_another_is_found(differences):
    render_each("{% keep %}{% keep %}{{ name }}{% endkeep %}{% endkeep %}", {"name": "Alice"})
    assert ("", "Alice") in differences


# Pages


def token_on(page):
    return page.text.partition('name="csrfmiddlewaretoken" value="')[2][:64]


@pytest.mark.django_db
def test_a_page_puts_nothing_into_the_cache_of_the_site(settings, tmp_path):
    """The cache may outlive a release, and would name static files of the old one."""
    settings.CACHES = {"default": {"BACKEND": FILES, "LOCATION": tmp_path}}
    assert "/static/twofactor/app" in Client().get("/accounts/login/").text
    assert list(tmp_path.iterdir()) == []


@pytest.mark.django_db
def test_a_page_is_shown_when_the_cache_of_the_site_is_away(settings, tmp_path):
    (tmp_path / "file").touch()
    settings.CACHES = {"default": {"BACKEND": FILES, "LOCATION": tmp_path / "file" / "folder"}}
    assert Client().get("/accounts/login/").status_code == 200


@pytest.mark.django_db
def test_a_page_is_in_the_language_that_was_asked_for():
    texts = [Client(headers={"Accept-Language": tag}).get("/accounts/login/").text for tag in ("de", "fr")]
    assert ['lang="de" selected' in text for text in texts] == [True, False]


@pytest.mark.django_db
def test_each_visitor_gets_a_token_of_their_own():
    visitors = [Client(enforce_csrf_checks=True) for _ in range(2)]
    tokens = [token_on(visitor.get("/accounts/login/")) for visitor in visitors]
    form = {"language": "de", "csrfmiddlewaretoken": tokens[0]}
    answers = [visitor.post("/accounts/language/", form).status_code for visitor in visitors]
    assert answers == [303, 403]


@pytest.mark.django_db
def test_where_one_visitor_goes_on_to_is_not_on_the_page_of_the_next():
    Client().get("/accounts/login/?next=/accounts/profile/")
    assert "profile" not in Client().get("/accounts/login/").text


@pytest.mark.django_db
def test_what_one_visitor_typed_is_not_on_the_page_of_the_next():
    form = {"username": "alice@example.com", "password": "wrong"}
    assert "alice@example.com" in Client().post("/accounts/login/", form).text
    assert "alice@example.com" not in Client().get("/accounts/login/").text


def test_a_code_page_names_the_person_who_signs_in(alice, bob):
    texts = []
    for person in (alice, bob):
        enrol(person)
        browser = Client()
        give_password(browser, person.email)
        texts.append(browser.get("/two-factor/verify/").text)
    assert [alice.email in texts[0], alice.email in texts[1]] == [True, False]


def test_the_menu_of_staff_is_not_shown_to_others(alice, bob):
    bob.is_staff = True
    bob.save()
    texts = []
    for person in (bob, alice):
        browser = Client()
        sign_in(browser, enrol(person), person.email)
        texts.append(browser.get("/help/").text)
    assert ["/admin/" in text for text in texts] == [True, False]


@pytest.mark.django_db
def test_a_page_loads_the_htmx_that_the_site_has_chosen(settings):
    found = []
    for version in (2, 4):
        settings.TWOFACTOR_HTMX = version
        found.append(f"htmx-{version}" in Client().get("/accounts/login/").text)
    assert found == [True, True]


@pytest.mark.django_db
def test_links_begin_with_the_prefix_that_the_request_came_through(address_settings):
    texts = []
    for prefix in ("/", "/shop/"):
        set_script_prefix(prefix)  # as a server does for each request
        texts.append(Client().get("/accounts/login/").text)
    assert ['href="/shop/accounts/signup/"' in text for text in texts] == [False, True]


# What a browser is asked for a passkey


class Asked:
    options = json.dumps({"user": {"name": """o'neil" & <script>é"""}})


def test_no_name_ends_the_attribute_for_passkeys():
    found = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attributes):
            found.append((tag, dict(attributes)))

    Reader().feed(compiled("<form {% passkey_options form %} hidden>").render(Context({"form": Asked})))
    [(tag, attributes)] = found
    assert (tag, [*attributes]) == ("form", ["data-options", "hidden"])
    assert json.loads(attributes["data-options"]) == json.loads(Asked.options)
