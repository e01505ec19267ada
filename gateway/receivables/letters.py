"""Letters: drafted, released, withdrawn, read. Laying them out and sending them is work of `letter_job`.

A draft waits until `release_at`; until then the merchant takes it back without anything having happened.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.core import documents, events, outbox
from gateway.core.db import merchant_of
from gateway.core.documents import Owner
from gateway.core.errors import Invalid, NotFound, Refused
from gateway.core.ids import new_id
from gateway.core.outbox import OutboxMessage
from gateway.core.work import enqueue
from gateway.law.tables import Tables
from gateway.receivables import days, facts, ledger, working_days
from gateway.receivables.claim_figures import OrderSeen, figures_of
from gateway.receivables.figures import LetterFigures
from gateway.receivables.keys import Keys
from gateway.receivables.letter_check import MIN_DAYS
from gateway.receivables.letter_events import LetterWithdrawn
from gateway.receivables.letter_lifecycle import LIFECYCLE, LetterAct, LetterState
from gateway.receivables.letter_model import Channel, Kind, Tone
from gateway.receivables.letter_models import Letter, LetterClaim
from gateway.receivables.letter_words import language_for
from gateway.receivables.models import Claim
from gateway.shops.models import Order

TASK, QUEUE = "letters.release", "default"
MAX_PAGE = 100
MAX_CLAIMS = 100
"""Of one letter."""
_SPARE_DAYS = 4
"""Beyond the least deadline, so that a day's delay makes it no shorter than the law wants."""


class LetterUnknown(NotFound):
    """There is no such letter."""


class LetterHasNoDocument(Refused):
    """This letter was not laid out yet: it has no PDF."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A single letter that an event calls for. What is not said is taken from the claims and the calendar.

    `extra` holds ids and codes: `plan_id`, `objection_id`, `payment_id`, `offer` (most_instalments, least_minor).
    """

    kind: Kind
    claim_ids: tuple[UUID, ...]
    now: datetime
    deadline: date | None = None
    channel: Channel = Channel.EMAIL
    fallback: Channel | None = Channel.POST
    tone: Tone = Tone.NEW
    release_at: datetime | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    figures: Mapping[UUID, LetterFigures] | None = None


def draft(session: Session, wanted: Draft, tables: Tables) -> UUID:
    """Write the letter down and have it laid out when its undo window ends. Raises Invalid.

    All claims are of one buyer and in one currency.
    """
    claims = _claims(session, wanted.claim_ids)
    first, release_at = claims[0], wanted.release_at or wanted.now
    today = days.today(first.country, release_at)
    told = wanted.figures or figures(session, [claim.id for claim in claims], today, tables)
    letter = Letter(
        merchant_id=merchant_of(session),
        id=new_id(),
        shop_id=first.shop_id,
        buyer_id=first.buyer_id,
        live=first.live,
        origin="event",
        kind=wanted.kind,
        step="",
        channel=wanted.channel,
        fallback=wanted.fallback,
        language=language_for(first.country, first.language),
        tone=wanted.tone,
        state=LIFECYCLE.start,
        day=today,
        deadline=wanted.deadline or _deadline(wanted, first, today, tables),
        drafted_at=wanted.now,
        release_at=release_at,
        extra=dict(wanted.extra),
    )
    session.add(letter)
    session.flush()
    session.add_all(
        LetterClaim(
            merchant_id=letter.merchant_id,
            letter_id=letter.id,
            claim_id=claim.id,
            level=0,
            total_minor=told[claim.id].total_minor,
            figures=told[claim.id].to_dict(),
        )
        for claim in claims
    )
    session.flush()
    schedule(session, letter.id, max(0.0, (release_at - wanted.now).total_seconds()))
    return letter.id


def figures(session: Session, claim_ids: Sequence[UUID], as_of: date, tables: Tables) -> dict[UUID, LetterFigures]:
    """What letters say about these claims on that day, from what is booked."""
    known, booked = facts.load(session, claim_ids), ledger.load(session, claim_ids)
    orders = _orders(session, [one.order_id for one in known.values() if one.order_id])
    return {
        id_: figures_of(one, booked[id_], orders.get(one.order_id, OrderSeen()), as_of, tables)
        for id_, one in known.items()
    }


def _orders(session: Session, ids: Sequence[UUID]) -> dict[UUID | None, OrderSeen]:
    mine = Order.merchant_id == merchant_of(session), Order.id.in_(list(ids))
    rows = session.execute(select(Order.id, Order.reference, Order.placed_at).where(*mine))
    return {row.id: OrderSeen(row.reference, days.today("DE", row.placed_at)) for row in rows}


def schedule(session: Session, letter_id: UUID, delay_s: float = 0.0) -> None:
    """Have a drafted letter laid out and sent, in the caller's transaction."""
    enqueue(
        session,
        TASK,
        merchant_id=merchant_of(session),
        args={"letter_id": str(letter_id)},
        queue=QUEUE,
        delay_s=delay_s,
    )


def cancel(session: Session, keys: Keys, letter_id: UUID, why: str, now: datetime) -> Letter:
    """Take a letter back that has not left: its step is undone. Raises LetterUnknown, Refused when it is on its way."""
    letter = locked(session, letter_id)
    withdraw(session, keys, letter, why, now)
    return letter


def withdraw(session: Session, keys: Keys, letter: Letter, why: str, now: datetime) -> None:
    """As `cancel`, of a letter that is locked."""
    _withdraw(session, keys, letter, LetterAct.WITHDRAW, (why, now))


def stop_demands(session: Session, keys: Keys, claim_id: UUID, why: str, now: datetime) -> None:
    """Take back what demands this claim and waits for the mail server or the printer. Before any lock on claims.

    A draft that is just about to leave is waited for.
    """
    for letter_id in session.scalars(_waiting(session, claim_id)).all():
        letter = locked(session, letter_id)
        if letter.state == LetterState.QUEUED and _stopped(session, letter):
            _withdraw(session, keys, letter, LetterAct.STOP, (why, now))
        elif letter.state == LetterState.PRINTING and letter.batch_id is None:
            withdraw(session, keys, letter, why, now)


def _waiting(session: Session, claim_id: UUID) -> Any:
    about = LetterClaim.merchant_id == Letter.merchant_id, LetterClaim.letter_id == Letter.id
    mine = Letter.merchant_id == merchant_of(session), LetterClaim.claim_id == claim_id
    waits = Letter.state.in_((LetterState.DRAFTED, LetterState.QUEUED, LetterState.PRINTING))
    demands = Letter.kind.in_([kind.value for kind in Kind if kind.demands])
    return select(Letter.id).where(*about, *mine, waits, demands).order_by(Letter.id)


def _stopped(session: Session, letter: Letter) -> bool:
    """Whether the e-mail does not leave any more; who holds its message is just telling that it left."""
    mine = OutboxMessage.merchant_id == letter.merchant_id, OutboxMessage.id == letter.message_id
    state = session.scalar(select(OutboxMessage.state).where(*mine).with_for_update(skip_locked=True))
    if state not in ("queued", "parked"):
        return False
    stop_message(session, letter)
    return True


def _withdraw(session: Session, keys: Keys, letter: Letter, act: LetterAct, ended: tuple[str, datetime]) -> None:
    why, now = ended
    letter.state = LIFECYCLE.after(LetterState(letter.state), act)
    letter.ended_at, letter.ended_why, letter.batch_id = now, why, None
    session.flush()
    if keys.many(session, {letter.buyer_id}):  # of an erased buyer nothing more is written: his claims have ended
        events.publish(session, LetterWithdrawn(letter.id, now, keys, why))


def release(session: Session, letter_id: UUID, now: datetime) -> Letter:
    """End the undo window now; a parked letter is looked at again. Raises LetterUnknown and Refused."""
    letter = locked(session, letter_id)
    if letter.state == LetterState.PARKED:
        letter.state, letter.findings = LIFECYCLE.after(LetterState.PARKED, LetterAct.RESUME), None
    if letter.state != LetterState.DRAFTED:
        raise Refused(thing="letter", state=letter.state, event="release")
    letter.release_at = min(letter.release_at, now)
    session.flush()
    schedule(session, letter.id)
    return letter


def locked(session: Session, letter_id: UUID) -> Letter:
    """As it is now; nobody else moves it until the transaction ends. Raises LetterUnknown."""
    key = merchant_of(session), letter_id
    letter = session.get(Letter, key, with_for_update=True, populate_existing=True)
    if letter is None:
        raise LetterUnknown
    return letter


def get(session: Session, letter_id: UUID | None) -> Letter:
    """Raises LetterUnknown."""
    letter = session.get(Letter, (merchant_of(session), letter_id)) if letter_id else None
    if letter is None:
        raise LetterUnknown
    return letter


def claims_of(session: Session, letter_id: UUID) -> list[LetterClaim]:
    """What the letter is about, the oldest claim first."""
    mine = LetterClaim.merchant_id == merchant_of(session), LetterClaim.letter_id == letter_id
    return list(session.scalars(select(LetterClaim).where(*mine).order_by(LetterClaim.claim_id)))


@dataclass(frozen=True, slots=True)
class About:
    """What a letter demands, in one line."""

    invoices: tuple[str, ...]
    total_minor: int
    currency: str


def about(session: Session, letter_ids: Sequence[UUID]) -> dict[UUID, About]:
    """Invoices and sum of each letter, in one query."""
    joined = (Claim.merchant_id == LetterClaim.merchant_id) & (Claim.id == LetterClaim.claim_id)
    mine = LetterClaim.merchant_id == merchant_of(session), LetterClaim.letter_id.in_(list(letter_ids))
    columns = LetterClaim.letter_id, LetterClaim.total_minor, Claim.invoice_number, Claim.currency
    found: dict[UUID, About] = {}
    for id_, total_minor, invoice, currency in session.execute(
        select(*columns).join(Claim, joined).where(*mine).order_by(LetterClaim.claim_id)
    ):
        known = found.get(id_, About((), 0, currency))
        found[id_] = About((*known.invoices, invoice), known.total_minor + total_minor, currency)
    return found


def place_of(session: Session, letter: Letter) -> tuple[str, str]:
    """Country and region whose calendar it is dated by."""
    first = claims_of(session, letter.id)[0]
    mine = Claim.merchant_id == merchant_of(session), Claim.id == first.claim_id
    country, region = session.execute(select(Claim.country, Claim.region).where(*mine)).one()
    return country, region


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which letters, the newest first."""

    shop_id: UUID | None = None
    state: LetterState | None = None
    claim_id: UUID | None = None
    before: UUID | None = None
    limit: int = 50


def list_letters(session: Session, wanted: Wanted) -> list[Letter]:
    """At most `MAX_PAGE`."""
    chosen = select(Letter).where(Letter.merchant_id == merchant_of(session))
    if wanted.shop_id:
        chosen = chosen.where(Letter.shop_id == wanted.shop_id)
    if wanted.state:
        chosen = chosen.where(Letter.state == wanted.state)
    if wanted.before:
        chosen = chosen.where(Letter.id < wanted.before)
    if wanted.claim_id:
        about = LetterClaim.merchant_id == Letter.merchant_id, LetterClaim.claim_id == wanted.claim_id
        chosen = chosen.where(Letter.id.in_(select(LetterClaim.letter_id).where(*about)))
    return list(session.scalars(chosen.order_by(Letter.id.desc()).limit(min(wanted.limit, MAX_PAGE))))


def pdf_of(session: Session, keys: Keys, letter: Letter) -> bytes:
    """The PDF exactly as it left. Raises LetterHasNoDocument, BuyerErased."""
    if letter.document_id is None:
        raise LetterHasNoDocument
    return documents.load(session, Owner(letter.buyer_id, keys.of(session, letter.buyer_id)), letter.document_id)


def stop_message(session: Session, letter: Letter) -> None:
    """Keep an e-mail from leaving that waits in the outbox."""
    if letter.message_id is not None:
        outbox.cancel(session, letter.message_id)


def _claims(session: Session, ids: Sequence[UUID]) -> list[Claim]:
    if not 1 <= len(set(ids)) <= MAX_CLAIMS:
        raise Invalid.at("/claim_ids", f"are 1 to {MAX_CLAIMS} claims")
    mine = Claim.merchant_id == merchant_of(session), Claim.id.in_(list(ids))
    claims = list(session.scalars(select(Claim).where(*mine).order_by(Claim.id)))
    if len(claims) != len(set(ids)):
        raise Invalid.at("/claim_ids", "names a claim that does not exist")
    if len({(claim.buyer_id, claim.currency) for claim in claims}) > 1:
        raise Invalid.at("/claim_ids", "are claims of one debtor in one currency")
    return claims


def _deadline(wanted: Draft, claim: Claim, today: date, tables: Tables) -> date | None:
    if not (wanted.kind.demands or wanted.kind is Kind.DEFERRAL):
        return None
    least = today + timedelta(days=MIN_DAYS[Channel.POST] + _SPARE_DAYS)
    return working_days.of(tables, claim.country, claim.region)(least)
