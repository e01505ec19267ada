"""Money that providers tell, on the claim it belongs to: through a pay link, or under the number of the shop's order.

Run twice, or in another order of what was told, it ends in the same amounts: each time all that was told is compared with
what is booked, and only the difference moves.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from gateway.core.channels import post_notice
from gateway.core.clock import local_date
from gateway.core.db import merchant_of
from gateway.core.ids import from_public, to_public
from gateway.payments import events, record
from gateway.payments.fold import Fold, Taken
from gateway.receivables import claims, days, debtors, ledger, standing
from gateway.receivables.booking import PAYMENT, REFUND, Booked, effective
from gateway.receivables.changes import LiftHold, Refund, ReverseEntry, ReversePayment, SetHold
from gateway.receivables.claims import Payment
from gateway.receivables.keys import Keys
from gateway.receivables.models import Claim, ClaimHold, ClaimPayment
from gateway.receivables.standing import Row, Sums
from gateway.shops.models import Order

SHOP, PROVIDER = "shop", "provider"
"""Sources: what a shop told, and what a provider told of an order beyond that. A pay link's is `provider:<connection>`."""
PAUSED_BY = "provider-refund"
TWICE = "told-twice"
CAUSE = "provider-money"
"""Of reversals made here: what a person has reversed stays as he left it."""
AGAIN = "#"
"""Between a provider's id and the how-manieth booking of it."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A provider's payment and how it stands."""

    payment: events.Payment
    fold: Fold

    @property
    def source(self) -> str:
        return source_of(self.payment.connection_id)

    @property
    def told_minor(self) -> int:
        return sum(one.amount_minor for one in self.fold.told.values())

    @property
    def back_minor(self) -> int:
        """Returned, or told and not kept."""
        return self.fold.returned_minor + self.told_minor - self.fold.captured_minor


@dataclass(frozen=True, slots=True)
class Back:
    """A return: the provider's id of it, and what is gone; 0 when it came again."""

    item: str
    taken: Taken


_DEBITS = (
    "sepa",
    "directdebit",
    "direct_debit",
    "direct-debit",
    "lastschrift",
    "ach_debit",
    "bacs_debit",
    "becs_debit",
)
"""What names of methods have in common that are debits of a bank account."""


def is_debit(seen: Seen) -> bool:
    """By what the provider calls the method, or because the return has a reason code of such debits."""
    named = any(word in seen.payment.method.lower() for word in _DEBITS)
    return named or seen.payment.provider == "gocardless" or any(each.taken.code for each in backs(seen))


def source_of(connection_id: UUID) -> str:
    return f"{PROVIDER}:{connection_id}"


def find_order(session: Session, payment: events.Payment) -> Order | None:
    """The order a payment is for: by the decision it was a deposit of, else by the shop's number."""
    decision_id = from_public("dec", payment.reference)
    if decision_id is None and not payment.order:
        return None
    mine = Order.merchant_id == merchant_of(session), Order.shop_id == payment.shop_id
    named = Order.decision_id == decision_id if decision_id else Order.reference == payment.order
    return session.scalars(select(Order).where(*mine, named).limit(1)).first()


def of_claim(session: Session, claim: Claim) -> list[Seen]:
    """Payments through the claim's pay links, of its own mode and currency."""
    found = record.find_by_reference(session, to_public("clm", claim.id))
    return [_seen(session, one) for one in found if one.live == claim.live and one.currency == claim.currency]


def of_order(session: Session, order: Order) -> list[Seen]:
    """Payments under the order's number, and the deposit that was paid before there was an order."""
    found = record.find_by_order(session, order.shop_id, order.reference)
    if order.decision_id is not None:
        found += record.find_by_reference(session, to_public("dec", order.decision_id))
    mine = {one.id: one for one in found if one.shop_id == order.shop_id and not one.reference.startswith("clm_")}
    return [_seen(session, one) for one in mine.values() if one.currency == order.currency]


def _seen(session: Session, payment: events.Payment) -> Seen:
    return Seen(payment, record.get_fold(session, payment.id)[1])


def backs(seen: Seen) -> Iterator[Back]:
    """Returns, and captures that turned out not to hold."""
    for item, taken in seen.fold.returns.items():
        yield Back(item, taken)
    for item, told in seen.fold.told.items():
        kept = seen.fold.captures[item]
        if kept.amount_minor < told.amount_minor:
            gone = told.amount_minor - kept.amount_minor
            yield Back(item, Taken(gone, kept.occurred_at, kept.code, kept.reason))


def day_of(claim: Claim, at: datetime, now: datetime) -> date:
    """In the debtor's calendar, never in the future."""
    return min(days.day_of(claim.country, at), days.today(claim.country, now))


# through pay links


def settle_links(session: Session, keys: Keys, claim: Claim, links: Sequence[Seen], now: datetime) -> None:
    """Each capture is booked in full; what of it was taken back is taken back.

    Captures that never stood are booked and reversed as well: the claim was paid and then owed again, in whatever order
    both are told. Raises BuyerErased.
    """
    if not links:
        return
    claims.hold(session, debtors.ids_of(session, claim.buyer_id))
    for seen in links:
        back = seen.fold.returned_minor
        for item in sorted(seen.fold.told):
            kept = seen.fold.captures[item].amount_minor
            gone = min(kept, back)
            back -= gone
            _settle_capture(session, keys, claim, (seen, item, kept - gone), now)


def _settle_capture(session: Session, keys: Keys, claim: Claim, told: tuple[Seen, str, int], now: datetime) -> None:
    seen, item, wanted = told
    day = day_of(claim, seen.fold.told[item].occurred_at, now)
    rows = _bookings(session, seen.source, item)
    if not rows:
        _book(session, keys, Payment(claim.id, seen.source, item, day, *_sum(seen, item)), now)
        rows = _bookings(session, seen.source, item)
    stands = [row for row in rows if row.reversed_at is None]
    if sum(row.amount_minor for row in stands) == wanted or _by_people(session, rows):
        return
    for first in {row.external_id: row for row in stands}.values():
        debtors.take_back(session, keys, first.claim_id, (ReversePayment(first.id, CAUSE),), now)
    if wanted:
        again = f"{item}{AGAIN}{len({row.external_id for row in rows}) + 1}"
        _book(session, keys, Payment(claim.id, seen.source, again, day, wanted, claim.currency), now)


def _sum(seen: Seen, item: str) -> tuple[int, str]:
    return seen.fold.told[item].amount_minor, seen.payment.currency


def _book(session: Session, keys: Keys, payment: Payment, now: datetime) -> None:
    if payment.amount_minor:
        debtors.receive_for_claim(session, keys, payment, now)


def _bookings(session: Session, source: str, item: str) -> list[ClaimPayment]:
    """Every booking of one capture, whichever claims have a share of it."""
    one = ClaimPayment
    mine = one.merchant_id == merchant_of(session), one.source == source
    named = or_(one.external_id == item, one.external_id.startswith(f"{item}{AGAIN}", autoescape=True))
    return list(session.scalars(select(one).where(*mine, named).order_by(one.id)))


def _by_people(session: Session, rows: Sequence[ClaimPayment]) -> set[UUID]:
    """Payments of these that were reversed, and not by us."""
    gone = {f"payment:{row.id}": row for row in rows if row.reversed_at is not None}
    if not gone:
        return set()
    booked = ledger.load(session, {row.claim_id for row in gone.values()})
    entries = [entry for each in booked.values() for entry in each]
    last = {entry.posting.cause: entry.id for entry in entries if entry.posting.kind == PAYMENT}
    ours = {entry.posting.reverses for entry in entries if entry.posting.cause == CAUSE}
    return {row.id for cause, row in gone.items() if last.get(cause) not in ours}


# under the order's number


@dataclass(frozen=True, slots=True)
class OrderMoney:
    """What was told of an order's money: the shop's payments and refunds, the providers', and what a bank returned."""

    paid: tuple[Row, ...]
    """By the shop; the key is its event's id."""
    refunded_minor: int
    seen: tuple[Seen, ...]
    links: tuple[Seen, ...]
    bank: tuple[tuple[date, int], ...] = ()
    """(day, amount) of debits that the bank returned."""
    by_debit: bool = False
    """Whether the order was paid by direct debit, as the shop says."""
    zone: str = "Europe/Berlin"

    @property
    def back_minor(self) -> int:
        return sum(one.back_minor for one in self.seen) + sum(amount for _, amount in self.bank)

    @property
    def debit_on(self) -> date | None:
        """The day of the debit that came back; None where none did."""
        returned = [one for one in self.seen if one.back_minor and (self.by_debit or is_debit(one))]
        days_of = [local_date(each.occurred_at, self.zone) for one in returned for each in one.fold.told.values()]
        told = [row.day for row in self.paid] if self.bank or returned else []
        back = [local_date(each.taken.occurred_at, self.zone) for one in returned for each in backs(one)]
        return min(days_of or told or back or [day for day, _ in self.bank], default=None)

    def refunds(self, claim: Claim, now: datetime) -> tuple[int, date]:
        """What providers gave back beyond what the shop tells it gave back, and when."""
        given, day = refunds_of([*self.seen, *self.links], claim, now)
        return max(0, given - self.refunded_minor), day

    def sums(self, linked_minor: int) -> Sums:
        shop_minor = sum(row.amount_minor for row in self.paid)
        told_minor = sum(one.told_minor for one in self.seen)
        return Sums(shop_minor, told_minor, linked_minor, self.back_minor)


def settle_order(session: Session, keys: Keys, claim: Claim, money: OrderMoney, now: datetime, actor: str) -> None:
    """Bring the payments that stand on the claim up to what was told, new ones first: a settled claim stays settled."""
    rows = _rows(session, claim)
    people = _by_people(session, rows)
    by_key = {row.external_id: row for row in rows if row.source == SHOP}
    counting = [row for row in money.paid if row.key not in by_key or by_key[row.key].id not in people]
    money = replace(money, paid=tuple(counting))
    beside = [row for row in rows if row.source == PROVIDER]
    sums = money.sums(sum(row.amount_minor for row in rows if _is_link(row)))
    wanted = Row(f"order{AGAIN}{len(beside) + 1}", _day(claim, money, now), sums.wanted_minor)
    there = [row for key, row in by_key.items() if row.id not in people]
    planned = standing.plan(
        [_row(row) for row in there if row.reversed_at is None],
        [row for row in counting if row.key not in by_key],
        [_row(row) for row in there if row.reversed_at is not None],
        sum(row.amount_minor for row in beside if row.reversed_at is None),
        wanted,
    )
    if people.intersection(row.id for row in beside):
        planned = replace(planned, rest=None)
    _carry_out(session, keys, claim, planned, now, actor)


def _carry_out(session: Session, keys: Keys, claim: Claim, planned: standing.Plan, now: datetime, actor: str) -> None:
    beside = [row for row in _rows(session, claim) if row.source == PROVIDER and row.reversed_at is None]
    for row in planned.book if claim.kind == "returned_payment" else planned.fresh:
        _receive(session, keys, claim, (SHOP, row), now, actor)
    if planned.rest is not None and planned.rest.amount_minor:
        _receive(session, keys, claim, (PROVIDER, planned.rest), now, "worker")
    if planned.rest is not None:
        _reverse(session, keys, claim, beside, now)
    keys_gone = {row.key for row in planned.drop}
    told = [row for row in _rows(session, claim) if row.source == SHOP and row.reversed_at is None]
    _reverse(session, keys, claim, [row for row in told if row.external_id in keys_gone], now)


def _receive(session: Session, keys: Keys, claim: Claim, told: tuple[str, Row], now: datetime, actor: str) -> None:
    source, row = told
    payment = Payment(claim.id, source, row.key, row.day, row.amount_minor, claim.currency, actor=actor)
    claims.receive_payment(session, keys, payment, now)


def _reverse(session: Session, keys: Keys, claim: Claim, rows: Iterable[ClaimPayment], now: datetime) -> None:
    for row in rows:
        claims.apply(session, keys, claim.id, ReversePayment(row.id, CAUSE), now)


def _day(claim: Claim, money: OrderMoney, now: datetime) -> date:
    """When the provider's money was there."""
    taken = [each for one in money.seen for each in one.fold.told.values()]
    return max((day_of(claim, each.occurred_at, now) for each in taken), default=days.today(claim.country, now))


def _rows(session: Session, claim: Claim) -> list[ClaimPayment]:
    one = ClaimPayment
    mine = one.merchant_id == claim.merchant_id, one.claim_id == claim.id
    ours = or_(one.source.in_((SHOP, PROVIDER)), one.source.startswith(f"{PROVIDER}:"))
    fresh = {"populate_existing": True}
    return list(session.scalars(select(one).where(*mine, ours).order_by(one.id).execution_options(**fresh)))


def _is_link(row: ClaimPayment) -> bool:
    return row.source.startswith(f"{PROVIDER}:") and AGAIN not in row.external_id


def _row(row: ClaimPayment) -> Row:
    return Row(row.external_id, row.paid_on, row.amount_minor)


# refunds


def _refund_day(claim: Claim, told: Iterable[Seen], now: datetime) -> date:
    taken = [each for one in told for each in one.fold.refunds.values()]
    return max((day_of(claim, each.occurred_at, now) for each in taken), default=days.today(claim.country, now))


def refunds_of(links: Sequence[Seen], claim: Claim, now: datetime) -> tuple[int, date]:
    """What providers gave back of what they had, and when."""
    return sum(min(one.fold.refunded_minor, one.told_minor) for one in links), _refund_day(claim, links, now)


def settle_refunds(session: Session, keys: Keys, claim: Claim, wanted: int, day: date, now: datetime) -> None:
    """The money is the debtor's credit first.

    What he would owe again because of it nobody demands before a person looked: a merchant who pays back mostly means it.
    """
    prefix = f"provider-refund:{claim.id}"
    all_booked = ledger.load(session, [claim.id])[claim.id]
    ours = [entry for entry in all_booked if entry.posting.kind == REFUND and entry.posting.cause.startswith(prefix)]
    stands = [entry for entry in effective(all_booked) if entry in ours]
    if sum(_amount(entry) for entry in stands) != wanted:
        reversing = [ReverseEntry(entry.id, prefix) for entry in stands]
        refund = (
            [Refund(wanted, day, f"{prefix}{AGAIN}{len({one.posting.cause for one in ours}) + 1}")] if wanted else []
        )
        claims.apply_many(session, keys, [(claim.id, [*reversing, *refund])], now)
    _pause(session, keys, claims.get(session, claim.id), wanted, now)


def _amount(entry: Booked) -> int:
    return int(entry.posting.working.get("told", {}).get("amount_minor", 0))


@dataclass(frozen=True, slots=True)
class _Ground:
    """A hold that stands as long as its ground does, and the notice that goes with it."""

    hold: SetHold
    stands: bool
    code: str
    facts: Mapping[str, Any]


def _pause(session: Session, keys: Keys, claim: Claim, refunded: int, now: datetime) -> None:
    hold = SetHold("pause", days.today(claim.country, now), None, refunded or None, PAUSED_BY)
    facts = {"refunded_minor": refunded, "owed_minor": _owed(claim), "currency": claim.currency}
    ground = _Ground(hold, refunded > 0 and _owed(claim) > 0, "provider-refund-owed", facts)
    _keep(session, keys, claim, ground, now)


def doubt(session: Session, keys: Keys, claim: Claim, money: OrderMoney, now: datetime) -> None:
    """Payments of shop and provider that are not alike were counted once: nobody is dunned before a person looked."""
    told = [each.amount_minor for one in [*money.seen, *money.links] for each in one.fold.told.values()]
    shop = [each.amount_minor for each in money.paid]
    row, both = claims.get(session, claim.id), min(standing.unlike(told, shop), sum(shop))
    hold = SetHold("probable_payment", days.today(row.country, now), None, both or None, TWICE)
    facts = {"shop_minor": sum(shop), "provider_minor": sum(told), "currency": row.currency}
    stands = both > 0 and _owed(row) > 0 and not money.back_minor
    _keep(session, keys, row, _Ground(hold, stands, "payment-told-twice", facts), now)


def _owed(claim: Claim) -> int:
    return claim.principal_minor + claim.costs_minor + claim.interest_minor


def _keep(session: Session, keys: Keys, claim: Claim, ground: _Ground, now: datetime) -> None:
    """Set the hold or lift it; one that a person has lifted stays lifted."""
    mine = ClaimHold.merchant_id == claim.merchant_id, ClaimHold.claim_id == claim.id
    there = list(session.scalars(select(ClaimHold).where(*mine, ClaimHold.cause == ground.hold.cause)))
    running = [one for one in there if one.lifted_at is None]
    if not ground.stands:
        for one in running:
            claims.apply(session, keys, claim.id, LiftHold(one.id, "ended"), now)
    elif not running and claim.closed_at is None and all(one.lifted_by == "worker" for one in there):
        claims.apply(session, keys, claim.id, ground.hold, now)
        post_notice(session, ground.code, to_public("clm", claim.id), ground.facts, now)
