"""Reviews by a person: the queue of what buyers ask for and policies want looked at, and what a reviewer decides.

He upholds with a reason, or grants: this one order of this buyer for some days, or an entry in the list of trusted
mailboxes. Either way the buyer is written, and who decided what stands in the chained log.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import exists, select, text
from sqlalchemy.orm import Session

from gateway.checkout import explanations
from gateway.checkout.models import ASKS_FOR_REVIEW, Decision
from gateway.core.crypto import Keyring
from gateway.core.db import merchant_of
from gateway.core.errors import Invalid, Refused
from gateway.core.ids import lowest_at, to_public
from gateway.merchants import secrets
from gateway.privacy import contact, rights, rights_mail
from gateway.privacy.rights import Answer, Kind, NewRequest, RightsRequest
from gateway.privacy.rights_mail import Letter
from gateway.risk import lists
from gateway.risk.lists import NewEntry, OneOrder
from gateway.risk.models import ListEntry
from gateway.shops import identity
from gateway.shops.identity import Address, Identity

LOOKED_BACK = timedelta(days=30)
"""How long a decision that its policy wants reviewed waits in the queue."""
MOST_WAITING = 50
ONCE, LIST = "once", "list"
MAX_DAYS = 90


class StillBlocked(Refused):
    """A block entry of the lists beats every grant; take the entry off the lists first."""


class NothingToGrant(Refused):
    """This decision names neither an order nor a mailbox that could be granted anything."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a reviewer decides. `grant` is "" (upheld), `once` (this order) or `list` (his mailbox is trusted)."""

    grant: str
    text: str
    actor: str
    days: int = 14


def waiting(session: Session, now: datetime, limit: int = MOST_WAITING) -> Sequence[Any]:
    """Decisions of the last days whose policy wants a person and that nobody has taken up, the oldest first."""
    taken = exists().where(
        RightsRequest.merchant_id == Decision.merchant_id,
        RightsRequest.decision_id == Decision.id,
        RightsRequest.kind == Kind.REVIEW.value,
    )
    columns = (Decision.id, Decision.shop_id, Decision.created_at, Decision.currency, Decision.total_minor)
    chosen = select(*columns, Decision.reference, Decision.live, Decision.outcome).where(
        Decision.merchant_id == merchant_of(session),
        Decision.id >= lowest_at(now - LOOKED_BACK),
        text(ASKS_FOR_REVIEW),
        ~taken,
    )
    return session.execute(chosen.order_by(Decision.id).limit(limit)).all()


def take_up(session: Session, keyring: Keyring, decision_id: UUID, actor: str, now: datetime) -> RightsRequest:
    """Make a request of a decision that somebody wants to look at. Raises DecisionUnknown, AlreadyAsked, BuyerErased."""
    known = explanations.get(session, keyring, decision_id)
    row = known.row
    buyer_id = None if known.erased else row.buyer_id
    new = NewRequest(Kind.REVIEW, row.shop_id, buyer_id, row.live, actor, "merchant", row.id, known.language or "de")
    return rights.ask(session, keyring, new, now)


def decide(session: Session, keyring: Keyring, request_id: UUID, verdict: Verdict, now: datetime) -> RightsRequest:
    """Uphold or grant. Raises RequestUnknown, Invalid, StillBlocked, NothingToGrant, Refused when it has ended."""
    row = rights.locked(session, request_id)
    if row.kind != Kind.REVIEW or row.decision_id is None:
        raise Invalid.at("/outcome", "is for reviews")
    if verdict.grant not in ("", ONCE, LIST):
        raise Invalid.at("/grant", f"is one of {ONCE}, {LIST}")
    facts: dict[str, Any] = {}
    if verdict.grant:
        entry_id = _grant(session, keyring, row, verdict, now)
        facts = {"grant": verdict.grant, "days": verdict.days, "entry": to_public("lst", entry_id)}
    outcome = "granted" if verdict.grant else "upheld"
    answered = rights.answer(session, keyring, request_id, Answer(outcome, verdict.text, verdict.actor, facts), now)
    if row.buyer_id is not None and _asked_for_it(row):
        reached = contact.find(session, keyring, row.buyer_id)
        rights_mail.tell_answer(session, keyring, answered, reached, Letter("answer", verdict.text), now)
    return answered


def _asked_for_it(row: RightsRequest) -> bool:
    """Whether the buyer waits for an answer: not where somebody at the desk took the decision up."""
    return not row.asked_by.startswith("user:")


@dataclass(frozen=True, slots=True)
class _About:
    """The decision under review, with what identifies its buyer."""

    row: Decision
    email: str = field(repr=False)
    digests: dict[str, bytes] = field(repr=False)


def _grant(session: Session, keyring: Keyring, row: RightsRequest, verdict: Verdict, now: datetime) -> UUID:
    if not 1 <= verdict.days <= MAX_DAYS:
        raise Invalid.at("/days", f"is 1 to {MAX_DAYS}")
    about = _about(session, keyring, row)
    if _is_blocked(session, list(about.digests.values()), now):
        raise StillBlocked
    until, reason = now + timedelta(days=verdict.days), f"review {to_public('rig', row.id)}"
    if verdict.grant == LIST and about.email:
        new = NewEntry("allow", "email", about.email, reason, row.live, until)
        return lists.add(session, keyring, new, verdict.actor, now)
    if verdict.grant == ONCE and about.row.reference:
        who = identity.identifying(about.digests)
        total_minor, currency = about.row.total_minor, about.row.currency
        order = OneOrder(row.shop_id, about.row.reference, total_minor, currency, who, row.live, reason, until)
        return lists.grant(session, keyring, order, verdict.actor, now)
    raise NothingToGrant


def _about(session: Session, keyring: Keyring, row: RightsRequest) -> _About:
    known = explanations.get(session, keyring, row.decision_id or UUID(int=0))
    told = known.told or {"buyer": {}, "billing": None, "delivery": None, "context": {}}
    billing, delivery = (Address(**told[part]) if told[part] else None for part in ("billing", "delivery"))
    buyer = told["buyer"]
    index_key = secrets.get_key(session, keyring, "index")
    as_told = Identity(buyer.get("email") or "", buyer.get("phone") or "", billing, delivery or billing)
    digests = identity.digests(index_key, live=known.row.live, identity=as_told)
    return _About(known.row, known.email, digests | _more(index_key, told, known))


def _more(index_key: bytes, told: dict[str, Any], known: explanations.Known) -> dict[str, bytes]:
    """What a checkout looks up beside identity: connection, device, means of payment, mail domains."""
    context, live = told["context"], known.row.live
    ip, device_id, handle = (context.get(name) or "" for name in ("ip", "device_id", "payment_handle"))
    found = identity.context_digests(index_key, live=live, ip=ip, device_id=device_id, handle=handle)
    return found | identity.domain_digests(index_key, live=live, email=known.email)


def _is_blocked(session: Session, digests: list[bytes], now: datetime) -> bool:
    standing = (ListEntry.expires_at.is_(None)) | (ListEntry.expires_at > now)
    mine = ListEntry.merchant_id == merchant_of(session), ListEntry.digest.in_(digests), ListEntry.action == "block"
    return session.scalar(select(ListEntry.id).where(*mine, standing).limit(1)) is not None
