"""Stage 2: the buyer has chosen. Settled at once where nothing is to be asked; else reserve, ask, record.

A bureau is the only call that leaves the house from a checkout, and no transaction is open while it is made: one reads and
reserves, another records. A decision pays for at most one call, whoever asks at once and whatever crashes in between.
"""

import json
import time
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.checkout import selection_records as records
from gateway.checkout.api import DecisionUnknown
from gateway.checkout.decide import Checkout, ShopSide
from gateway.checkout.models import Decision
from gateway.checkout.selection_records import Selected
from gateway.checkout.selection_rules import Heard, Situation, draw, settle, situation, unasked
from gateway.checkout.selection_schemas import Chosen
from gateway.checkout.texts import language_of
from gateway.checkout.told_before import ToldBefore, told_before
from gateway.checkout.waiting import Place, WaitingRoom
from gateway.core import clock, idempotency
from gateway.core.errors import Invalid, Refused, Unavailable
from gateway.core.ids import to_public
from gateway.core.services import Services
from gateway.merchants.auth import Principal
from gateway.risk import bureau_records
from gateway.risk.bureau import Answer, Inquiry, Person, home_index, lacking, person_index, suffices
from gateway.risk.bureau_call import Caller
from gateway.risk.bureau_records import Memory, Wanted
from gateway.risk.bureaus import Book
from gateway.risk.bureaus import Chosen as ChosenBureau
from gateway.shops import buyers
from gateway.shops.models import Buyer

POLL_S = 0.05
MOST_POLLS = 200
GRACE = timedelta(seconds=1)
"""A call without a result is given up this long after its deadline: whoever made it has died."""
SKEW = timedelta(minutes=5)
"""So far a shop's clock may run ahead of ours."""
LEAST_S = 0.05


class DecisionExpired(Refused):
    """The decision is too old to choose from; ask for a new one."""


class MethodNotOffered(Refused):
    """This method was not on the menu of the decision."""


class OrderDiffers(Refused):
    """The order is not the one that was decided; ask for a new decision."""


@dataclass(frozen=True, slots=True)
class Question:
    """One arrival of a choice."""

    who: Principal
    decision_id: UUID
    chosen: Chosen
    attempt: idempotency.Attempt | None
    side: ShopSide
    began: float
    """`time.monotonic` when it arrived: the deadline counts from here."""
    place: Place
    """To be taken before it waits for a bureau, or for who asks one."""


@dataclass(frozen=True, slots=True)
class Case:
    """A choice with everything that was read for it."""

    decision: Any
    situation: Situation
    policy_version: int
    objected: bool
    """Whether the buyer objects to being assessed (Art. 21 GDPR): then no bureau is asked, and no old answer used."""
    told: ToldBefore | None = field(repr=False)
    """What the shop told of the buyer; None for somebody nobody can name, or who was erased."""


@dataclass(frozen=True, slots=True)
class Reserved:
    """A call that stands in the books and has to be made now."""

    case: Case
    request_id: UUID
    bureau: ChosenBureau
    memory: Memory | None


class Selections:
    """The selections of one process."""

    def __init__(self, services: Services, checkout: Checkout, book: Book) -> None:
        self._services = services
        self._checkout = checkout
        self._book = book
        self._caller = Caller()
        self._room = WaitingRoom(services.threads)

    def choose(
        self, who: Principal, decision_id: UUID, chosen: Chosen, attempt: idempotency.Attempt | None = None
    ) -> bytes:
        """The answer, recorded; the same for the same choice, however often it comes.

        Raises DecisionUnknown, DecisionExpired, MethodNotOffered, OrderDiffers, Invalid, IdempotencyConflict, and
        Unavailable where another choice of this decision is asking and there is no place to wait for it.
        """
        side, began = self._checkout.side(who), time.monotonic()
        with self._room.place() as place:
            return self._answered(Question(who, decision_id, chosen, attempt, side, began, place))

    def _answered(self, question: Question) -> bytes:
        for _ in range(MOST_POLLS):
            turn = self._turn(question, clock.now())
            if isinstance(turn, bytes):
                return turn
            if isinstance(turn, Reserved):
                return self._ask(question, turn)
            if not question.place.take():
                break
            time.sleep(POLL_S)  # another choice of this decision is asking right now
        raise Unavailable("another choice of this decision is under way")

    def _turn(self, question: Question, now: datetime) -> bytes | Reserved | None:
        """One transaction: the answer, a call to make, or None while somebody else makes it."""
        with self._services.db.transaction(question.who.merchant_id) as session:
            if question.attempt and (before := idempotency.find(session, question.attempt, now)) is not None:
                return before.body
            decision = _decision(session, question)
            if (known := records.find(session, decision, question.chosen.method)) is not None:
                return _body(question, known, self._buyer(session, decision))
            case = self._case(session, question, decision, now)
            heard = None if unasked(case.situation) else self._heard(session, question, case, now)
            if isinstance(heard, Reserved) or (heard is None and not unasked(case.situation)):
                return heard
            return self._record(session, question, case, heard, now)

    def _ask(self, question: Question, reserved: Reserved) -> bytes:
        """Make the call, with nothing open, and record what came of it."""
        case, configured = reserved.case, reserved.bureau.configured
        ask = partial(self._book.adapters[configured.adapter].ask, configured, _inquiry(question, reserved))
        before = time.monotonic()
        answer = self._caller.call(ask, _left_s(question, case))
        took_ms, now = round(1000 * (time.monotonic() - before)), clock.now()
        with self._services.db.transaction(question.who.merchant_id) as session:
            bureau_records.finish(session, reserved.request_id, answer, took_ms, now)
            self._keep(session, reserved, answer, now)
            return self._record(session, question, case, _heard_now(reserved, answer), now)

    def _case(self, session: Session, question: Question, decision: Any, now: datetime) -> Case:
        """What is chosen from, checked against what was decided."""
        chosen, record = question.chosen, json.loads(decision.record)
        version = record["versions"]["policy"]
        policy = self._checkout.policy(session.connection(), question.who, version)
        told = self._buyer(session, decision)
        lot = _lot(self._checkout.keys(question.who.merchant_id).index, decision, told)
        found = situation(record, chosen.method, policy, lot)
        if found is None:
            raise Invalid.at("/method", "is no method of this decision")
        if chosen.proof is not None and chosen.proof.at > now + SKEW:
            raise Invalid.at("/proof/at", "lies in the future")
        if now > decision.expires_at:
            raise DecisionExpired(expired_at=decision.expires_at.isoformat())
        if differs := _differences(decision, chosen):
            raise OrderDiffers(differs=differs)
        if not found.chosen.show:
            raise MethodNotOffered(method=chosen.method)
        objected = "profiling" in record["facts"]["missing"] or _objects(session, decision)
        return Case(decision, found, version, objected, told)

    def _heard(self, session: Session, question: Question, case: Case, now: datetime) -> Heard | Reserved | None:
        """What is known, a call to make, or None while another choice of this decision makes it."""
        request = bureau_records.find(session, case.decision.id)
        if request is not None:
            before = records.heard_before(session, case.decision, _public(request.id))
            if before is not None:
                return before
            if now <= request.deadline_at + GRACE:
                return None
            return Heard("timeout", None, request.bureau, request.bureau_version, _public(request.id), detail="lost")
        country = case.told.person.country if case.told else ""
        bureau = self._book.choose(session, live=case.decision.live, country=country)
        if bureau is None:
            return Heard("error", detail="no bureau is connected")
        return self._own(session, question, case, bureau, now)

    def _own(
        self, session: Session, question: Question, case: Case, bureau: ChosenBureau, now: datetime
    ) -> Heard | Reserved | None:
        """An answer on record, or the call reserved, or why it is not made."""
        name, version = bureau.configured.name, bureau.configured.version
        memory = _memory(self._checkout.keys(question.who.merchant_id).index, case)
        if case.objected:
            return Heard("no_consent", None, name, version, detail="the buyer objects to being assessed")
        if memory and (kept := bureau_records.find_answer(session, name, memory, now)) is not None:
            return Heard(kept.outcome, kept.score, name, version, _public(kept.id), reused=True)
        if not suffices(question.chosen.proof, bureau.terms.proof):
            return Heard("no_consent", None, name, version)
        person = case.told.person if case.told else Person()
        if absent := lacking(person, bureau.terms.required - ({"birth_date"} if question.chosen.birth_date else set())):
            return Heard("no_hit", None, name, version, detail=f"not told: {', '.join(absent)}")
        room = partial(self._has_room, question)
        found = bureau_records.reserve(session, _wanted(question, case, bureau), now, room)
        if isinstance(found, UUID):
            return Reserved(case, found, bureau, memory)
        return None if found == "taken" else _not_asked(found, name, version)

    def _has_room(self, question: Question) -> bool:
        return not self._caller.full and question.place.take()

    def _record(self, session: Session, question: Question, case: Case, heard: Heard | None, now: datetime) -> bytes:
        """Write the answer down, unless another was faster: then that is the answer."""
        if question.attempt and (before := idempotency.begin(session, question.attempt, now)) is not None:
            return before.body
        told = records.Told(case.policy_version, question.chosen.proof, case.told.key if case.told else None)
        verdict = settle(case.situation, heard)
        selected = records.write(session, records.New(case.decision, case.situation, heard, verdict, told), now)
        body = _body(question, selected, case.told)
        if question.attempt:
            idempotency.finish(session, question.attempt, 201, body)
        return body

    def _keep(self, session: Session, reserved: Reserved, answer: Answer, now: datetime) -> None:
        """Keep the answer for the buyer, unless he was erased meanwhile."""
        memory = reserved.memory
        if memory and buyers.find_key(session, self._services.keyring, memory.buyer_id, hold=True) == memory.data_key:
            name = reserved.bureau.configured.name
            bureau_records.keep(session, reserved.request_id, name, answer, memory, now)

    def _buyer(self, session: Session, decision: Any) -> ToldBefore | None:
        return told_before(session, self._services.keyring, decision)


def _body(question: Question, selected: Selected, told: ToldBefore | None) -> bytes:
    """What the caller is told, in the buyer's language, else the shop's."""
    return records.body(selected, language_of(told.language if told else "", question.side.facts.language))


def _decision(session: Session, question: Question) -> Any:
    """The decision of this shop. Raises DecisionUnknown."""
    mine = (
        Decision.merchant_id == question.who.merchant_id,
        Decision.id == question.decision_id,
        Decision.shop_id == question.who.shop_id,
    )
    found = session.scalar(select(Decision).where(*mine))
    if found is None:
        raise DecisionUnknown
    return found


def _differences(decision: Any, chosen: Chosen) -> list[str]:
    found = {
        "total_minor": decision.total_minor != chosen.total_minor,
        "currency": decision.currency != chosen.currency,
    }
    return [name for name, differs in found.items() if differs]


def _inquiry(question: Question, reserved: Reserved) -> Inquiry:
    chosen, told = question.chosen, reserved.case.told
    if told is None or chosen.proof is None:
        raise RuntimeError("a call was reserved about nobody, or without a proof")
    birth_date = chosen.birth_date.isoformat() if chosen.birth_date else ""
    person = replace(told.person, birth_date=birth_date)
    return Inquiry(_public(reserved.request_id), person, chosen.proof, chosen.total_minor, chosen.currency)


def _wanted(question: Question, case: Case, bureau: ChosenBureau) -> Wanted:
    policy = case.situation.bureau
    if policy is None:
        raise RuntimeError("a call is reserved under a policy that wants none")
    return Wanted(
        decision_id=case.decision.id,
        shop_id=case.decision.shop_id,
        buyer_id=case.decision.buyer_id,
        bureau=bureau.configured.name,
        bureau_version=bureau.configured.version,
        deadline_ms=policy.deadline_ms,
        cost_minor=policy.cost_minor,
        currency=question.side.facts.currency,
        budget_minor=policy.budget_minor_per_month,
    )


def _memory(index_key: bytes, case: Case) -> Memory | None:
    """Where this buyer's answers are kept; nothing is kept of somebody nobody can name, nor where the policy says so."""
    policy, told = case.situation.bureau, case.told
    if policy is None or told is None or not policy.cache_days:
        return None
    person = _person(index_key, told, live=case.decision.live)
    return None if person is None else Memory(case.decision.buyer_id, told.key, person, policy.cache_days)


def _not_asked(reason: str, bureau: str, version: int) -> Heard:
    """Why no call was reserved; for want of room it costs nothing and speaks against no bureau."""
    if reason == "no_room":
        return Heard("error", None, bureau, version, detail="too many calls under way")
    return Heard(reason, None, bureau, version)


def _person(index_key: bytes, told: ToldBefore, *, live: bool) -> bytes | None:
    return person_index(index_key, told.person, home_index(index_key, told.person, live=live), live=live)


def _objects(session: Session, decision: Any) -> bool:
    """Whether he objects now: he may have said so since the menu was decided."""
    mine = Buyer.merchant_id == decision.merchant_id, Buyer.id == decision.buyer_id
    return session.scalar(select(Buyer.objected_at).where(*mine)) is not None


def _lot(index_key: bytes, decision: Any, told: ToldBefore | None) -> int:
    """Of whom a bureau would be asked about: another mailbox or another cart makes no other person of him."""
    person = _person(index_key, told, live=decision.live) if told else None
    return draw(person or (decision.buyer_id or decision.id).bytes, decision.created_at)


def _heard_now(reserved: Reserved, answer: Answer) -> Heard:
    configured = reserved.bureau.configured
    request = _public(reserved.request_id)
    return Heard(answer.outcome, answer.score, configured.name, configured.version, request, detail=answer.detail)


def _left_s(question: Question, case: Case) -> float:
    """What is left of the policy's deadline."""
    whole_s = case.situation.bureau.deadline_ms / 1000 if case.situation.bureau else LEAST_S
    return max(LEAST_S, whole_s - (time.monotonic() - question.began))


def _public(request_id: UUID) -> str:
    return to_public("brq", request_id)
