"""Passkeys that are used at the same moment, on whichever database the tests run on.

RACE_REPEATS=20 makes a long run of it, and prints the counts.
"""

from functools import partial

import pytest
from django.db import connection
from django.utils import timezone

from tests.machinery.races import REPEATS, assert_no_errors, at_once, sessions, statuses
from tests.people import enrol, person, sign_in, signed_in_as
from tests.twofactor.passkeys.browser import Browser, forms_of, new_passkey, not_synced, store
from twofactor.factors import enrolled
from twofactor.models import Event, Passkey, Rule, SpentChallenge
from twofactor.operations import support

CROWD = 60
SIGN_IN = "/accounts/login/"
ADD = "/two-factor/passkeys/add/"
SETTINGS = "/two-factor/"

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("no_template_copies", "localhost"),
    pytest.mark.parametrize("repeat", REPEATS),
]


@pytest.fixture
def localhost(settings):
    settings.TWOFACTOR_BASE_URL = "http://localhost"
    settings.TWOFACTOR_PASSKEY_DOMAIN = "localhost"
    settings.ALLOWED_HOSTS = ["localhost", "testserver"]


@pytest.fixture
def passkey(alice):
    made = new_passkey()
    store(alice, made)
    return made


def browser(like=None):
    """A browser that gets errors as answers. With another one's cookies it is a second tab of that."""
    made = Browser(raise_request_exception=False)
    if like:
        made.cookies.load({name: morsel.value for name, morsel in like.cookies.items()})
    return made


def signed_in(passkey):
    """Alice's browser, where she has used the passkey right now."""
    made = browser()
    made.sign_in(passkey)
    assert signed_in_as(made) is not None
    return made


def posts(clients, form, passkey):
    """A post for every browser, ready to go: the same answer."""
    answer = clients[0].answer(form, passkey)
    return [partial(browser(client).post, form.action, answer) for client in clients]


def form_on(client, path, place=0):
    return forms_of(client.get(path))[place]


# One challenge


@pytest.mark.proves("PK-02")
def test_one_challenge_sixty_times_signs_in_once(alice, passkey, request, repeat):
    client = browser()
    answers = at_once(*posts([client] * CROWD, form_on(client, SIGN_IN), passkey))
    assert_no_errors(request, answers, sessions=sessions())
    spent = SpentChallenge.objects.count()
    recorded = Event.objects.filter(kind="signed_in_with_passkey").count()
    assert (sessions(), statuses(answers)[303], spent, recorded) == (1, 1, 1, 1)


def test_one_challenge_sixty_times_is_no_copy(alice, request, repeat):
    """Of a device that counts: all but one come too late, and none of them is a second device."""
    device = not_synced()
    store(alice, device)
    device.sign_count += 1
    client = browser()
    answers = at_once(*posts([client] * CROWD, form_on(client, SIGN_IN), device))
    assert_no_errors(request, answers, sessions=sessions())
    assert (sessions(), Passkey.objects.get().suspected_at) == (1, None)


def test_one_second_step_sixty_times_signs_in_once(alice, phone, passkey, request, repeat):
    client = browser()
    form = client.give_password()
    answers = at_once(*posts([client] * CROWD, form, passkey))
    assert_no_errors(request, answers, sessions=sessions())
    assert (sessions(), Event.objects.filter(kind="signed_in_with_passkey").count()) == (1, 1)


def test_sixty_passkeys_of_sixty_people_sign_in_sixty(clock, request, repeat):
    actions = []
    for number in range(CROWD):
        device, client = new_passkey(), browser()
        store(person(f"{number}@example.com"), device)
        actions += posts([client], form_on(client, SIGN_IN), device)
    answers = at_once(*actions)
    assert_no_errors(request, answers, sessions=sessions())
    assert sessions() == CROWD


def test_one_confirmation_sixty_times_changes_factors_once(alice, phone, passkey, request, repeat):
    client = signed_in(passkey)
    answers = at_once(*posts([client] * CROWD, form_on(client, "/two-factor/disable/"), passkey))
    off = Event.objects.filter(kind="two_factor_disabled").count()
    assert_no_errors(request, answers, off=off)
    assert (off, enrolled.is_on(alice), Passkey.objects.count()) == (1, False, 0)


# Adding


def test_one_new_passkey_sixty_times_is_one_row(alice, passkey, request, repeat):
    client = signed_in(passkey)
    answers = at_once(*posts([client] * CROWD, form_on(client, ADD), new_passkey()))
    added = Event.objects.filter(kind="passkey_added").count()
    assert_no_errors(request, answers, rows=Passkey.objects.count())
    assert (Passkey.objects.count(), added, statuses(answers)[303]) == (2, 1, 1)


def test_one_credential_id_for_sixty_people_is_one_row(clock, request, repeat):
    new, actions = new_passkey(), []
    for number in range(CROWD):
        own, user = new_passkey(), person(f"{number}@example.com")
        store(user, own)
        client = signed_in(own)
        actions += posts([client], form_on(client, ADD), new)
    answers = at_once(*actions)
    rows = Passkey.objects.count()
    assert_no_errors(request, answers, rows=rows)
    assert (rows, statuses(answers)) == (CROWD + 1, {303: 1, 422: CROWD - 1})


@pytest.mark.parametrize("is_on", [True, False])
def test_no_more_are_added_than_allowed(alice, passkey, is_on, request, repeat):
    if is_on:
        enrol(alice)
        store(alice, passkey)
    for number in range(7):
        store(alice, new_passkey(), name=f"{number}")
    client = signed_in(passkey)
    actions = []
    for _ in range(10):
        actions += posts([client], form_on(client, ADD), new_passkey())
    answers = at_once(*actions)
    assert_no_errors(request, answers, rows=Passkey.objects.count())
    assert Passkey.objects.count() == 10


@pytest.mark.proves("RU-12")
def test_of_two_sessions_with_a_code_one_adds_the_passkey_that_is_required(
    alice, phone, request, clock, repeat
):
    """The other may be that of a thief who was given a code."""
    Rule.objects.create(scope="everyone", starts_on=timezone.localdate(), factor=Rule.Factor.PASSKEY)
    actions = []
    for _ in range(2):
        client = browser()
        sign_in(client, phone)
        actions += posts([client], form_on(client, ADD), new_passkey())
        clock.shift(60)
    answers = at_once(*actions)
    assert_no_errors(request, answers, rows=Passkey.objects.count())
    assert (Passkey.objects.count(), Event.objects.filter(kind="passkey_added").count()) == (1, 1)


# Removing


@pytest.fixture
def two_passkeys(alice, phone):
    """Alice has no app any more, but two passkeys."""
    made = [new_passkey(), new_passkey()]
    rows = [store(alice, each, name=f"{number}") for number, each in enumerate(made)]
    alice.authenticators.all().delete()
    return made, rows


def removal(client, row, passkey):
    return posts([client], form_on(client, f"/two-factor/passkeys/{row.pk}/remove/"), passkey)


def test_of_two_removals_of_the_last_two_passkeys_one_wins(alice, two_passkeys, request, clock, repeat):
    made, rows = two_passkeys
    clients = [signed_in(made[0])]
    clock.shift(1)
    clients.append(signed_in(made[1]))
    answers = at_once(
        *removal(clients[0], rows[0], made[0]),
        *removal(clients[1], rows[1], made[1]),
    )
    assert_no_errors(request, answers, left=Passkey.objects.count())
    assert (Passkey.objects.count(), enrolled.is_on(alice)) == (1, True)


@pytest.mark.proves("RU-13")
def test_of_two_removals_the_passkey_that_is_required_stays(alice, phone, request, clock, repeat):
    """The app alone would be enough for two-factor authentication, and not for the rule."""
    Rule.objects.create(scope="everyone", starts_on=timezone.localdate(), factor=Rule.Factor.PASSKEY)
    made = [new_passkey(), new_passkey()]
    rows = [store(alice, each, name=f"{number}") for number, each in enumerate(made)]
    clients = [signed_in(made[0])]
    clock.shift(1)
    clients.append(signed_in(made[1]))
    answers = at_once(
        *removal(clients[0], rows[0], made[0]),
        *removal(clients[1], rows[1], made[1]),
    )
    assert_no_errors(request, answers, left=Passkey.objects.count())
    assert Passkey.objects.count() == 1


def test_of_two_removals_the_only_way_in_stays(alice, request, clock, repeat):
    """Without a password, while two-factor authentication is off."""
    made = [new_passkey(), new_passkey()]
    rows = [store(alice, each, name=f"{number}") for number, each in enumerate(made)]
    alice.set_unusable_password()
    alice.save()
    clients = [signed_in(made[0])]
    clock.shift(1)
    clients.append(signed_in(made[1]))
    answers = at_once(
        *removal(clients[0], rows[0], made[0]),
        *removal(clients[1], rows[1], made[1]),
    )
    assert_no_errors(request, answers, left=Passkey.objects.count())
    assert Passkey.objects.count() == 1


def test_a_passkey_that_is_being_removed_opens_no_session_after_it(
    alice, two_passkeys, request, clock, repeat
):
    made, rows = two_passkeys
    client = signed_in(made[0])
    clock.shift(1)
    others = [browser() for _ in range(CROWD // 2)]
    sign_ins = [post for each in others for post in posts([each], form_on(each, SIGN_IN), made[1])]
    answers = at_once(*removal(client, rows[1], made[0]), *sign_ins)
    assert_no_errors(request, answers, left=Passkey.objects.count())
    assert Passkey.objects.count() == 1
    # The removal has ended every session that was opened before it.
    assert {browser(each).get(SETTINGS).status_code for each in others} <= {302, 303}


def test_removals_second_steps_and_codes_wait_in_one_order(
    alice, two_passkeys, printed_codes, request, clock, repeat
):
    """On PostgreSQL two that lock the same rows in another order would end in a deadlock, and an error."""
    made, rows = two_passkeys
    client = signed_in(made[0])
    clock.shift(1)
    second_steps = []
    for _ in range(12):
        each = browser()
        second_steps += posts([each], each.give_password(), made[1])
    coded = browser()
    coded.give_password()
    code = partial(browser(coded).post, "/two-factor/verify/", {"code": printed_codes[0]})
    off = posts([client], form_on(client, "/two-factor/disable/"), made[0])
    answers = at_once(*removal(client, rows[1], made[0]), *second_steps, code, *off)
    assert_no_errors(request, answers, left=Passkey.objects.count())


def test_support_and_passkeys_wait_in_one_order(alice, phone, passkey, request, repeat):
    actions = []
    for _ in range(10):
        each = browser()
        actions += posts([each], each.give_password(), passkey)
        each = browser()
        actions += posts([each], form_on(each, SIGN_IN), passkey)
    done = at_once(partial(support.reset, alice, "lost", "a test", None), *actions)
    assert_no_errors(request, done[1:])
    assert (enrolled.is_on(alice), Passkey.objects.count()) == (False, 0)


# Killed in between


class Killed(BaseException):
    """The process ends here: nothing of it runs any more, and the database rolls back."""


def killed_before(number):
    """Ends the process before its statement with this number."""
    left = [number]

    def run(execute, sql, params, many, context):
        if left[0] == 0:
            raise Killed
        left[0] -= 1
        return execute(sql, params, many, context)

    return connection.execute_wrapper(run)


def try_until_it_lives(act):
    """Runs it again and again, killed one statement later each time; after each, what it says has changed."""
    number = 0
    while True:
        post, changes = act()
        try:
            with killed_before(number):
                post()
        except Killed:
            connection.close()
            yield changes()
            number += 1
        else:
            assert number > 5
            return


def test_a_sign_in_that_is_killed_has_changed_nothing_or_all(alice, clock, repeat):
    device = not_synced()
    store(alice, device)

    def act():
        clock.shift(1)
        before, device.sign_count = timezone.now(), device.sign_count + 1
        client = browser()
        [post] = posts([client], form_on(client, SIGN_IN), device)
        spent = SpentChallenge.objects.count()

        def changes():
            alice.refresh_from_db()
            return (
                SpentChallenge.objects.count() > spent,
                Passkey.objects.get().sign_count == device.sign_count,
                alice.last_login is not None and alice.last_login >= before,
                Event.objects.filter(kind="signed_in_with_passkey", at__gte=before).exists(),
            )

        return post, changes

    seen = {len(set(changed)) for changed in try_until_it_lives(act)}
    assert seen == {1}
    assert Passkey.objects.get().suspected_at is None


def test_a_removal_that_is_killed_has_changed_nothing_or_all(alice, phone, passkey, clock, repeat):
    def act():
        clock.shift(1)
        before = timezone.now()
        row = store(alice, new_passkey(), name=f"{before}")
        client = signed_in(passkey)
        alice.refresh_from_db()
        epoch = alice.security_epoch
        [post] = removal(client, row, passkey)
        spent = SpentChallenge.objects.count()

        def changes():
            alice.refresh_from_db()
            return (
                SpentChallenge.objects.count() > spent,
                not Passkey.objects.filter(pk=row.pk).exists(),
                alice.security_epoch != epoch,
                Event.objects.filter(kind="passkey_removed", detail__passkey=row.name).exists(),
            )

        return post, changes

    seen = {len(set(changed)) for changed in try_until_it_lives(act)}
    assert seen == {1}


def test_an_addition_that_is_killed_has_changed_nothing_or_all(alice, phone, passkey, clock, repeat):
    def act():
        clock.shift(1)
        Passkey.objects.filter(kind="key").delete()
        client, before = signed_in(passkey), timezone.now()
        form = form_on(client, ADD, 1)
        new = new_passkey()
        [post] = posts([client], form, new)
        spent = SpentChallenge.objects.count()

        def changes():
            return (
                SpentChallenge.objects.count() > spent,
                Passkey.objects.filter(kind="key").exists(),
                Event.objects.filter(kind="passkey_added", at__gte=before).exists(),
            )

        return post, changes

    seen = {len(set(changed)) for changed in try_until_it_lives(act)}
    assert seen == {1}
