"""What people do, as rows of the table: for each row the answers that it took. `now` is a clock."""

WRONG = "000000"


def sign_in(subject, browser, person, now):
    first = browser.get(subject.login)
    password = browser.post(subject.login, subject.credentials(person), expect=subject.after_password)
    pages = subject.reach_code(browser)
    asked = {"code page": pages} if pages else {}
    code = browser.post(subject.verify, subject.entered(person.code(now())))
    rows = {"sign-in page": [first], "password POST": [password], **asked, "code POST, right": [code]}
    whole = [answer for answers in rows.values() for answer in answers]
    return {**rows, "whole sign-in": whole, "any page, signed in": [browser.get(subject.page)]}


def sign_in_and_look(subject, browser, person, now):
    rows = sign_in(subject, browser, person, now)
    return {**rows, "settings page": [browser.get(subject.settings)]}


def with_backup_code(subject, browser, person, now):
    give_password(subject, browser, person)
    subject.reach_backup(browser)
    code = browser.post(subject.backup, subject.entered_backup(person.codes.pop()))
    browser.get(subject.page)
    subject.after_backup(browser, person)
    return {"backup code POST": [code]}


def with_mistakes(subject, browser, person, now):
    browser.get(subject.login)
    password = browser.post(subject.login, subject.credentials(person, "wrong"), expect=200)
    give_password(subject, browser, person)
    subject.reach_code(browser)
    code = browser.post(subject.verify, subject.entered(WRONG), expect=200)
    return {"wrong password POST": [password], "wrong code POST": [code]}


def set_up(subject, browser, person, now):
    """Done by someone who has just signed up and signs in with the password alone."""
    browser.get(subject.login)
    browser.post(subject.login, subject.credentials(person))
    browser.get(subject.page)
    subject.confirm(browser)
    qr, rest = subject.set_up(browser, now)
    return {"QR page": qr, "whole setup": [*qr, *rest]}


def give_password(subject, browser, person):
    browser.get(subject.login)
    browser.post(subject.login, subject.credentials(person), expect=subject.after_password)


FLOWS = {each.__name__: each for each in (sign_in_and_look, with_backup_code, with_mistakes, set_up)}
ROWS = [
    "sign-in page",
    "password POST",
    "code page",
    "code POST, right",
    "backup code POST",
    "wrong code POST",
    "wrong password POST",
    "settings page",
    "QR page",
    "any page, signed in",
    "whole sign-in",
    "whole setup",
]
