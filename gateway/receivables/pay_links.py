"""Pages of payment providers on which a debtor pays a claim: which connection makes one, and what it is asked for.

Nothing is booked when the debtor comes back: only what the provider tells counts (`follow_payments`).
"""

import hashlib
from collections.abc import Collection
from datetime import date
from uuid import UUID

from sqlalchemy.orm import Session

from gateway.core.errors import Unavailable
from gateway.core.ids import to_public
from gateway.payments import accounts
from gateway.payments.providers import KIND, LinkWanted
from gateway.shops import connections


class PayOnlineAway(Unavailable):
    """Paying online does not work at the moment; please pay by transfer, or try again later."""


def connections_of(session: Session, shop_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """Shop → its oldest open connection whose provider makes pay links; a shop without one is missing."""
    found: dict[UUID, UUID] = {}
    for one in connections.list_connections(session):
        name = one.kind.removeprefix(KIND) if one.kind.startswith(KIND) else ""
        provider = accounts.adapters().get(name)
        if one.shop_id in shop_ids and one.closed_at is None and provider is not None and provider.pay_link is not None:
            found.setdefault(one.shop_id, one.id)
    return found


def wanted(claim_id: UUID, owed: tuple[int, str], words: str, return_url: str, today: date) -> LinkWanted:
    """The same claim, sum and page on one day are one link, however often it is asked for; another sum is another."""
    (amount_minor, currency), reference = owed, to_public("clm", claim_id)
    named = f"{reference} {amount_minor} {currency} {today} {return_url} {words}"
    key = f"pay-{hashlib.sha256(named.encode()).hexdigest()[:40]}"
    return LinkWanted(key, reference, amount_minor, currency, words, return_url)
