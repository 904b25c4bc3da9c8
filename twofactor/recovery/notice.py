"""What mails and open sessions tell of a recovery that runs."""

from datetime import datetime
from typing import Any

from twofactor.models import Recovery
from twofactor.recovery import links, requests
from twofactor.users import TwoFactorUser, email_for_codes, email_of


def of(user: TwoFactorUser, now: datetime, to: str = "") -> dict[str, Any] | None:
    """For the templates. The link that finishes it is only for the person's own address.

    The row is read once for a user, or together with them.
    """
    row: Recovery | None = getattr(user, "twofactor_recovery", None)
    if row is None or not requests.runs(row, now):
        return None
    is_own = to != "" and to in {email_of(user), email_for_codes(user)}
    return {
        "ready_at": row.ready_at,
        "is_over": row.told_at is not None,
        "stop": links.make_stop(row, now),
        "finish": links.make_finish(row, now) if row.told_at and is_own else "",
        "finish_for": links.FINISH_FOR,
    }
