"""kill -9 while a passkey is added, used or removed: before each statement in turn, all happens or nothing.

What has been committed before the process died counts; nobody is signed in by an answer that never came; and
whoever tries again goes on.
"""

from itertools import count

import pytest

from tests.machinery.drills.deployed import Site, deployed
from tests.machinery.drills.populate import create_people, enrol_people
from tests.machinery.drills.visitor import LOGIN, NOBODY, VERIFY, Visitor
from tests.twofactor.passkeys.browser import FORM, Form, new_passkey, not_synced, store
from twofactor.models import BackupCode, Event, Passkey, PasskeyOwner, SpentChallenge, TwoFactor

ADD = "/two-factor/passkeys/add/"
CODES = "/two-factor/setup/codes/"
SETTINGS = "/two-factor/"

pytestmark = [pytest.mark.long, pytest.mark.proves("PK-19")]


@pytest.fixture
def site(database, folder, settings):
    with deployed(Site(database, folder, host="localhost", DRILL_CHEAP_PASSWORDS="yes")) as [site]:
        settings.TWOFACTOR_BASE_URL = origin_of(site)  # for what this process stores
        yield site
        assert site.errors() == []


@pytest.fixture
def alice(site):
    [alice] = create_people(["alice"], "md5")
    return alice


@pytest.fixture
def phone(alice):
    return enrol_people([alice])[alice.email]


@pytest.fixture
def device(site, alice):
    """A passkey of Alice that counts: after a death nobody may take it for a copy."""
    made = not_synced(origin=origin_of(site))
    store(alice, made)
    return made


def origin_of(site):
    return f"http://localhost:{site.port}"


def visitor(site):
    return Visitor(site.port, host="localhost")


def form_at(browser, path, place=0):
    return [Form(text) for text in FORM.findall(browser.get(path).body)][place]


def answer(form, device):
    """What the script of the page sends."""
    if form.kind == "create":
        return {**form.fields, "credential": device.register(form.options)}
    device.sign_count += 1
    return {**form.fields, "credential": device.sign(form.options)}


def signed_in(site, device):
    browser = visitor(site)
    form = form_at(browser, LOGIN)
    assert browser.post(form.action, answer(form, device)).status == 303
    return browser


def after_each_death(report, what, act):
    """Runs it again and again, killed one statement later each time, until an answer comes.

    `act` gets the headers that kill, and returns the answer and what has changed, which must be all or none.
    """
    seen = []
    for number in count(1):
        came, changed = act({"X_Die_At": str(number)})
        assert len(set(changed)) == 1, (number, changed)
        seen.append(changed[0])
        if came.status != NOBODY:
            break
    assert (came.status, seen) == (303, sorted(seen))
    report(f"PK-19: {what}: died at {len(seen) - 1} places, done from the {seen.index(True) + 1}th on")
    assert len(seen) > 5


def events(kind):
    return Event.objects.filter(kind=kind).count()


def crowd():
    """Someone else for each death: nobody may begin so many setups, or be stepped up for so long."""
    return create_people([f"p{number}" for number in range(60)], "md5")


def test_adding_one(site, report):
    """The first of all, with which the person gets a handle."""
    phones = iter(enrol_people(crowd()).items())

    def add(headers):
        email, phone = next(phones)
        browser, user = visitor(site), {"user__email": email}
        browser.sign_in(email, phone)
        spent, form = SpentChallenge.objects.count(), form_at(browser, ADD)
        came = browser.post(form.action, answer(form, new_passkey(origin=origin_of(site))), **headers)
        return came, (
            SpentChallenge.objects.count() > spent,
            Passkey.objects.filter(**user).exists(),
            PasskeyOwner.objects.filter(**user).exists(),
            Event.objects.filter(kind="passkey_added", **user).exists(),
        )

    after_each_death(report, "adding", add)


def test_signing_in_with_it_alone(site, alice, device, report):
    def sign_in(headers):
        before = use_of(alice, device)
        browser = visitor(site)
        form = form_at(browser, LOGIN)
        came = browser.post(form.action, answer(form, device), **headers)
        assert browser.is_signed_in() == (came.status == 303)
        return came, changes(before, use_of(alice, device))

    after_each_death(report, "signing in with it alone", sign_in)
    assert signed_in(site, device).is_signed_in()
    assert Passkey.objects.get().suspected_at is None


def test_as_the_second_step(site, alice, phone, device, report):
    def second_step(headers):
        before = use_of(alice, device)
        browser = visitor(site)
        browser.give_password(alice.email)
        form = form_at(browser, VERIFY)
        came = browser.post(form.action, answer(form, device), **headers)
        assert browser.is_signed_in() == (came.status == 303)
        return came, changes(before, use_of(alice, device))

    after_each_death(report, "as the second step", second_step)
    assert Passkey.objects.get().suspected_at is None


def use_of(alice, device):
    """Everything that one use writes in one transaction."""
    alice.refresh_from_db()
    row = Passkey.objects.get()
    return (
        SpentChallenge.objects.count(),
        row.sign_count,
        row.last_used_at,
        alice.last_login,
        events("signed_in_with_passkey"),
    )


def changes(before, after):
    return [old != new for old, new in zip(before, after, strict=True)]


def test_removing_one(site, alice, phone, device, report):
    def remove(headers):
        browser, other = signed_in(site, device), signed_in(site, device)
        Passkey.objects.filter(name="Lost").delete()
        lost = store(alice, new_passkey(origin=origin_of(site)), name="Lost")
        alice.refresh_from_db()
        spent, removed = SpentChallenge.objects.count(), events("passkey_removed")
        epoch = alice.security_epoch
        form = form_at(browser, f"/two-factor/passkeys/{lost.pk}/remove/")
        came = browser.post(form.action, answer(form, device), **headers)
        alice.refresh_from_db()
        return came, (
            SpentChallenge.objects.count() > spent,
            not Passkey.objects.filter(name="Lost").exists(),
            alice.security_epoch > epoch,
            events("passkey_removed") > removed,
            not other.is_signed_in(),
        )

    after_each_death(report, "removing", remove)
    assert [row.name for row in Passkey.objects.all()] == ["Laptop"]


def test_turning_on_with_one(site, report):
    people = iter(crowd())

    def turn_on(headers):
        user, device = next(people), new_passkey(origin=origin_of(site))
        store(user, device)
        browser = signed_in(site, device)
        browser.get(CODES)
        came = browser.post(CODES, {"saved": "on"}, **headers)
        return came, (
            TwoFactor.objects.filter(user=user).exists(),
            BackupCode.objects.filter(user=user).count() == 10,
            Event.objects.filter(user=user, kind="two_factor_enabled").exists(),
            visitor(site).give_password(user.email).to == VERIFY,
        )

    after_each_death(report, "turning on", turn_on)
