"""Proves that a merchant's history is whole: every hash computed again, every anchored head looked for.

Rows are read page by page, so memory does not grow with history. Bodies stay sealed; no buyer's key is needed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from gateway.core import chain
from gateway.core.anchors import HISTORY, HistoryAnchor, Origin, Trail, pages
from gateway.core.chain import Leaf
from gateway.core.db import merchant_of
from gateway.core.history import History

PAGE = 1000
FAULTS_NAMED = 100

CHANGED = "was changed"
MISSING = "is missing"
UNLINKED = "does not follow the entry before"
UNSTARTED = "does not begin on the digest of its subject"
FORGED = "was not made with the merchant's key"
OTHER = "differs from what was anchored"
GONE = "was anchored and is missing"
KEPT_OTHER = "differs from the copy kept elsewhere"
KEPT_GONE = "is in the copy kept elsewhere and missing here"


@dataclass(frozen=True, slots=True)
class Fault:
    """One broken link: which subject, which entry, what is wrong."""

    kind: str
    subject: str
    seq: int
    what: str

    def __str__(self) -> str:
        return f"{self.kind} {self.subject} entry {self.seq}: {self.what}"


@dataclass(slots=True)
class Report:
    """What was checked and what was found; `faults` names the first hundred."""

    entries: int = 0
    subjects: int = 0
    origins: int = 0
    anchors: int = 0
    anchored: int = 0
    newest_anchor_at: datetime | None = None
    faults: list[Fault] = field(default_factory=list)
    faults_total: int = 0

    @property
    def sound(self) -> bool:
        return self.faults_total == 0

    def note(self, kind: str, subject: object, seq: int, what: str) -> None:
        self.faults_total += 1
        if len(self.faults) < FAULTS_NAMED:
            self.faults.append(Fault(kind, str(subject), seq, what))


def verify(session: Session, trail: Trail, kept: Mapping[int, bytes] | None = None) -> Report:
    """Check the transaction's merchant. `kept` are anchors from a copy kept elsewhere, number → hash."""
    report = Report()
    _check_entries(session, trail, report)
    for origin in trail.origins:
        _check_origin(session, origin, report)
    _check_anchors(session, trail, report, kept or {})
    return report


def _check_entries(session: Session, trail: Trail, report: Report) -> None:
    origins = {origin.kind: origin for origin in trail.origins}
    before: Any = None
    for page in _entry_pages(session):
        starts = _starts(session, origins, page)
        for row in page:
            first = before is None or before.subject_id != row.subject_id
            expected = starts.get(row.subject_id) if first else before.hash
            seq = 1 if first else before.seq + 1
            what = entry_fault(row, seq, expected)
            if what:
                report.note(row.subject_kind, row.subject_id, min(seq, row.seq), what)
            report.entries += 1
            report.subjects += first
            before = row


def entry_fault(row: Any, seq: int, prev_hash: bytes | None) -> str | None:
    """What is wrong with an entry that should have this number and follow this hash, if anything."""
    if row.seq != seq:
        return MISSING
    if chain.entry_hash(row) != row.hash:
        return CHANGED
    if row.prev_hash != prev_hash:
        return UNLINKED if seq > 1 else UNSTARTED
    return None


def _entry_pages(session: Session) -> Iterator[Sequence[Any]]:
    """All entries of the merchant, subject after subject, in the order of their chains."""
    columns = History.__table__.c
    mine = select(*columns).where(columns.merchant_id == merchant_of(session))
    mine = mine.order_by(columns.subject_id, columns.seq).limit(PAGE)
    rows = session.execute(mine).all()
    while rows:
        yield rows
        reached = tuple_(columns.subject_id, columns.seq) > tuple_(rows[-1].subject_id, rows[-1].seq)
        rows = session.execute(mine.where(reached)).all()


def _starts(session: Session, origins: Mapping[str, Origin], page: Iterable[Any]) -> dict[UUID, bytes]:
    """On which digest the chains that begin on this page should begin; nothing for a subject whose row is gone."""
    starts: dict[UUID, bytes] = {}
    wanted: dict[str, list[UUID]] = {}
    for row in page:
        if row.subject_kind in origins:
            wanted.setdefault(row.subject_kind, []).append(row.subject_id)
        else:
            starts[row.subject_id] = chain.genesis(row.merchant_id, row.subject_kind, row.subject_id)
    for kind, ids in wanted.items():
        starts.update(_stored_digests(session, origins[kind], ids))
    return starts


def _stored_digests(session: Session, origin: Origin, ids: Iterable[UUID]) -> dict[UUID, bytes]:
    model = origin.model
    mine = select(model.id, model.digest).where(model.merchant_id == merchant_of(session), model.id.in_(set(ids)))
    return {row.id: row.digest for row in session.execute(mine)}


def _check_origin(session: Session, origin: Origin, report: Report) -> None:
    statement = select(origin.model, origin.model.id).execution_options(populate_existing=True)
    for row, id_ in pages(session, statement, origin.model.id, UUID(int=0), PAGE):
        report.origins += 1
        if origin.digest(row) != row.digest:
            report.note(origin.kind, id_, 0, CHANGED)


def _check_anchors(session: Session, trail: Trail, report: Report, kept: Mapping[int, bytes]) -> None:
    origins = {origin.kind: origin for origin in trail.origins}
    key = trail.key_of(session)
    before_no, prev_hash = 0, chain.anchor_genesis(merchant_of(session))
    columns = HistoryAnchor.__table__.c
    seen: set[int] = set()
    # An anchor's leaves may fill half a megabyte: a handful at a time.
    for row in pages(session, select(*columns), HistoryAnchor.no, 0, 8):
        what = anchor_fault(row, key, before_no + 1, prev_hash) or _kept_fault(row, kept)
        if what:
            report.note("anchor", row.source, min(row.no, before_no + 1), what)
        before_no, prev_hash = row.no, row.hash
        seen.add(row.no)
        report.anchors += 1
        report.newest_anchor_at = row.at
        _check_leaves(session, row, origins, report)
    for no in sorted(kept.keys() - seen):
        report.note("anchor", "", no, KEPT_GONE)


def anchor_fault(row: Any, key: bytes, no: int, prev_hash: bytes) -> str | None:
    """What is wrong with an anchor that should have this number and follow this hash, if anything."""
    if row.no != no:
        return MISSING
    if chain.anchor_hash(row) != row.hash:
        return CHANGED
    if row.prev_hash != prev_hash:
        return UNLINKED
    return None if chain.anchor_mac(key, row.hash) == row.mac else FORGED


def _kept_fault(row: Any, kept: Mapping[int, bytes]) -> str | None:
    return None if kept.get(row.no, row.hash) == row.hash else KEPT_OTHER


def _check_leaves(session: Session, row: Any, origins: Mapping[str, Origin], report: Report) -> None:
    kind = "subject" if row.source == HISTORY else row.source
    if row.source != HISTORY and row.source not in origins:
        report.note("anchor", row.source, row.no, "holds a kind that this version does not know")
        return
    try:
        unpacked = chain.unpack(row.leaves)
    except ValueError:
        report.note("anchor", row.source, row.no, CHANGED)
        return
    while leaves := list(islice(unpacked, PAGE // 2)):
        found = _found(session, row.source, origins, leaves)
        report.anchored += len(leaves)
        for leaf in leaves:
            hash_ = found.get((leaf.subject_id, leaf.seq))
            if hash_ != leaf.hash:
                report.note(kind, leaf.subject_id, leaf.seq, GONE if hash_ is None else OTHER)


def _found(
    session: Session, source: str, origins: Mapping[str, Origin], leaves: Iterable[Leaf]
) -> dict[tuple[UUID, int], bytes]:
    if source != HISTORY:
        digests = _stored_digests(session, origins[source], [leaf.subject_id for leaf in leaves])
        return {(id_, 0): digest for id_, digest in digests.items()}
    at = tuple_(History.subject_id, History.seq).in_([(leaf.subject_id, leaf.seq) for leaf in leaves])
    heads = select(History.subject_id, History.seq, History.hash).where(History.merchant_id == merchant_of(session), at)
    return {(row.subject_id, row.seq): row.hash for row in session.execute(heads)}
