"""What a shop told of a buyer at a decision, read again while he is not erased: whom a bureau is asked about."""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from gateway.checkout.decide import open_told
from gateway.core.crypto import Keyring
from gateway.risk.bureau import Person, person_of
from gateway.shops import buyers
from gateway.shops.identity import Address


@dataclass(frozen=True, slots=True)
class ToldBefore:
    """The buyer of a decision. `key` seals what is stored about him."""

    key: bytes = field(repr=False)
    person: Person = field(repr=False)
    language: str


def told_before(session: Session, keyring: Keyring, decision: Any) -> ToldBefore | None:
    """The buyer behind a decision; None for somebody nobody can name, or who was erased."""
    if decision.buyer_id is None or decision.told_sealed is None:
        return None
    key = buyers.find_key(session, keyring, decision.buyer_id)
    if key is None:
        return None
    told = open_told(key, decision.id, decision.told_sealed)
    buyer, home = told["buyer"], told["billing"] or told["delivery"]
    address = Address(**home) if home else None
    person = person_of(buyer["first_name"], buyer["last_name"], buyer["company"], address)
    return ToldBefore(key, person, buyer["language"])
