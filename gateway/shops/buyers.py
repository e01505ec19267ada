"""Buyers: found by their blind indexes, and made once even when two first orders race."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Table, select, text
from sqlalchemy.orm import Session

from gateway.core.crypto import Keyring, new_key
from gateway.core.db import merchant_of
from gateway.core.errors import NotFound, Refused, Unavailable
from gateway.core.ids import new_id
from gateway.core.rotation import WrappedColumn
from gateway.shops.identity import ADDRESS, BILLING, DELIVERY, identifying
from gateway.shops.models import Buyer, BuyerIndex


class BuyerUnknown(NotFound):
    """There is no such buyer."""


class BuyerErased(Refused):
    """This buyer was erased; his personal data is not taken again for an old order."""


@dataclass(frozen=True, slots=True)
class BuyerKey:
    """A buyer and the key that seals what is stored about him."""

    id: UUID
    data_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class NewBuyer:
    """A buyer not yet stored: `params` belong to `CREATE_BUYER`."""

    id: UUID
    data_key: bytes = field(repr=False)
    params: Mapping[str, Any] = field(repr=False)


_CREATE = """
    WITH mine AS (
        INSERT INTO buyer_index (merchant_id, digest, buyer_id, kind, identifies)
        VALUES (:merchant, :digest, :buyer, :kind, true) {}
        RETURNING buyer_id),
    made AS (
        INSERT INTO buyer (merchant_id, id, live, wrapped_key, first_seen_at)
        SELECT :merchant, buyer_id, :live, :wrapped_key, :now FROM mine),
    linked AS (
        INSERT INTO buyer_index (merchant_id, digest, buyer_id, kind, identifies)
        SELECT :merchant, link.digest, mine.buyer_id, link.kind, false
        FROM mine, unnest(CAST(:digests AS bytea[]), CAST(:kinds AS text[])) AS link (digest, kind))
    SELECT buyer_id FROM mine
    """
CREATE_BUYER = text(_CREATE.format("ON CONFLICT (merchant_id, digest) WHERE identifies DO NOTHING"))
"""Buyer, identity and links in one statement. No row comes back when another transaction made this buyer first: read again."""
CREATE_BUYER_OR_FAIL = text(_CREATE.format(""))
"""The same for who does not wait for the answer: it violates the identity's uniqueness then."""

LINK_BUYER = text(
    """
    INSERT INTO buyer_index (merchant_id, digest, buyer_id, kind, identifies)
    SELECT :merchant, link.digest, :buyer, link.kind, false
    FROM unnest(CAST(:digests AS bytea[]), CAST(:kinds AS text[])) AS link (digest, kind)
    ON CONFLICT DO NOTHING
    """,
)

# The lock keeps an erasure from passing between this read and what is then sealed with the key.
_FIND_BUYER = text(
    """
    SELECT b.id, b.wrapped_key,
           ARRAY(SELECT k.digest FROM buyer_index k
                 WHERE k.merchant_id = :merchant AND k.buyer_id = b.id AND k.digest = ANY(:digests)) AS known
    FROM buyer_index i JOIN buyer b ON b.merchant_id = i.merchant_id AND b.id = i.buyer_id
    WHERE i.merchant_id = :merchant AND i.digest = :digest AND i.identifies
    FOR KEY SHARE OF b
    """,
)


_RACES = 3
"""Losing once means somebody else made the buyer; losing again needs an erasure in between."""


def context_of(buyer_id: UUID) -> str:
    """The place a buyer's wrapped key belongs to."""
    return f"buyer.key:{buyer_id}"


def new_buyer(
    keyring: Keyring, merchant_id: UUID, digests: Mapping[str, bytes], *, live: bool, now: datetime
) -> NewBuyer:
    """A buyer with a key of his own, to be stored by `CREATE_BUYER`. Raises ValueError when nothing identifies him."""
    identity = identifying(dict(digests))
    if identity is None:
        raise ValueError("neither e-mail nor phone identifies this buyer")
    buyer_id, data_key = new_id(), new_key()
    params = {
        "merchant": merchant_id,
        "buyer": buyer_id,
        "kind": identity[0],
        "digest": identity[1],
        "live": live,
        "wrapped_key": keyring.wrap(data_key, context_of(buyer_id)),
        "now": now,
        **link_arrays(digests, known=(identity[1],)),
    }
    return NewBuyer(buyer_id, data_key, params)


def link_arrays(digests: Mapping[str, bytes], known: Iterable[bytes] = ()) -> dict[str, list[Any]]:
    """The columns `digests` and `kinds` of the links not yet `known`, each once, in a fixed order."""
    have = set(known)
    kinds = {digest: ADDRESS if kind in (BILLING, DELIVERY) else kind for kind, digest in digests.items()}
    links = sorted((digest, kind) for digest, kind in kinds.items() if digest not in have)
    return {"digests": [digest for digest, _ in links], "kinds": [kind for _, kind in links]}


def ensure_buyer(
    session: Session, keyring: Keyring, digests: Mapping[str, bytes], *, live: bool, now: datetime
) -> BuyerKey:
    """The buyer these digests identify, made when he is new, with links to whatever else is known of him now.

    Without e-mail and phone nobody can be recognised again: the order then gets a buyer of its own.
    """
    if identifying(dict(digests)) is None:
        return _nameless_buyer(session, keyring, digests, live=live, now=now)
    for _ in range(_RACES):
        if (known := _find_and_link(session, keyring, digests)) is not None:
            return known
        new = new_buyer(keyring, merchant_of(session), digests, live=live, now=now)
        if session.execute(CREATE_BUYER, new.params).first() is not None:
            return BuyerKey(new.id, new.data_key)
    raise Unavailable("this buyer is being changed by others")


def find_buyer(session: Session, digests: Mapping[str, bytes]) -> UUID | None:
    """The buyer these digests identify, if he was seen before."""
    identity = identifying(dict(digests))
    return (
        None
        if identity is None
        else session.scalar(
            select(BuyerIndex.buyer_id).where(
                BuyerIndex.merchant_id == merchant_of(session), BuyerIndex.digest == identity[1], BuyerIndex.identifies
            ),
        )
    )


def digests_of(session: Session, buyer_id: UUID) -> list[bytes]:
    """Every blind index that leads to this buyer; none once he is erased."""
    mine = BuyerIndex.merchant_id == merchant_of(session), BuyerIndex.buyer_id == buyer_id
    return [bytes(digest) for digest in session.scalars(select(BuyerIndex.digest).where(*mine))]


def find_key(session: Session, keyring: Keyring, buyer_id: UUID, *, hold: bool = False) -> bytes | None:
    """The buyer's data key; None once he is erased. With `hold` no erasure passes until the transaction ends.

    Raises BuyerUnknown.
    """
    wanted = select(Buyer.wrapped_key).where(Buyer.merchant_id == merchant_of(session), Buyer.id == buyer_id)
    row = session.execute(wanted.with_for_update(read=True, key_share=True) if hold else wanted).one_or_none()
    if row is None:
        raise BuyerUnknown
    return None if row.wrapped_key is None else keyring.unwrap(row.wrapped_key, context_of(buyer_id))


def _find_and_link(session: Session, keyring: Keyring, digests: Mapping[str, bytes]) -> BuyerKey | None:
    identity = identifying(dict(digests))
    wanted = {"merchant": merchant_of(session), "digests": list(digests.values())}
    found = session.execute(_FIND_BUYER, {**wanted, "digest": identity[1] if identity else b""}).one_or_none()
    if found is None or found.wrapped_key is None:
        return None
    _link(session, found.id, digests, found.known)
    return BuyerKey(found.id, keyring.unwrap(found.wrapped_key, context_of(found.id)))


def _link(session: Session, buyer_id: UUID, digests: Mapping[str, bytes], known: Iterable[bytes]) -> None:
    links = link_arrays(digests, known=map(bytes, known))
    if links["digests"]:
        session.execute(LINK_BUYER, {"merchant": merchant_of(session), "buyer": buyer_id, **links})


def _nameless_buyer(
    session: Session, keyring: Keyring, digests: Mapping[str, bytes], *, live: bool, now: datetime
) -> BuyerKey:
    buyer_id, data_key = new_id(), new_key()
    wrapped_key = keyring.wrap(data_key, context_of(buyer_id))
    session.add(
        Buyer(merchant_id=merchant_of(session), id=buyer_id, live=live, wrapped_key=wrapped_key, first_seen_at=now),
    )
    session.flush()
    _link(session, buyer_id, digests, known=())
    return BuyerKey(buyer_id, data_key)


WRAPPED = (WrappedColumn(cast("Table", Buyer.__table__), "wrapped_key", lambda row: context_of(row.id)),)
"""For the rotation of master keys."""
