"""Anchors: every hour the worker notes how far each chain of a merchant had come, so that a tail cut off is missed.

An anchor holds the heads that moved since the one before and is hashed onto it. A code made with the merchant's key vouches
for it; a copy kept elsewhere (`kulanz audit anchors`) also shows when the newest anchors themselves were removed.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, UniqueConstraint, literal, select
from sqlalchemy.orm import Mapped, Session

from gateway.core import chain, turns
from gateway.core.chain import Leaf
from gateway.core.db import Base, Tenant, merchant_of
from gateway.core.history import History
from gateway.core.ids import lowest_at, new_id

LEAVES_PER_ANCHOR = 10_000
ANCHORS_PER_RUN = 50
"""Half a million heads; the rest waits for the next run behind the last anchor's `last_id`."""
SETTLING = timedelta(minutes=10)
"""Rows younger than this wait for the next anchor: a slower transaction may still commit an older id."""
HISTORY = "history"
_LOWEST = UUID(int=0)


class HistoryAnchor(Tenant, Base):
    """The heads of some chains of one merchant at one moment."""

    __tablename__ = "history_anchor"
    __table_args__ = (UniqueConstraint("merchant_id", "no"),)

    no: Mapped[int]
    at: Mapped[datetime]
    source: Mapped[str]
    """`history`, or the kind of an origin."""
    last_id: Mapped[UUID | None]
    """The newest row of the source that this anchor has seen."""
    leaves: Mapped[bytes]
    prev_hash: Mapped[bytes]
    hash: Mapped[bytes]
    mac: Mapped[bytes]


@dataclass(frozen=True, slots=True)
class Origin:
    """Rows of another package whose `digest` column is where their subject's chain begins."""

    kind: str
    """The `subject_kind` of their history."""
    model: Any
    """A mapped tenant class with a column `digest` (32 bytes, not null)."""
    digest: Callable[[Any], bytes]
    """The digest computed again from a loaded row."""


@dataclass(frozen=True, slots=True)
class Trail:
    """What anchoring and verifying need to know beyond history itself; wiring fills it in."""

    key_of: Callable[[Session], bytes]
    """The data key of the transaction's merchant; it must outlive every rotation of master keys."""
    origins: tuple[Origin, ...] = ()


def anchor(session: Session, trail: Trail, now: datetime) -> int:
    """Anchor what has settled since the last run and return how many anchors were written (at least one).

    An hour without news gets an empty anchor, so that an hour without an anchor is news.
    """
    merchant_id = merchant_of(session)
    turns.take(session, "anchor", merchant_id)
    writer = _Writer(session, trail.key_of(session), now)
    before = lowest_at(now - SETTLING)
    for source in _sources(trail):
        _anchor(writer, source, before)
    if not writer.written:
        writer.write(HISTORY, writer.last_id(HISTORY), [])
    return writer.written


def exported(session: Session) -> Iterator[dict[str, Any]]:
    """Every anchor of this merchant without its leaves, oldest first, for keeping elsewhere."""
    for row in pages(session, select(HistoryAnchor.no, HistoryAnchor.at, HistoryAnchor.hash), HistoryAnchor.no, 0):
        yield {
            "merchant": str(merchant_of(session)),
            "no": row.no,
            "at": row.at.isoformat(),
            "hash": row.hash.hex(),
        }


def pages(
    session: Session, statement: Select[*tuple[Any, ...]], column: Any, after: Any, size: int = 1000
) -> Iterator[Any]:
    """All rows of this merchant in the order of a unique column, read page by page."""
    model = column.class_
    while True:
        query = statement.where(model.merchant_id == merchant_of(session), column > after).order_by(column).limit(size)
        rows = session.execute(query).all()
        yield from rows
        if len(rows) < size:
            return
        after = getattr(rows[-1], column.key)


class _Writer:
    """Writes anchors one after the other, each onto the one before."""

    def __init__(self, session: Session, key: bytes, now: datetime) -> None:
        self.session = session
        self.key = key
        self.now = now
        self.merchant_id = merchant_of(session)
        self.written = 0
        self.no, self.prev_hash = 0, chain.anchor_genesis(self.merchant_id)
        for newest in session.execute(_newest(self.merchant_id)):
            self.no, self.prev_hash = newest.no, newest.hash

    def last_id(self, source: str) -> UUID | None:
        of_source = select(HistoryAnchor.last_id).where(
            HistoryAnchor.merchant_id == self.merchant_id, HistoryAnchor.source == source
        )
        return self.session.scalars(of_source.order_by(HistoryAnchor.no.desc()).limit(1)).first()

    def write(self, source: str, last_id: UUID | None, leaves: Iterable[Leaf]) -> None:
        row = HistoryAnchor(
            merchant_id=self.merchant_id,
            id=new_id(),
            no=self.no + 1,
            at=self.now,
            source=source,
            last_id=last_id,
            leaves=chain.pack(leaves),
            prev_hash=self.prev_hash,
        )
        row.hash = chain.anchor_hash(row)
        row.mac = chain.anchor_mac(self.key, row.hash)
        self.session.add(row)
        self.session.flush()
        self.no, self.prev_hash = row.no, row.hash
        self.written += 1


@dataclass(frozen=True, slots=True)
class _Source:
    """Rows with `id`, `subject_id`, `seq` and `hash`, in the order of their ids."""

    name: str
    model: Any
    heads: Select[*tuple[Any, ...]]


def _sources(trail: Trail) -> Iterator[_Source]:
    yield _Source(HISTORY, History, select(History.id, History.subject_id, History.seq, History.hash))
    for origin in trail.origins:
        model = origin.model
        own = select(model.id, model.id.label("subject_id"), literal(0).label("seq"), model.digest.label("hash"))
        yield _Source(origin.kind, model, own)


def _anchor(writer: _Writer, source: _Source, before: UUID) -> None:
    model = source.model
    mine = source.heads.where(model.merchant_id == writer.merchant_id, model.id < before).order_by(model.id)
    after = writer.last_id(source.name) or _LOWEST
    for _ in range(ANCHORS_PER_RUN):
        rows = writer.session.execute(mine.where(model.id > after).limit(LEAVES_PER_ANCHOR)).all()
        if not rows:
            return
        after = rows[-1].id
        writer.write(source.name, after, _heads(rows))


def _heads(rows: Iterable[Any]) -> Iterable[Leaf]:
    """The furthest entry of each subject; ids of two machines may not be in the order of their chain."""
    heads: dict[UUID, Leaf] = {}
    for row in rows:
        if row.subject_id not in heads or heads[row.subject_id].seq < row.seq:
            heads[row.subject_id] = Leaf(row.subject_id, row.seq, row.hash)
    return heads.values()


def _newest(merchant_id: UUID) -> Select[int, bytes]:
    mine = select(HistoryAnchor.no, HistoryAnchor.hash).where(HistoryAnchor.merchant_id == merchant_id)
    return mine.order_by(HistoryAnchor.no.desc()).limit(1)
