"""One spelling for each mailbox: the one that mail is sent to."""

import unicodedata

import idna

JOINERS = "\u200c\u200d"  # in some scripts they tell two domains apart


def normalise(address: str) -> str:
    """What looks the same is the same. An address that cannot be mailed stays one, and is refused elsewhere.

    Mail goes to this spelling alone, so a look-alike gains nothing. The domain is as DNS has it (IDNA 2008):
    Python's own codec would write to strasse.de for straße.de, which belongs to somebody else.
    """
    text = unicodedata.normalize("NFKC", address).strip().lower()
    local, at, domain = text.rpartition("@")
    return f"{without_format(local)}{at}{to_dns(domain)}" if at else without_format(text)


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
    return address.rpartition("@")[0].isascii()


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
    if not has_plain_name(mailed) or not has_domain(mailed):
        raise ValueError("no address that mail can be sent to")
    return mailed
