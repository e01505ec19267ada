"""What a return does: the order is told, its claim follows and rests, the row is the fold of all of it. One way for all."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.core import events
from gateway.core.clock import local_date
from gateway.core.crypto import Keyring
from gateway.core.db import merchant_of
from gateway.core.ids import new_id
from gateway.receivables import claims, days, follow
from gateway.receivables.case import CLOSED
from gateway.receivables.changes import Change, LiftHold, SetHold
from gateway.receivables.keys import Keys
from gateway.receivables.models import Claim, ClaimHold
from gateway.returns.events import (
    ReturnAnnounced,
    ReturnCancelled,
    ReturnExpired,
    ReturnFact,
    ReturnReceived,
    ReturnRefused,
    ReturnSettled,
)
from gateway.returns.lifecycle import Acted, Place, ReturnAct, ReturnFold, ReturnState, fold, share
from gateway.returns.models import OrderReturn, ReturnHistory
from gateway.shops import shops
from gateway.shops.lifecycle import OrderAct, OrderState
from gateway.shops.models import Order, OrderEvent
from gateway.shops.orders import MAX_EVENTS
from gateway.shops.told import OWN_PREFIX

OWN = f"{OWN_PREFIX}return:"
"""What returns tell the order themselves."""
OF_ORDER = "order"
EXPECTED_DAYS = 21
"""How long a claim rests for goods that were announced."""
MOST = 50
"""Returns of one order."""
_TOLD_AS = {OrderAct.RETURNED: ReturnAct.RECEIVE, OrderAct.REFUNDED: ReturnAct.SETTLE}
_PUBLISHED: Mapping[str, type[ReturnFact]] = {
    ReturnState.ANNOUNCED: ReturnAnnounced,
    ReturnState.RECEIVED: ReturnReceived,
    ReturnState.SETTLED: ReturnSettled,
    ReturnState.REFUSED: ReturnRefused,
    ReturnState.CANCELLED: ReturnCancelled,
    ReturnState.EXPIRED: ReturnExpired,
}
_GONE = (ReturnState.REFUSED, ReturnState.CANCELLED)


def refold(session: Session, keyring: Keyring, order_id: UUID, now: datetime) -> None:
    """Bring the returns of an order, and the holds of its claims, up to what was told. Again, it changes nothing."""
    order = session.get(Order, (merchant_of(session), order_id), with_for_update=True, populate_existing=True)
    if order is None:
        return
    follow.follow(session, Keys(keyring), order_id, now)
    rows, told = of_order(session, order_id), _events(session, order)
    acts = _acts(session, rows)
    given, rest = share([_place(row, acts[row.id]) for row in rows if row.source != OF_ORDER], _of_shop(told))
    rows = _with_the_orders_own(session, order, rows, (told, rest), now)
    settled = owed_back(order, told) == 0
    for row in rows:
        own = rest if row.source == OF_ORDER else [*acts[row.id], *given[row.id]]
        _move(session, row, _settled(fold(own), settled), now)
    _hold(session, keyring, order_id, rows, now)


def of_order(session: Session, order_id: UUID) -> list[OrderReturn]:
    mine = OrderReturn.merchant_id == merchant_of(session), OrderReturn.order_id == order_id
    return list(session.scalars(select(OrderReturn).where(*mine).order_by(OrderReturn.id).limit(MOST)))


def owed_back(order: Order, told: Sequence[OrderEvent]) -> int:
    """What the buyer has paid beyond what he owes."""
    whole = [event.amount_minor for event in told if event.event == OrderAct.WITHDRAWN]
    withdrawn = order.total_minor if None in whole else sum(amount or 0 for amount in whole)
    less = order.total_minor if order.state == OrderState.CANCELLED else withdrawn
    due = max(0, order.total_minor - max(less, order.returned_minor, order.refunded_minor))
    return max(0, order.paid_minor - order.refunded_minor - due)


def _events(session: Session, order: Order) -> list[OrderEvent]:
    mine = OrderEvent.merchant_id == order.merchant_id, OrderEvent.order_id == order.id
    found = session.scalars(select(OrderEvent).where(*mine).limit(MAX_EVENTS))
    return sorted(found, key=lambda event: (event.occurred_at, event.external_id))


def _of_shop(told: Sequence[OrderEvent]) -> list[Acted]:
    """Goods and money the shop told of without naming a return."""
    return [
        Acted(_TOLD_AS[OrderAct(one.event)], one.external_id, one.occurred_at, one.amount_minor)
        for one in told
        if one.event in _TOLD_AS and not one.external_id.startswith(OWN)
    ]


def _acts(session: Session, rows: Sequence[OrderReturn]) -> dict[UUID, list[Acted]]:
    found: dict[UUID, list[Acted]] = {row.id: [] for row in rows}
    mine = ReturnHistory.merchant_id == merchant_of(session), ReturnHistory.return_id.in_(found)
    for one in session.scalars(select(ReturnHistory).where(*mine).limit(MOST * 20)):
        found[one.return_id].append(Acted(one.act, one.external_id, one.occurred_at, one.amount_minor))
    return found


def keep(session: Session, row: OrderReturn, act: Acted, told: tuple[str, str], now: datetime) -> None:
    """Write an act of a return down, once by its external id. `told`: actor and reason."""
    actor, reason = told
    session.add(
        ReturnHistory(
            merchant_id=row.merchant_id,
            id=new_id(),
            return_id=row.id,
            act=act.act,
            external_id=act.external_id,
            occurred_at=act.occurred_at,
            amount_minor=act.amount_minor,
            reason=reason,
            actor=actor,
            received_at=now,
        )
    )
    session.flush()


def _place(row: OrderReturn, acts: Sequence[Acted]) -> Place:
    """What a person has told of a return is not told again by the order."""
    told = {act.act for act in acts}
    gone = fold(acts).state in _GONE
    goods = 0 if gone or ReturnAct.RECEIVE in told else row.amount_minor
    return Place(row.id, row.announced_at, goods, 0 if gone or ReturnAct.SETTLE in told else row.amount_minor)


def _with_the_orders_own(
    session: Session,
    order: Order,
    rows: list[OrderReturn],
    told: tuple[Sequence[OrderEvent], Sequence[Acted]],
    now: datetime,
) -> list[OrderReturn]:
    """Beside the returns somebody announced, one of what the shop told of the order itself."""
    withdrawn = [one for one in told[0] if one.event == OrderAct.WITHDRAWN and not one.external_id.startswith(OWN)]
    goods = [act for act in told[1] if act.act == ReturnAct.RECEIVE]
    there = next((row for row in rows if row.source == OF_ORDER), None)
    if not (withdrawn or goods or there):
        return rows
    others = sum(row.amount_minor for row in rows if row.source != OF_ORDER and row.state not in _GONE)
    declared = sum(order.total_minor if one.amount_minor is None else one.amount_minor for one in withdrawn)
    worth = max(declared, sum(act.amount_minor or 0 for act in goods))
    since = min([one.occurred_at for one in withdrawn] + [act.occurred_at for act in goods], default=now)
    row = there or _new_of_order(order, since, now, live=shops.get(session, order.shop_id).live)
    row.kind = "withdrawal" if withdrawn else "return"
    row.announced_at, row.expected_by = since, expected_by(since)
    row.amount_minor = max(0, min(order.total_minor - others, worth))
    if there is None:
        session.add(row)
        session.flush()
        publish(session, row, since)
        return [*rows, row]
    return rows


def _new_of_order(order: Order, since: datetime, now: datetime, *, live: bool) -> OrderReturn:
    return OrderReturn(
        **of(order),
        id=new_id(),
        live=live,
        kind="return",
        source=OF_ORDER,
        external_id=OF_ORDER,
        state=ReturnState.ANNOUNCED.value,
        amount_minor=0,
        received_minor=0,
        refunded_minor=0,
        announced_at=since,
        expected_by=expected_by(since),
        decide=False,
        made_at=now,
    )


def of(order: Order) -> dict[str, object]:
    names = ("merchant_id", "shop_id", "buyer_id", "currency")
    return {name: getattr(order, name) for name in names} | {"order_id": order.id}


def expected_by(since: datetime) -> date:
    return date.fromordinal(local_date(since, days.zone("DE")).toordinal() + EXPECTED_DAYS)


def _settled(folded: ReturnFold, nothing_owed: bool) -> ReturnFold:  # noqa: FBT001 - of the order, as the name says
    """Goods are there and nothing has to be paid back: it is done."""
    if folded.state != ReturnState.RECEIVED or not nothing_owed:
        return folded
    return replace(folded, state=ReturnState.SETTLED, ended_at=folded.received_at)


def _move(session: Session, row: OrderReturn, folded: ReturnFold, now: datetime) -> None:
    before = row.state
    row.state, row.received_at, row.ended_at = folded.state.value, folded.received_at, folded.ended_at
    row.received_minor, row.refunded_minor = folded.received_minor, folded.refunded_minor
    row.decide = row.decide and not folded.accepted and folded.state in (ReturnState.ANNOUNCED, ReturnState.EXPIRED)
    session.flush()
    if row.state != before:
        publish(session, row, folded.ended_at or folded.received_at or now)


def publish(session: Session, row: OrderReturn, at: datetime) -> None:
    told = {name: getattr(row, name) for name in ("order_id", "shop_id", "buyer_id", "live", "kind", "amount_minor")}
    fact = _PUBLISHED[row.state](return_id=row.id, currency=row.currency, occurred_at=at, **told)
    events.publish(session, fact)


def _hold(session: Session, keyring: Keyring, order_id: UUID, rows: Sequence[OrderReturn], now: datetime) -> None:
    """Claims rest while goods are on their way; one that a person lifted is not set again."""
    mine = Claim.merchant_id == merchant_of(session), Claim.order_id == order_id, Claim.state.not_in(CLOSED)
    owing = select(Claim.id, Claim.country).where(*mine, Claim.buyer_id.in_({row.buyer_id for row in rows}))
    for claim_id, country in session.execute(owing.order_by(Claim.id).limit(MOST)):
        changes = _holds(session, claim_id, rows, days.today(country, now))
        if changes:
            claims.apply_many(session, Keys(keyring), [(claim_id, changes)], now)


def _holds(session: Session, claim_id: UUID, rows: Sequence[OrderReturn], today: date) -> list[Change]:
    mine = ClaimHold.merchant_id == merchant_of(session), ClaimHold.claim_id == claim_id
    known = {one.cause: one for one in session.scalars(select(ClaimHold).where(*mine).order_by(ClaimHold.id))}
    found: list[Change] = []
    for row in rows:
        cause, waits = f"return:{row.id}", row.state == ReturnState.ANNOUNCED and row.expected_by >= today
        there = known.get(cause)
        if waits and there is None:
            found.append(SetHold("return_under_way", today, row.expected_by, None, cause, actor="worker"))
        if not waits and there is not None and there.lifted_at is None:
            found.append(LiftHold(there.id, "ended", actor="worker"))
    return found
