"""Announce a return, withdraw, and tell what became of it: every command is harmless when it is told twice."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.core import outbox
from gateway.core.channels import Mail
from gateway.core.clock import local_date
from gateway.core.crypto import Keyring, seal, unseal
from gateway.core.db import merchant_of
from gateway.core.errors import Invalid, NotFound, Refused
from gateway.core.ids import new_id
from gateway.core.outbox import Channel, Message
from gateway.law import store
from gateway.merchants import secrets, senders
from gateway.receivables import following
from gateway.returns import effects
from gateway.returns.lifecycle import LIFECYCLE, Acted, ReturnAct, ReturnState
from gateway.returns.models import OrderReturn, ReturnHistory
from gateway.returns.period import Checked, Declared, check
from gateway.returns.texts import confirmation
from gateway.shops import buyers
from gateway.shops.details import open_details
from gateway.shops.lifecycle import OrderAct
from gateway.shops.models import Order
from gateway.shops.orders import CLOCK_SLACK, Orders
from gateway.shops.shops import ShopFacts
from gateway.shops.told import EventTold

MAX_WORDS = 4000
_NO_PERIOD = Checked(None, in_time=True, refund_until=None)


class ReturnUnknown(NotFound):
    """This shop has no such return."""


class ReturnContradicts(Refused):
    """This external id was already told with other content."""


class ReturnExceedsOrder(Refused):
    """More would come back than the order, or the return, is worth."""


class WithdrawalStands(Refused):
    """A withdrawal that came in time or was accepted is not taken back: the claim was lowered by it."""


@dataclass(frozen=True, slots=True)
class NewReturn:
    """What is announced; without an amount the whole order."""

    reference: str
    kind: str
    external_id: str
    announced_at: datetime
    amount_minor: int | None = None
    words: str = ""
    source: str = "api"


@dataclass(frozen=True, slots=True)
class Told:
    """One act of a return."""

    act: ReturnAct
    external_id: str
    occurred_at: datetime
    actor: str
    amount_minor: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Returns:
    """The returns of one shop within one transaction."""

    session: Session
    keyring: Keyring
    shop: ShopFacts

    def announce(self, new: NewReturn, now: datetime) -> OrderReturn:
        """Goods are to come back; dunning rests from now on. A withdrawal in time lowers the claim at once.

        Raises OrderUnknown, ReturnExceedsOrder, ReturnContradicts, Invalid.
        """
        _check_moment(new.announced_at, now)
        order = self._orders().get(new.reference)
        amount_minor = order.total_minor if new.amount_minor is None else new.amount_minor
        if (known := self._known(order, new.external_id)) is not None:
            if (known.kind, known.announced_at) != (new.kind, new.announced_at):
                raise ReturnContradicts(external_id=new.external_id)
            return known
        others = [row for row in effects.of_order(self.session, order.id) if row.state not in ("REFUSED", "CANCELLED")]
        if amount_minor + sum(row.amount_minor for row in others) > order.total_minor or len(others) >= effects.MOST:
            raise ReturnExceedsOrder(order_minor=order.total_minor)
        row = self._add(order, new, amount_minor, now)
        effects.publish(self.session, row, new.announced_at)
        if row.kind == "withdrawal":
            self._confirm(order, row, new, now)
            if not row.decide:
                self._tell_withdrawn(new.reference, row, now)
        effects.refold(self.session, self.keyring, order.id, now)
        return row

    def tell(self, return_id: UUID, told: Told, now: datetime) -> OrderReturn:
        """Something happened to a return; told twice under one external id it counts once.

        Raises ReturnUnknown, ReturnContradicts, ReturnExceedsOrder, WithdrawalStands, RefundExceedsPayment, Refused.
        """
        _check_moment(told.occurred_at, now)
        row = self.get(return_id)
        reference = self._reference(row)
        self._orders().get(reference)
        self.session.refresh(row)
        if (known := self._told(row, told.external_id)) is not None:
            if (known.act, known.occurred_at) != (told.act, told.occurred_at):
                raise ReturnContradicts(external_id=told.external_id)
            return row
        amount_minor = self._amount(row, told)
        act = Acted(told.act.value, told.external_id, told.occurred_at, amount_minor)
        effects.keep(self.session, row, act, (told.actor, told.reason), now)
        self._tell_order(reference, row, (told, amount_minor), now)
        effects.refold(self.session, self.keyring, row.order_id, now)
        return row

    def get(self, return_id: UUID | None) -> OrderReturn:
        """Raises ReturnUnknown."""
        row = self.session.get(OrderReturn, (merchant_of(self.session), return_id)) if return_id else None
        if row is None or row.shop_id != self.shop.id:
            raise ReturnUnknown
        return row

    def list_returns(self, state: str, before: UUID | None, limit: int) -> list[OrderReturn]:
        """The newest first; what the order says nothing of any more is left out."""
        mine = [OrderReturn.merchant_id == merchant_of(self.session), OrderReturn.shop_id == self.shop.id]
        mine += [OrderReturn.state == state] if state else []
        mine += [OrderReturn.id < before] if before else []
        wanted = select(OrderReturn).where(*mine, OrderReturn.amount_minor > 0)
        return list(self.session.scalars(wanted.order_by(OrderReturn.id.desc()).limit(limit)))

    def history(self, row: OrderReturn) -> list[ReturnHistory]:
        mine = ReturnHistory.merchant_id == row.merchant_id, ReturnHistory.return_id == row.id
        wanted = select(ReturnHistory).where(*mine).order_by(ReturnHistory.occurred_at, ReturnHistory.external_id)
        return list(self.session.scalars(wanted.limit(1000)))

    def words(self, row: OrderReturn) -> str:
        """What the buyer declared; empty once he is erased."""
        key = buyers.find_key(self.session, self.keyring, row.buyer_id)
        return unseal(key, row.words_sealed, _context(row.id)).decode() if key and row.words_sealed else ""

    def _orders(self) -> Orders:
        return Orders(self.session, self.keyring, self.shop)

    def _known(self, order: Order, external_id: str) -> OrderReturn | None:
        mine = {"merchant_id": order.merchant_id, "order_id": order.id, "external_id": external_id}
        return self.session.scalars(select(OrderReturn).filter_by(**mine)).one_or_none()

    def _told(self, row: OrderReturn, external_id: str) -> ReturnHistory | None:
        mine = {"merchant_id": row.merchant_id, "return_id": row.id, "external_id": external_id}
        return self.session.scalars(select(ReturnHistory).filter_by(**mine)).one_or_none()

    def _add(self, order: Order, new: NewReturn, amount_minor: int, now: datetime) -> OrderReturn:
        return_id, key = new_id(), buyers.find_key(self.session, self.keyring, order.buyer_id, hold=True)
        details = open_details(key, order.id, order.details_sealed)
        checked = self._check(order, new, details) if new.kind == "withdrawal" else _NO_PERIOD
        row = OrderReturn(
            **effects.of(order),
            id=return_id,
            live=self.shop.live,
            kind=new.kind,
            source=new.source,
            external_id=new.external_id,
            state=LIFECYCLE.start.value,
            amount_minor=amount_minor,
            announced_at=new.announced_at,
            expected_by=effects.expected_by(new.announced_at),
            withdraw_until=checked.withdraw_until,
            in_time=checked.in_time if new.kind == "withdrawal" else None,
            decide=checked.decide,
            refund_until=checked.refund_until,
            words_sealed=seal(key, new.words.encode(), _context(return_id)) if key and new.words else None,
            made_at=now,
        )
        self.session.add(row)
        self.session.flush()
        return row

    def _check(self, order: Order, new: NewReturn, details: dict[str, object]) -> Checked:
        zone = self.shop.timezone
        declared = Declared(
            local_date(new.announced_at, zone),
            local_date(order.delivered_at, zone) if order.delivered_at else None,
            following.country_of(details, self.shop.country),
            following.debtor_of(details) == "business",
        )
        return check(declared, store.load(self.session))

    def _amount(self, row: OrderReturn, told: Told) -> int | None:
        LIFECYCLE.after(ReturnState(row.state), told.act)
        bound = row.kind == "withdrawal" and not row.decide
        if bound and told.act in (ReturnAct.REFUSE, ReturnAct.CANCEL):
            raise WithdrawalStands
        if told.act == ReturnAct.RECEIVE:
            room = row.amount_minor - row.received_minor
            amount_minor = room if told.amount_minor is None else told.amount_minor
            if not 0 < amount_minor <= room:
                raise ReturnExceedsOrder(return_minor=row.amount_minor, received_minor=row.received_minor)
            return amount_minor
        return told.amount_minor if told.act == ReturnAct.SETTLE else None

    def _tell_order(self, reference: str, row: OrderReturn, told: tuple[Told, int | None], now: datetime) -> None:
        """Goods and money are told to the order, from which its claim is booked; there is no second way."""
        act, amount_minor = told
        if act.act == ReturnAct.ACCEPT and row.kind == "withdrawal" and row.decide:
            self._tell_withdrawn(reference, row, now)
        event = {ReturnAct.RECEIVE: OrderAct.RETURNED, ReturnAct.SETTLE: OrderAct.REFUNDED}.get(act.act)
        if event is not None and amount_minor:
            name = f"{effects.OWN}{row.id}:{act.external_id}"
            self._orders().add_event(reference, EventTold(event, name, act.occurred_at, amount_minor), now)

    def _tell_withdrawn(self, reference: str, row: OrderReturn, now: datetime) -> None:
        name = f"{effects.OWN}{row.id}:withdrawn"
        told = EventTold(OrderAct.WITHDRAWN, name, row.announced_at, row.amount_minor)
        self._orders().add_event(reference, told, now)

    def _confirm(self, order: Order, row: OrderReturn, new: NewReturn, now: datetime) -> None:
        """On a durable medium: by e-mail where one is known."""
        details = open_details(
            buyers.find_key(self.session, self.keyring, order.buyer_id), order.id, order.details_sealed
        )
        if not (to := details.get("buyer", {}).get("email")):
            return
        said = confirmation(
            following.language_of(details, self.shop.language),
            order.reference,
            f"{new.announced_at:%Y-%m-%d %H:%M:%S}",
            new.words,
        )
        sender = senders.find(self.session, self.keyring)
        name, answers = (sender.legal_name, sender.email) if sender else ("", "")
        mail = Mail(to=to, subject=said.subject, body=said.body, sender_name=name, reply_to=answers)
        message = Message(Channel.EMAIL, "", mail.encode(), f"withdrawal:{row.id}", self.shop.live)
        key = secrets.get_key(self.session, self.keyring, "data")
        outbox.queue(self.session, message, data_key=key, now=now)

    def _reference(self, row: OrderReturn) -> str:
        order = self.session.get(Order, (row.merchant_id, row.order_id))
        if order is None:
            raise ReturnUnknown
        return order.reference


def _check_moment(moment: datetime, now: datetime) -> None:
    if moment > now + CLOCK_SLACK:
        raise Invalid.at("/occurred_at", "lies in the future")


def _context(return_id: UUID) -> str:
    return f"order_return.words:{return_id}"
