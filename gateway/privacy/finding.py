"""Finding the buyer somebody speaks for: by id, e-mail address or phone number, live and test apart."""

from uuid import UUID

from sqlalchemy.orm import Session

from gateway.core.crypto import Keyring
from gateway.core.db import merchant_of
from gateway.core.errors import Invalid
from gateway.core.ids import from_public
from gateway.merchants import secrets
from gateway.shops import buyers, identity
from gateway.shops.buyers import BuyerUnknown
from gateway.shops.identity import Address, Identity
from gateway.shops.models import Buyer


def find_buyer(session: Session, keyring: Keyring, text: str, *, live: bool, country: str = "DE") -> UUID:
    """`buy_…`, an e-mail address or a phone number of `country`. Raises Invalid, BuyerUnknown."""
    if text.startswith("buy_"):
        return by_id(session, text, live=live)
    told = Identity(text) if "@" in text else Identity(phone=text, billing=Address(country=country))
    index_key = secrets.get_key(session, keyring, "index")
    digests = identity.digests(index_key, live=live, identity=told)
    if not digests:
        raise Invalid.at("/buyer", "is no buyer id, e-mail address or phone number")
    found = buyers.find_buyer(session, digests)
    if found is None:
        raise BuyerUnknown
    return found


def by_id(session: Session, text: str, *, live: bool) -> UUID:
    """The buyer of this mode behind `buy_…`. Raises BuyerUnknown."""
    buyer_id = from_public("buy", text)
    row = session.get(Buyer, (merchant_of(session), buyer_id)) if buyer_id else None
    if row is None or row.live is not live:
        raise BuyerUnknown
    return row.id
