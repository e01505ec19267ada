"""Money that had come and was taken back: the claim payment is reversed, or a claim of its own opened for a returned debit.

What follows for dunning is the class of the return's reason code (`payments.return_codes`).
"""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from gateway.receivables.keys import Keys


@dataclass(frozen=True, slots=True)
class ReturnedMoney:
    """A return as it was told. `source` and `external_id` name it once and for all."""

    source: str
    """`bank` or `provider:<connection id>`."""
    external_id: str
    day: date
    """Value date of the return."""
    amount_minor: int
    """What had been paid and is gone, without charges."""
    currency: str
    code: str
    """EPC reason code, or empty."""
    reason: str
    """The provider's or the bank's words, or empty."""
    references: tuple[str, ...]
    """Our references, end-to-end ids and order numbers, the weightiest first."""
    shop_id: UUID | None = None
    payment: tuple[str, str] | None = None
    """(source, external_id) of the claim payment that is taken back, where it is known."""
    charges_minor: int = 0
    """The bank's fee of the return, told apart."""


@dataclass(frozen=True, slots=True)
class Took:
    """What came of it. `did`: `reversed`, `opened`, `known` (told before) or `unknown` (nothing of ours was found)."""

    did: str
    claim_ids: tuple[UUID, ...] = ()


def take(session: Session, keys: Keys, returned: ReturnedMoney, now: datetime) -> Took:
    """Idempotent per (source, external_id). Raises BuyerErased, CurrencyMismatch."""
    raise NotImplementedError
