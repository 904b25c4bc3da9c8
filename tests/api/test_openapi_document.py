"""The OpenAPI document is valid, readable, and every example in it is what the API answers."""

import os
import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest
from django.urls import get_resolver
from django.utils import timezone

from config.headers import CONTENT_SECURITY_POLICY
from tests.api.program import Program
from tests.people import FIREFOX, PASSWORD, PRINTED_CODES, Phone, add_app, enrol, give_password, person
from tests.twofactor import trusted_browsers
from tests.twofactor.sent_codes import add_number, mailed_code, record_text_messages
from tests.urls_of_site import routes
from twofactor.api import schema
from twofactor.factors import backup_codes, code_text, totp
from twofactor.models import GuessBudget, Rule, Session, TokenFamily

ROOT = Path(__file__).parent.parent.parent

WHOLE = schema.ApiSchemaGenerator(urlconf="tests.api.urls").get_schema(request=None, public=True)
ANN, BEN = "ann@example.com", "ben@example.com"


def shown_in(part):
    return part.get("content", {}).get("application/json", {}).get("examples", {}).values()


def examples():
    """(method, path, name, request body, status, response body)"""
    for path, methods in WHOLE["paths"].items():
        for method, told in methods.items():
            sent = {one["summary"]: one["value"] for one in shown_in(told.get("requestBody", {}))}
            answers = {
                one["summary"]: (int(status), one["value"])
                for status, answer in told["responses"].items()
                for one in shown_in(answer)
            }
            done = next(int(status) for status in told["responses"] if status < "300")
            nothing = None if done == 204 else {}
            empty = {name: (done, nothing) for name in sent if name not in answers}
            for name, (status, answer) in {**answers, **empty}.items():
                yield method, path, name, sent.get(name), status, answer


EXAMPLES = list(examples())
NAMES = [f"{path.removeprefix('/api/')}: {name}" for _, path, name, *_ in EXAMPLES]


# What has to be true for an example to happen: whose program, and what it has done. Each comes with the
# values that stand in the example for what is different every time.


class Scene:
    def __init__(self, clock, settings):
        self.clock, self.settings = clock, settings
        self.ann, self.ben = person(ANN), person(BEN)
        self.phone = enrol(self.ben)
        backup_codes.replace_all(self.ben, backup_codes.make_rows(self.ben, PRINTED_CODES))
        self.program = Program(BEN)
        self.live = {}

    def anns_program(self):
        self.program = Program(ANN)
        self.program.give_password()

    def bens_program(self):
        self.program.sign_in(self.phone)
        self.clock.shift(60)
        self.live = {"otp_code": self.phone.code(), "backup_code": self.printed_code()}

    def password_given(self):
        self.program.give_password()
        self.live = {
            "totp_challenge_token": self.program.challenge,
            "otp_code": self.phone.code(),
            "backup_code": self.printed_code(),
        }

    def printed_code(self):
        return code_text.format_backup_code(PRINTED_CODES[0])

    def setup_started(self):
        self.anns_program()
        phone = Phone(self.program.post("totp/create/").json()["key"])
        self.live = {"input_code": phone.code()}

    def eight_codes_left(self):
        codes = backup_codes.generate()[:8]
        backup_codes.replace_all(self.ben, backup_codes.make_rows(self.ben, codes))


def later(scene):
    scene.clock.shift(13 * 60)
    if "otp_code" in scene.live:
        scene.live["otp_code"] = scene.phone.code()


def confirms(scene):
    scene.settings.TWOFACTOR_CODE_WITHOUT_APP = "everyone"
    record_text_messages(scene.settings)
    add_number(scene.ann)


def sent(scene):
    scene.password_given()
    scene.program.send()
    scene.live["sent_code"] = mailed_code()
    scene.live["totp_challenge_token"] = scene.program.challenge


def used(scene):
    scene.password_given()
    scene.program.give(backup_code=scene.printed_code())


def locked(scene):
    scene.password_given()
    for _ in range(5):
        scene.program.give(otp_code="000000")
    GuessBudget.objects.update(failures=5)


def with_token(field, kind):
    def prepared(scene):
        scene.bens_program()
        scene.live = {field: getattr(scene.program, kind)}

    return prepared


def renewed(scene):
    with_token("refresh", "refresh")(scene)
    scene.program.renew()


def over(field, kind):
    def prepared(scene):
        with_token(field, kind)(scene)
        scene.program.post("jwt/logout/", {"refresh": scene.program.refresh})

    return prepared


def status_of_eight(scene):
    scene.eight_codes_left()
    scene.bens_program()


def rule_for_everyone():
    Rule.objects.create(scope=Rule.Scope.EVERYONE, starts_on=timezone.now())


def one_app(scene):
    scene.bens_program()
    scene.live["id"] = scene.ben.authenticators.get().pk


def two_apps(scene):
    one_app(scene)
    add_app(scene.ben, totp.generate_key(), timezone.now())


def five_apps(scene):
    scene.bens_program()
    for _ in range(4):
        add_app(scene.ben, totp.generate_key(), timezone.now())


def app_created(scene):
    scene.bens_program()
    scene.new_phone = Phone(scene.program.post("totp/apps/create/").json()["key"])
    scene.live["input_code"] = scene.new_phone.code()


def app_created_long_ago(scene):
    app_created(scene)
    later(scene)
    scene.live["input_code"] = scene.new_phone.code()


def session_named(scene):
    scene.program.client.defaults["HTTP_USER_AGENT"] = "okhttp/4.12.0"
    scene.bens_program()
    session = Session.objects
    browser = trusted_browsers.new_trusted_client(scene.phone, BEN, user_agent=FIREFOX)
    session.all().delete()
    give_password(browser, BEN)
    session.update(name="Laptop at work")
    scene.live["id"] = str(session.get().device_id)


def own_device(scene):
    scene.bens_program()
    scene.live["id"] = str(TokenFamily.objects.get().device_id)


def superuser(scene):
    type(scene.ben).objects.filter(pk=scene.ben.pk).update(is_staff=True, is_superuser=True)
    scene.bens_program()


def rule_made(scene):
    superuser(scene)
    scene.live["id"] = Rule.objects.create(scope="staff", starts_on="2027-01-31", grace_days=14).pk


WAYS = {
    "jwt/create/": {"without two-factor authentication, where the site sends a code": confirms},
    "jwt/totp/verify/": {
        "a code that was sent": sent,
        "a challenge that has been used or has expired": used,
        "too many wrong codes": locked,
        "": Scene.password_given,
    },
    "jwt/totp/send/": {"too soon": sent, "": Scene.password_given},
    "jwt/refresh/": {"again": renewed, "": with_token("refresh", "refresh")},
    "jwt/verify/": {
        "a token of a sign-in that has ended": over("token", "access"),
        "": with_token("token", "access"),
    },
    "jwt/logout/": {"signing out twice": over("refresh", "refresh"), "": with_token("refresh", "refresh")},
    "totp/create/": {
        "a while after signing in": lambda scene: (scene.anns_program(), later(scene)),
        "when it is on": Scene.bens_program,
        "": Scene.anns_program,
    },
    "totp/confirm/": {"nothing to confirm": Scene.anns_program, "": Scene.setup_started},
    "totp/disable/": {
        "someone who must have it": lambda scene: (scene.bens_program(), rule_for_everyone()),
        "when it is off": Scene.anns_program,
        "a while later": lambda scene: (scene.bens_program(), later(scene)),
        "": Scene.bens_program,
    },
    "totp/rotate_backup_codes/": {
        "when it is off": Scene.anns_program,
        "a while later": lambda scene: (scene.bens_program(), later(scene)),
        "": Scene.bens_program,
    },
    "totp/apps/": {"": Scene.bens_program},
    "totp/apps/create/": {
        "a while later": lambda scene: (scene.bens_program(), later(scene)),
        "a while later, with a code and the password": lambda scene: (scene.bens_program(), later(scene)),
        "a while later, with a code alone": lambda scene: (scene.bens_program(), later(scene)),
        "with as many apps as one may have": five_apps,
        "when it is off": Scene.anns_program,
        "": Scene.bens_program,
    },
    "totp/apps/confirm/": {
        "nothing to confirm": Scene.bens_program,
        "a while later, with a code of the older app and the password": app_created_long_ago,
        "a while later, with a code alone": app_created_long_ago,
        "with as many apps as one may have": five_apps,
        "when it is off": Scene.anns_program,
        "": app_created,
    },
    "totp/apps/rename/": {"": two_apps},
    "totp/apps/remove/": {
        "the only one": one_app,
        "when it is off": Scene.anns_program,
        "a while later": lambda scene: (two_apps(scene), later(scene)),
        "": two_apps,
    },
    "totp/status/": {"without": Scene.anns_program, "": status_of_eight},
    "devices/": {"": session_named},
    "devices/end/": {
        "the device that asks": own_device,
        "a device that has ended already": Scene.bens_program,
        "": session_named,
    },
    "rules/": {"without the permission": Scene.bens_program, "": rule_made},
    "rules/create/": {"without the permission": Scene.bens_program, "": superuser},
    "rules/remove/": {
        "without the permission": Scene.bens_program,
        "a rule that is gone": superuser,
        "": rule_made,
    },
    "register/": {},
}
WRONG = "000000"


def prepare(scene, path, name):
    ways = WAYS[path.removeprefix("/api/")]
    if name != "signed out" and (way := ways.get(name, ways.get(""))):
        way(scene)


def shape(value):
    """Names and types only, because the values differ every time."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [shape(inner) for inner in value]
    return type(value)


def without_moments(sentence):
    return re.sub(r"\d+ (second|minute)s?|\d\d:\d\d", "…", sentence)


def expected(answer):
    """The exact text of a refusal; of any other response the names and types."""
    if answer and "code" in answer:
        return {**answer, "detail": without_moments(answer["detail"])}
    return shape(answer)


@pytest.mark.parametrize(("method", "path", "name", "body", "status", "answer"), EXAMPLES, ids=NAMES)
def test_an_example_happens(db, clock, settings, method, path, name, body, status, answer):
    scene = Scene(clock, settings)
    prepare(scene, path, name)
    if body is not None:
        live = {field: value for field, value in scene.live.items() if body.get(field) not in {None, WRONG}}
        found = scene.program.post(path.removeprefix("/api/"), {**body, **live})
    else:
        found = scene.program.get(path.removeprefix("/api/"))
    got = found.json() if found.content else None
    assert (found.status_code, expected(got)) == (status, expected(answer))


def test_every_url_has_an_example():
    assert {path for _, path, *_ in EXAMPLES} == set(WHOLE["paths"])


def test_every_refusal_that_programs_tell_apart_has_an_example():
    shown = {answer["code"] for *_, answer in EXAMPLES if answer and "code" in answer}
    assert shown >= {"locked", "too_often", "challenge_over", "password_needed", "token_not_valid"}


def test_the_document_describes_every_url():
    found = {route for route in routes(get_resolver().url_patterns, "/") if route.startswith("/api/")}
    others = {"/api/docs/", "/api/schema/", "/api/broken/500/", "/api/broken/503/"}
    assert found - others == set(WHOLE["paths"])


def test_the_document_is_well_formed():
    """With the command that drf-spectacular provides."""
    env = {**os.environ, "API_ENABLED": "true", "DJANGO_SETTINGS_MODULE": "tests.settings"}
    command = [
        sys.executable,
        "manage.py",
        "spectacular",
        "--validate",
        "--fail-on-warn",
        "--file",
        os.devnull,
    ]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_program_can_fetch_the_document(client, db):
    answer = client.get("/api/schema/")
    assert (answer.headers["Content-Type"], answer.json()["openapi"][:2]) == ("application/json", "3.")
    assert answer.json()["paths"].keys() == WHOLE["paths"].keys()


def test_views_of_the_site_are_not_described(client, db):
    assert "/harbours/" not in client.get("/api/schema/").json()["paths"]


# The page


@pytest.fixture
def read(client, db):
    return client.get("/api/docs/")


def test_people_can_read_it(read):
    assert read.status_code == 200
    for path in WHOLE["paths"]:
        assert f" {path}</code>" in read.text


def test_the_page_shows_every_example(read):
    for _method, _path, name, _body, status, _answer in EXAMPLES:
        assert f"<summary>{name[0].upper()}{name[1:]}: {status}</summary>" in unescape(read.text)


@pytest.mark.proves("3.4.3", "3.6.1")
def test_the_page_loads_nothing_from_elsewhere_and_runs_nothing_inline(read):
    assert read.headers.get("Content-Security-Policy", CONTENT_SECURITY_POLICY) == CONTENT_SECURITY_POLICY
    assert re.findall(r"""(?:src|href)=["']?(?:https?:)?//""", read.text) == []
    assert re.findall(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=", read.text) == []


def test_the_page_keeps_a_session_as_any_other(client, db):
    person(ANN)
    client.post("/accounts/login/", {"username": ANN, "password": PASSWORD})
    assert ANN in client.get("/api/docs/").text
