"""Normalise email addresses: each mailbox has one spelling, and mail is sent to that."""

import re
import unicodedata

import idna

PLAIN_NAME = re.compile(r"[-!#$%&'*+/=?^_`{|}~.0-9A-Za-z]*")
PLAIN_DOMAIN = re.compile(r"([-0-9A-Za-z]+\.)+(?![0-9]+$)[-0-9A-Za-z]+")
LONGEST = 320  # characters that are read; an address has at most 254, and may have invisible ones beside them
JOINERS = "\u200c\u200d"  # in some scripts, two domains differ only by one of them


def normalise(address: str) -> str:
    """Addresses that look the same become the same. One that cannot be mailed is not refused here.

    Repeated until nothing changes, so that a normalised address stays as it is when it is normalised again.

    Mail goes to this spelling, so signing up with a look-alike gains nothing. The domain is encoded
    by IDNA 2008: Python's own codec would turn straße.de into strasse.de, which belongs to someone else.

    The rest of a longer text is cut off first: NFKC takes seconds for some texts of 60 kB, and strangers send
    them.
    """
    before, text = None, address[:LONGEST]
    while text != before:
        before, text = text, normalise_once(text)[:LONGEST]
    return text


def normalise_once(address: str) -> str:
    seen = without_format(address, but=JOINERS)
    local, at, domain = unicodedata.normalize("NFKC", seen).strip().lower().rpartition("@")
    if not at:
        return without_format(domain).strip()
    return f"{without_format(local)}{at}{to_dns(domain)}"


def without_format(text: str, but: str = "") -> str:
    """Remove the characters of class Cf, which are invisible, for example the soft hyphen."""
    if text.isascii():  # has none of them
        return text
    return "".join(one for one in text if one in but or unicodedata.category(one) != "Cf")


def to_dns(domain: str) -> str:
    """With the joiners where IDNA allows them, else without. Unchanged if it is no valid domain."""
    for candidate in (without_format(domain, but=JOINERS), without_format(domain)):
        if candidate.isascii() and "xn--" not in candidate:
            return candidate
        try:
            return idna.encode(candidate, uts46=True, std3_rules=True).decode()
        except idna.IDNAError:
            continue
    return without_format(domain)


def has_plain_name(address: str) -> bool:
    """Has no quotation marks: "carol" and carol would be two accounts with one mailbox."""
    return PLAIN_NAME.fullmatch(address.rpartition("@")[0]) is not None


def has_public_domain(address: str) -> bool:
    """Is neither a local host name nor an IP address, which has many spellings."""
    return PLAIN_DOMAIN.fullmatch(address.rpartition("@")[2]) is not None and has_domain(address)


def has_domain(address: str) -> bool:
    """Of a normalised address: is its domain valid in DNS?"""
    domain = address.rpartition("@")[2]
    if "xn--" not in domain:
        return domain.isascii()
    try:
        return idna.encode(domain).decode() == domain
    except idna.IDNAError:
        return False


def to_mail(address: str) -> str:
    """As a mail server accepts it, or ValueError. The part before the @ is not changed."""
    local, _at, domain = address.rpartition("@")
    mailed = f"{local}@{to_dns(domain)}"
    if not local.isascii() or not has_domain(mailed):
        raise ValueError("no mail can be sent to this address")
    return mailed
