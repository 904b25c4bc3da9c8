"""One spelling for each mailbox: the one that mail is sent to."""

import re
import unicodedata

import idna

PLAIN_NAME = re.compile(r"[-!#$%&'*+/=?^_`{|}~.0-9A-Za-z]*")
PLAIN_DOMAIN = re.compile(r"([-0-9A-Za-z]+\.)+(?![0-9]+$)[-0-9A-Za-z]+")
JOINERS = "\u200c\u200d"  # in some scripts they tell two domains apart


def normalise(address: str) -> str:
    """What looks the same is the same. An address that cannot be mailed stays one, and is refused elsewhere.

    Done again until nothing changes: what is counted and what is looked up are then the same text, however
    often it comes through here.

    Mail goes to this spelling alone, so a look-alike gains nothing. The domain is as DNS has it (IDNA 2008):
    Python's own codec would write to strasse.de for straße.de, which belongs to somebody else.
    """
    before, text = None, address
    while text != before:
        before, text = text, normalise_once(text)
    return text


def normalise_once(address: str) -> str:
    seen = without_format(address, but=JOINERS)
    local, at, domain = unicodedata.normalize("NFKC", seen).strip().lower().rpartition("@")
    if not at:
        return without_format(domain).strip()
    return f"{without_format(local)}{at}{to_dns(domain)}"


def without_format(text: str, but: str = "") -> str:
    """Format characters (Cf), like a soft hyphen, are not seen and not sent."""
    return "".join(one for one in text if one in but or unicodedata.category(one) != "Cf")


def to_dns(domain: str) -> str:
    """Joiners stay where they mean something; the domain as it was, when there can be none like it."""
    for candidate in (without_format(domain, but=JOINERS), without_format(domain)):
        if candidate.isascii() and "xn--" not in candidate:
            return candidate
        try:
            return idna.encode(candidate, uts46=True, std3_rules=True).decode()
        except idna.IDNAError:
            continue
    return without_format(domain)


def has_plain_name(address: str) -> bool:
    """Without quotation marks: "carol" and carol would be two people with one mailbox."""
    return PLAIN_NAME.fullmatch(address.rpartition("@")[0]) is not None


def has_public_domain(address: str) -> bool:
    """No machine of the local network, and no number of one: [192.0.2.1] has many spellings."""
    return PLAIN_DOMAIN.fullmatch(address.rpartition("@")[2]) is not None and has_domain(address)


def has_domain(address: str) -> bool:
    """Of an address in its one spelling: can mail be sent to its domain?"""
    domain = address.rpartition("@")[2]
    if "xn--" not in domain:
        return domain.isascii()
    try:
        return idna.encode(domain).decode() == domain
    except idna.IDNAError:
        return False


def to_mail(address: str) -> str:
    """As a mail server takes it, or ValueError. The name before the @ stays as it is written."""
    local, _at, domain = address.rpartition("@")
    mailed = f"{local}@{to_dns(domain)}"
    if not local.isascii() or not has_domain(mailed):
        raise ValueError("no address that mail can be sent to")
    return mailed
