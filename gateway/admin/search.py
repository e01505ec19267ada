"""Finding decisions: newest first, by keyset over the id, filtered by what is indexed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from gateway.checkout.models import Decision
from gateway.core.crypto import Keyring
from gateway.core.db import merchant_of
from gateway.core.ids import lowest_at
from gateway.core.pages import TIMEZONE
from gateway.merchants import secrets
from gateway.shops import identity
from gateway.shops.identity import Identity
from gateway.shops.models import BuyerIndex

PAGE = 40
_COLUMNS = (
    Decision.id,
    Decision.shop_id,
    Decision.buyer_id,
    Decision.live,
    Decision.created_at,
    Decision.reference,
    Decision.currency,
    Decision.total_minor,
    Decision.outcome,
    Decision.record,
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which decisions; what is empty does not filter. `buyer` is an e-mail address or a phone number."""

    shops: Sequence[UUID]
    outcome: str = ""
    reference: str = ""
    buyer: str = ""
    since: date | None = None
    until: date | None = None
    before: UUID | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A page of decisions, and whether there are older ones."""

    rows: Sequence[Any]
    more: bool


def decisions(session: Session, keyring: Keyring, wanted: Wanted) -> Found:
    """One page, the newest first."""
    wheres = [Decision.merchant_id == merchant_of(session), *_by_time(wanted)]
    if wanted.outcome:
        wheres.append(Decision.outcome == wanted.outcome)
    if wanted.reference or len(wanted.shops) == 1:
        wheres.append(Decision.shop_id.in_(wanted.shops))
    if wanted.reference:
        wheres.append(Decision.reference == wanted.reference)
    if wanted.buyer:
        wheres.append(Decision.buyer_id.in_(_buyers(session, keyring, wanted.buyer)))
    rows = session.execute(select(*_COLUMNS).where(*wheres).order_by(Decision.id.desc()).limit(PAGE + 1)).all()
    return Found(rows[:PAGE], len(rows) > PAGE)


def _by_time(wanted: Wanted) -> list[ColumnElement[bool]]:
    """Ids begin with their time, so days are ranges of the primary key."""
    wheres: list[ColumnElement[bool]] = []
    if wanted.before is not None:
        wheres.append(Decision.id < wanted.before)
    if wanted.since is not None:
        wheres.append(Decision.id >= _first_id(wanted.since))
    if wanted.until is not None:
        wheres.append(Decision.id < _first_id(wanted.until + timedelta(days=1)))
    return wheres


def _first_id(day: date) -> UUID:
    """Smaller than every id made on this day or later (desk's time zone)."""
    begins = datetime.combine(day, time.min, ZoneInfo(TIMEZONE)).astimezone(UTC)
    return lowest_at(begins)


def _buyers(session: Session, keyring: Keyring, text: str) -> list[UUID]:
    """Whoever used this e-mail address or phone number, in live and test shops alike."""
    index_key = secrets.get_key(session, keyring, "index")
    told = Identity(email=text) if "@" in text else Identity(phone=text, billing=identity.Address(country="DE"))
    digests = [
        digest for live in (True, False) for digest in identity.digests(index_key, live=live, identity=told).values()
    ]
    mine = BuyerIndex.merchant_id == merchant_of(session), BuyerIndex.digest.in_(digests)
    return list(session.scalars(select(BuyerIndex.buyer_id).where(*mine).distinct().limit(200)))
