"""What follows from money that was taken back, once for each return: a hold where nobody must be dunned, a notice, an event.

Which, is told by the dunning class of the return's reason code (`payments.return_codes`). Costs that a bank takes for a
return are told to the merchant and charged to nobody: no table of the law here says that a debtor owes them.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.core import events
from gateway.core.channels import post_notice
from gateway.core.db import merchant_of
from gateway.core.ids import new_id, to_public
from gateway.payments.return_codes import Dunning, ReturnCode, classify
from gateway.receivables import claims, days, debtors, provider_money
from gateway.receivables.changes import LiftHold, SetHold
from gateway.receivables.events import MoneyReturned
from gateway.receivables.keys import Keys
from gateway.receivables.lifecycle import HoldReason
from gateway.receivables.models import Claim, ClaimHold
from gateway.receivables.provider_money import Back, Seen
from gateway.receivables.returned_models import Returned
from gateway.shops.models import Order

BANK = "bank"
WAITS = frozenset({Dunning.OUR_FAULT, Dunning.DISPUTED, Dunning.MANDATE, Dunning.MANUAL})
"""Nobody is dunned before a person looked: the merchant's own mistake, a debtor who took his money back himself, a mandate that
may have to be proven, and what nobody knows how to read. A person lifts the hold, and the claim goes its usual way."""
_WORD = re.compile(r"[a-z][a-z0-9_]{0,59}", re.ASCII)


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
class About:
    """Whose money it was."""

    shop_id: UUID
    buyer_id: UUID
    live: bool
    order_id: UUID | None
    claim_id: UUID | None


def about_claim(claim: Claim) -> About:
    return About(claim.shop_id, claim.buyer_id, claim.live, claim.order_id, claim.id)


def find(session: Session, source: str, external_id: str) -> Returned | None:
    """The return that was told under this name."""
    mine = Returned.merchant_id == merchant_of(session), Returned.source == source
    return session.scalar(select(Returned).where(*mine, Returned.external_id == external_id))


def of_claims(session: Session, claim_ids: Iterable[UUID]) -> list[Returned]:
    """Returns of these claims that stand, the oldest first."""
    mine = Returned.merchant_id == merchant_of(session), Returned.claim_id.in_(list(claim_ids))
    return list(session.scalars(select(Returned).where(*mine, Returned.undone_at.is_(None)).order_by(Returned.id)))


def by_bank(session: Session, order_id: UUID) -> list[tuple[date, int]]:
    """(day, amount) of the order's debits that the bank returned, those whose payment was reversed by name apart."""
    mine = Returned.merchant_id == merchant_of(session), Returned.order_id == order_id, Returned.source == BANK
    wanted = select(Returned.day, Returned.amount_minor).where(*mine, Returned.did != "reversed")
    return [(row.day, row.amount_minor) for row in session.execute(wanted.order_by(Returned.id))]


def keep(session: Session, returned: ReturnedMoney, about: About, did: str, now: datetime) -> Returned:
    """Write it down. Nothing is told yet."""
    row = Returned(
        merchant_id=merchant_of(session),
        id=new_id(),
        shop_id=about.shop_id,
        buyer_id=about.buyer_id,
        order_id=about.order_id,
        claim_id=about.claim_id,
        live=about.live,
        source=returned.source,
        external_id=returned.external_id,
        day=returned.day,
        amount_minor=returned.amount_minor,
        charges_minor=returned.charges_minor,
        currency=returned.currency,
        code=returned.code,
        reason=returned.reason if _WORD.fullmatch(returned.reason) else "",
        dunning=classify(returned.code, returned.reason).dunning.value,
        did=did,
        taken_at=now,
        undone_at=None,
    )
    session.add(row)
    session.flush()
    return row


def tell(session: Session, keys: Keys, row: Returned, now: datetime) -> None:
    """Holds, notice and event of a return that is new."""
    known = classify(row.code, row.reason)
    _hold(session, keys, row, now)
    if known.dunning in WAITS or known.dunning is Dunning.STOP or row.charges_minor or row.did == "waiting":
        _notice(session, row, known, now)
    events.publish(
        session,
        MoneyReturned(
            returned_id=row.id,
            claim_id=row.claim_id,
            order_id=row.order_id,
            shop_id=row.shop_id,
            buyer_id=row.buyer_id,
            live=row.live,
            day=row.day,
            amount_minor=row.amount_minor,
            charges_minor=row.charges_minor,
            currency=row.currency,
            code=row.code,
            dunning=row.dunning,
            stops_debits=not known.redebit,
        ),
    )


def opened(session: Session, keys: Keys, order_id: UUID, claim_id: UUID, now: datetime) -> None:
    """A claim stands for the order: debits that the bank returned before belong to it from now on."""
    mine = Returned.merchant_id == merchant_of(session), Returned.order_id == order_id, Returned.claim_id.is_(None)
    for row in session.scalars(select(Returned).where(*mine, Returned.source == BANK).order_by(Returned.id)).all():
        owed_now(session, keys, row, claim_id, now)


def owed_now(session: Session, keys: Keys, row: Returned, claim_id: UUID, now: datetime) -> None:
    """A claim was opened for a return that waited."""
    row.claim_id, row.did = claim_id, "opened"
    session.flush()
    _hold(session, keys, row, now)


def tell_providers(
    session: Session, keys: Keys, found: tuple[Order | None, UUID | None], told: Sequence[Seen], now: datetime
) -> None:
    """Every return of these payments once; one that came again is undone."""
    order, claim_id = found
    claim = claims.get(session, claim_id) if claim_id else None
    for seen in told:
        for back in provider_money.backs(seen):
            _tell_provider(session, keys, (seen, back), (order, claim), now)


def _tell_provider(
    session: Session, keys: Keys, told: tuple[Seen, Back], found: tuple[Order | None, Claim | None], now: datetime
) -> None:
    (seen, back), (order, claim) = told, found
    row = find(session, seen.source, back.item)
    if row is None and back.taken.amount_minor:
        about = about_claim(claim) if claim else _about_order(order, live=seen.payment.live)
        did = ("opened" if claim.kind == "returned_payment" else "reversed") if claim else "waiting"
        tell(session, keys, keep(session, _returned(seen, back, about, now), about, did, now), now)
    elif row is not None and not back.taken.amount_minor:
        undo(session, keys, row, now)
    elif row is not None and row.claim_id is None and claim is not None:
        owed_now(session, keys, row, claim.id, now)


def _about_order(order: Order | None, *, live: bool) -> About:
    if order is None:
        raise ValueError("a return belongs to a claim or to an order")
    return About(order.shop_id, order.buyer_id, live, order.id, None)


def _returned(seen: Seen, back: Back, about: About, now: datetime) -> ReturnedMoney:
    day = min(days.day_of("DE", back.taken.occurred_at), days.today("DE", now))
    paid, taken = seen.payment, back.taken
    sums = taken.amount_minor, paid.currency
    return ReturnedMoney(seen.source, back.item, day, *sums, taken.code, taken.reason, (), about.shop_id)


def undo(session: Session, keys: Keys, row: Returned, now: datetime) -> None:
    """The money came again: its hold ends. Death stays: that the money came again makes nobody alive."""
    if row.undone_at is not None:
        return
    row.undone_at = now
    session.flush()
    mine = ClaimHold.merchant_id == row.merchant_id, ClaimHold.cause == cause_of(row), ClaimHold.lifted_at.is_(None)
    for hold in session.scalars(select(ClaimHold).where(*mine, ClaimHold.reason != HoldReason.DEATH)):
        claims.apply(session, keys, hold.claim_id, LiftHold(hold.id, "ended"), now)


def cause_of(row: Returned) -> str:
    """Of the holds of a return."""
    return f"returned:{row.id}"


def _hold(session: Session, keys: Keys, row: Returned, now: datetime) -> None:
    if row.dunning == Dunning.STOP:
        for claim_id in debtors.ids_of(session, row.buyer_id):
            _set(session, keys, claim_id, (row, HoldReason.DEATH), now)
    elif row.dunning in WAITS and row.claim_id is not None:
        _set(session, keys, row.claim_id, (row, HoldReason.PAUSE), now)


def _set(session: Session, keys: Keys, claim_id: UUID, why: tuple[Returned, HoldReason], now: datetime) -> None:
    (row, reason), claim = why, claims.get(session, claim_id)
    if reason == HoldReason.DEATH or claim.closed_at is None:
        hold = SetHold(reason, days.today(claim.country, now), None, None, cause_of(row))
        claims.apply(session, keys, claim_id, hold, now)


def _notice(session: Session, row: Returned, known: ReturnCode, now: datetime) -> None:
    facts = {"code": row.code, "dunning": known.dunning.value, "amount_minor": row.amount_minor}
    facts |= {"currency": row.currency, "charges_minor": row.charges_minor, "mandate_proof": known.needs_mandate_proof}
    subject = to_public("clm", row.claim_id) if row.claim_id else to_public("ord", row.order_id or row.id)
    post_notice(session, _NOTICES.get(known.dunning, "debit-returned"), subject, facts, now)


_NOTICES = MappingProxyType({Dunning.STOP: "debit-returned-death", Dunning.OUR_FAULT: "debit-returned-our-fault"})
