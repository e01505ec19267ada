"""Claims fetched for work and saved after it: a fixed number of round trips, for one as for a thousand."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import date, datetime
from types import MappingProxyType, SimpleNamespace
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Table, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from gateway.core import bulk, history
from gateway.core.bulk import among
from gateway.core.crypto import seal
from gateway.core.db import merchant_of
from gateway.receivables import days, ledger
from gateway.receivables.agreement_models import Objection
from gateway.receivables.case import Case, Hold, LetterSeen
from gateway.receivables.changes import Change, ChangeDueDate, Credit, LookAgain, SetHold
from gateway.receivables.contacts import contact_context
from gateway.receivables.keys import Keys
from gateway.receivables.lawful import Rulebook
from gateway.receivables.letter_models import Letter, LetterClaim
from gateway.receivables.models import Claim, ClaimHold, ClaimPayment
from gateway.receivables.moves import MOVES
from gateway.shops.buyers import BuyerErased

SUBJECT = "claim"
"""Of the claims' history."""
_CLAIMS, _HOLDS = (cast("Table", model.__table__) for model in (Claim, ClaimHold))
_NAMES = tuple(_CLAIMS.c.keys())
_CHANGING = (
    *("state", "level", "due_date", "default_from", "default_ground", "default_cause", "interest_from"),
    *("interest_through", "principal_minor", "costs_minor", "interest_minor", "credit_minor", "next_on"),
    *("waiting_since", "policy_id", "contact_sealed", "updated_at", "closed_at"),
)
"""Columns of a claim that moves may set."""


class ClaimRow(SimpleNamespace):
    """A claim's columns without the mapper; `save` writes back what moves may set, and nothing else can be set."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in _CHANGING:
            raise AttributeError(f"no move sets {name}; name it in _CHANGING, or a batch would lose it")
        super().__setattr__(name, value)


def load(session: Session, claim_ids: Collection[UUID], rules_of: Rulebook, now: datetime) -> dict[UUID, Case]:
    """The cases of these claims, locked in the order of their ids until the transaction ends; unknown ones are missing."""
    mine = Claim.merchant_id == merchant_of(session), among(Claim.id, claim_ids)
    locked = select(Claim).where(*mine).order_by(Claim.id).with_for_update().execution_options(populate_existing=True)
    return _around(session, {claim.id: claim for claim in session.scalars(locked)}, rules_of, now)


def load_many(session: Session, claim_ids: Collection[UUID], rules_of: Rulebook, now: datetime) -> dict[UUID, Case]:
    """As `load`, over plain rows: what a mapped object remembers for each of thousands costs more than the work."""
    mine = Claim.merchant_id == merchant_of(session), among(Claim.id, claim_ids)
    locked = select(*_CLAIMS.c).where(*mine).order_by(Claim.id).with_for_update()
    rows = (ClaimRow(**dict(zip(_NAMES, row, strict=True))) for row in session.execute(locked))
    return _around(session, {row.id: row for row in rows}, rules_of, now)


def _around(session: Session, claims: Mapping[UUID, Any], rules_of: Rulebook, now: datetime) -> dict[UUID, Case]:
    booked, holds = ledger.load(session, claims), _holds(session, claims)
    letters, objections = _letters(session, claims), _objections(session, claims)
    return {
        id_: Case(
            claim=claim,
            now=now,
            today=days.today(claim.country, now),
            booked=booked[id_],
            holds=holds.get(id_, []),
            letters=tuple(letters.get(id_, ())),
            objections=frozenset(objections.get(id_, ())),
            rules_of=rules_of,
            entries_before=len(booked[id_]),
        )
        for id_, claim in claims.items()
    }


def carry_out(case: Case, changes: Iterable[Change]) -> None:
    """Let the moves change the case, one after the other. Raises what they raise."""
    for change in changes:
        _check_days(change)
        if MOVES[type(change)](case, change) and not isinstance(change, LookAgain):
            tell(case, change.told, change.actor, _facts(change))


_DAYS: Mapping[type[Change], tuple[str, ...]] = MappingProxyType(
    {Credit: ("value_date",), SetHold: ("from_on", "until_on"), ChangeDueDate: ("due_date",)}
)
"""Days that people tell."""


def _check_days(change: Change) -> None:
    for name in _DAYS.get(type(change), ()):
        days.check(f"/{name}", getattr(change, name))


def tell(case: Case, event: str, actor: str, facts: dict[str, Any]) -> None:
    """Note it for the history, with where the claim stands afterwards; the nightly run looks at it again."""
    case.told.append((event, actor, {**facts, "state": case.claim.state}))
    case.claim.next_on = None if case.claim.closed_at else case.today
    case.claim.updated_at = case.now


def save(session: Session, keys: Keys, cases: Sequence[Case]) -> None:
    """Write what is new in these cases: ledger, holds, payments taken back, history. Raises BuyerErased."""
    touched = [case for case in cases if case.told]
    sealing = keys.many(session, {case.claim.buyer_id for case in touched})
    for case in touched:
        if case.claim.buyer_id not in sealing:
            raise BuyerErased
        if case.contact is not None:
            context = contact_context(case.claim.id)
            case.claim.contact_sealed = seal(sealing[case.claim.buyer_id], _json(case.contact), context)
    session.flush()
    _save_rows(session, [case.claim for case in cases if isinstance(case.claim, ClaimRow)])
    _save_ledger(session, touched)
    _save_holds(session, touched)
    _save_reversals(session, touched)
    entries = [(entry, sealing[case.claim.buyer_id]) for case in touched for entry in _entries(case)]
    history.append_many(session, entries)


def _save_rows(session: Session, rows: Sequence[ClaimRow]) -> None:
    """Write back what moves may have set; a mapped object of the session that shows such a claim shows it as it is now."""
    bulk.update(session, _CLAIMS, _CHANGING, [vars(row) for row in rows])
    written = {row.id: row for row in rows}
    for known in session.identity_map.values():
        if isinstance(known, Claim) and known.id in written:
            for name in _CHANGING:
                set_committed_value(known, name, getattr(written[known.id], name))


def _entries(case: Case) -> list[history.Entry]:
    return [history.Entry(SUBJECT, case.claim.id, event, actor, case.now, body) for event, actor, body in case.told]


def _save_ledger(session: Session, cases: Sequence[Case]) -> None:
    new = [(case, entry) for case in cases for entry in case.new_entries]
    if new:
        ledger.post(session, [(case.claim.id, entry) for case, entry in new], new[0][0].now)


def _save_holds(session: Session, cases: Sequence[Case]) -> None:
    rows = [_hold_row(case, hold) for case in cases for hold in case.holds if case.now in (hold.set_at, hold.lifted_at)]
    if rows:
        upsert = insert(_HOLDS)
        ended = {name: upsert.excluded[name] for name in ("lifted_by", "lifted_at", "outcome")}
        session.execute(upsert.on_conflict_do_update(index_elements=["merchant_id", "id"], set_=ended), rows)


def _hold_row(case: Case, hold: Hold) -> dict[str, Any]:
    return {"merchant_id": case.claim.merchant_id, "claim_id": case.claim.id, **asdict(hold)}


def _save_reversals(session: Session, cases: Sequence[Case]) -> None:
    back = [payment_id for case in cases for payment_id in case.paid_back]
    if back:
        mine = ClaimPayment.merchant_id == merchant_of(session), ClaimPayment.id.in_(back)
        session.execute(update(ClaimPayment).where(*mine).values(reversed_at=cases[0].now))


def _facts(change: Change) -> dict[str, Any]:
    """The change as JSON, for the history."""
    told = {field.name: _plain(getattr(change, field.name)) for field in fields(change) if field.name != "actor"}
    return {name: value for name, value in told.items() if value is not None}


def _json(value: Any) -> bytes:
    return json.dumps(dict(value), ensure_ascii=False, separators=(",", ":")).encode()


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else str(value) if isinstance(value, UUID) else value


def _holds(session: Session, claim_ids: Collection[UUID]) -> dict[UUID, list[Hold]]:
    mine = ClaimHold.merchant_id == merchant_of(session), among(ClaimHold.claim_id, claim_ids)
    names = [field.name for field in fields(Hold)]
    wanted = select(_HOLDS.c.claim_id, *(_HOLDS.c[name] for name in names))
    return _grouped(
        (row.claim_id, Hold(*row[1:]))
        for row in session.execute(wanted.where(*mine, ClaimHold.lifted_at.is_(None)).order_by(ClaimHold.id))
    )


def _letters(session: Session, claim_ids: Collection[UUID]) -> dict[UUID, list[LetterSeen]]:
    mine = LetterClaim.merchant_id == merchant_of(session), among(LetterClaim.claim_id, claim_ids)
    at_letter = (Letter.merchant_id == LetterClaim.merchant_id) & (Letter.id == LetterClaim.letter_id)
    wanted = select(LetterClaim.claim_id, Letter.id, LetterClaim.level, Letter.state, Letter.day)
    rows = session.execute(wanted.join_from(LetterClaim, Letter, at_letter).where(*mine).order_by(Letter.id))
    return _grouped((row.claim_id, LetterSeen(*row[1:])) for row in rows)


def _objections(session: Session, claim_ids: Collection[UUID]) -> dict[UUID, list[UUID]]:
    mine = Objection.merchant_id == merchant_of(session), among(Objection.claim_id, claim_ids)
    wanted = select(Objection.claim_id, Objection.id).where(*mine, Objection.state == "OPEN")
    return _grouped((row.claim_id, row.id) for row in session.execute(wanted))


def _grouped(pairs: Iterable[tuple[UUID, Any]]) -> dict[UUID, list[Any]]:
    found: dict[UUID, list[Any]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return found
