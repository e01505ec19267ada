"""Claims at the desk: who owes what, one claim with statement, ledger and history, and what a person may do about it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from wtforms.fields.choices import SelectChoice

from gateway.admin import claim_words, desk
from gateway.admin.claim_forms import (
    CreditForm,
    DueDateForm,
    HoldForm,
    MoneyInForm,
    NoteForm,
    RefundForm,
    WhyForm,
    minor_of,
)
from gateway.core import clock
from gateway.core.errors import GatewayError, Invalid
from gateway.core.http import services
from gateway.core.ids import new_id, to_public
from gateway.core.pages import day, language, money, say
from gateway.law import store
from gateway.merchants import audit
from gateway.merchants.audit import Act
from gateway.receivables import claims, days, debtors, ledger, listing
from gateway.receivables.changes import (
    Change,
    ChangeDueDate,
    Credit,
    LiftHold,
    Note,
    Refund,
    ReversePayment,
    ReverseWriteOff,
    SetHold,
    WriteOff,
)
from gateway.receivables.claims import Payment
from gateway.receivables.keys import Keys
from gateway.receivables.lifecycle import ClaimState, HoldReason
from gateway.receivables.listing import ClaimsPage
from gateway.receivables.models import Claim
from gateway.receivables.statement import statement
from gateway.shops import shops

PAGE = 40
EVENTS = 200
FORMS: Mapping[str, type[Any]] = {
    "pay": MoneyInForm,
    "hold": HoldForm,
    "credit": CreditForm,
    "refund": RefundForm,
    "due_date": DueDateForm,
    "note": NoteForm,
    "write_off": WhyForm,
}


def index() -> ResponseReturnValue:
    """The newest claims; `?late=1` those whose due date has passed."""
    state = request.args.get("state", "")
    with desk.transaction() as session:
        known = shops.list_shops(session)
        asked = next((one.id for one in known if to_public("shp", one.id) == request.args.get("shop")), None)
        page = ClaimsPage(
            cursor=request.args.get("before", ""),
            limit=PAGE,
            state=state if state in set(ClaimState) else "",
            shop_id=asked,
            overdue=True if request.args.get("late") else None,
        )
        found = listing.list_claims(session, page, clock.now())
    return render_template(
        "admin/claims.html",
        claims=found["claims"],
        shops=known,
        states=list(ClaimState),
        words=label,
        today=days.today("DE", clock.now()),
        next_url=desk.next_url(found["next_cursor"]),
    )


def show(claim_id: str) -> ResponseReturnValue:
    return _page(desk.id_of("clm", claim_id))


def label(kind: str, code: str) -> str:
    """A code of claims in words; an unknown one as it is."""
    table: Mapping[str, tuple[str, str]] = getattr(claim_words, kind)
    german, english = table.get(code, (code, code))
    return german if language() == "de" else english


@dataclass(frozen=True, slots=True)
class Counter:
    """A person at the desk with one claim in hand."""

    session: Session
    keys: Keys
    claim: Claim
    actor: str
    now: datetime

    @property
    def today(self) -> date:
        return days.today(self.claim.country, self.now)

    def apply(self, *made: Change) -> None:
        claims.apply_many(self.session, self.keys, [(self.claim.id, made)], self.now)


def _pay(at: Counter, form: Any) -> None:
    amount_minor = minor_of(form.amount.data, at.claim.currency)
    once = f"{form.once_id}:{amount_minor}:{form.paid_on.data}"  # sent again it is one payment, changed another
    told = (at.claim.id, "desk", once, form.paid_on.data, amount_minor, at.claim.currency)
    debtors.receive_for_claim(at.session, at.keys, Payment(*told, form.purpose.data or "", at.actor), at.now)


def _hold(at: Counter, form: Any) -> None:
    at.apply(SetHold(form.reason.data, at.today, form.until_on.data, cause=str(new_id()), actor=at.actor))


def _credit(at: Counter, form: Any) -> None:
    amount_minor = minor_of(form.amount.data, at.claim.currency)
    facts = amount_minor, at.today, bool(form.from_start.data), f"credit:{form.once_id}", form.reason.data
    at.apply(Credit(*facts, actor=at.actor))


def _refund(at: Counter, form: Any) -> None:
    amount_minor = minor_of(form.amount.data, at.claim.currency)
    at.apply(Refund(amount_minor, form.paid_on.data, f"refund:{new_id()}", actor=at.actor))


def _due_date(at: Counter, form: Any) -> None:
    at.apply(ChangeDueDate(form.due_date.data, form.reason.data, actor=at.actor))


def _note(at: Counter, form: Any) -> None:
    at.apply(Note(form.text.data, actor=at.actor))


def _write_off(at: Counter, form: Any) -> None:
    at.apply(WriteOff(form.reason.data, actor=at.actor))


_ACTS: Mapping[str, Callable[[Counter, Any], None]] = {
    "pay": _pay,
    "hold": _hold,
    "credit": _credit,
    "refund": _refund,
    "due_date": _due_date,
    "note": _note,
}


def act(claim_id: str) -> ResponseReturnValue:
    """What a clerk may do."""
    return _carry_out(claim_id, _ACTS)


def write_off(claim_id: str) -> ResponseReturnValue:
    """Giving up is for admins."""
    return _carry_out(claim_id, {"write_off": _write_off})


def revive(claim_id: str) -> ResponseReturnValue:
    return _at_once(claim_id, "write_off_reversed", lambda at: at.apply(ReverseWriteOff("desk", actor=at.actor)))


def lift(claim_id: str, hold_id: str) -> ResponseReturnValue:
    id_ = desk.id_of("hld", hold_id)
    return _at_once(claim_id, "hold_lifted", lambda at: at.apply(LiftHold(id_, "lifted", actor=at.actor)))


def reverse_payment(claim_id: str, payment_id: str) -> ResponseReturnValue:
    id_ = desk.id_of("cpm", payment_id)

    def work(at: Counter) -> None:
        reversing = (ReversePayment(id_, at.actor, actor=at.actor),)
        debtors.take_back(at.session, at.keys, at.claim.id, reversing, at.now)

    return _at_once(claim_id, "payment_reversed", work)


def _carry_out(claim_id: str, acts: Mapping[str, Callable[[Counter, Any], None]]) -> ResponseReturnValue:
    name, id_ = request.form.get("act", ""), desk.id_of("clm", claim_id)
    if name not in acts:
        return _page(id_), 422
    form = _form(name)
    if not form.validate():
        return _page(id_, (name, form)), 422
    try:
        _do(id_, name, lambda at: acts[name](at, form))
    except Invalid as fault:
        desk.put_faults(form, fault, {"amount_minor": "amount"})
        return _page(id_, (name, form)), 422
    except GatewayError as error:
        return _page(id_, (name, form), refused=error), error.status
    return redirect(url_for("admin.claim", claim_id=claim_id))


def _at_once(claim_id: str, name: str, work: Callable[[Counter], None]) -> ResponseReturnValue:
    id_ = desk.id_of("clm", claim_id)
    try:
        _do(id_, name, work)
    except GatewayError as error:
        return _page(id_, refused=error), error.status
    return redirect(url_for("admin.claim", claim_id=claim_id))


def _do(id_: UUID, name: str, work: Callable[[Counter], None]) -> None:
    with desk.transaction() as session:
        keys, who = Keys(services().keyring), desk.who().user.actor
        work(Counter(session, keys, claims.get(session, id_), who, clock.now()))
        audit.log(session, Act(who, f"claim.{name}", "claim", id_), clock.now())
    desk.done(say("Done. The claim was counted anew."))


def _form(name: str, **more: Any) -> Any:
    form = FORMS[name](prefix=f"{name}-", **more)
    if isinstance(form, HoldForm):
        form.reason.choices = [SelectChoice(one.value, label("HOLDS", one.value)) for one in HoldReason]
    return form


def _page(id_: UUID, told: tuple[str, Any] | None = None, refused: GatewayError | None = None) -> str:
    now = clock.now()
    with desk.transaction() as session:
        claim = claims.get(session, id_)
        today = days.today(claim.country, now)
        as_of = _day(request.args.get("as_of", "")) or today
        found = statement(session, id_, as_of, store.load(session))
        shown: dict[str, Any] = {
            "claim": claim,
            "statement": found,
            "owed": statement(session, id_, today, store.load(session)),
            "booked": ledger.load(session, [id_])[id_],
            "holds": listing.holds(session, id_),
            "payments": listing.payments(session, id_),
            "events": listing.timeline(session, Keys(services().keyring), claim, 0, EVENTS)["events"][::-1],
            "shop": shops.get(session, claim.shop_id),
        }
    forms = {name: _form(name, formdata=None) for name in FORMS}
    if told is not None:
        forms[told[0]] = told[1]
    for name in ("pay", "credit"):
        forms[name].once.data = forms[name].once.data or str(new_id())
    for name in ("pay", "refund"):
        forms[name].paid_on.data = forms[name].paid_on.data or today
    return render_template(
        "admin/claim.html", **shown, forms=forms, refused=refused, words=label, facts=_facts, as_of=as_of, today=today
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def _facts(event: Mapping[str, Any], currency: str) -> list[tuple[str, str]]:
    """(label, value) of what a person wants to read of an event."""
    return [
        (label("FACTS", name), _value(name, value, currency))
        for name, value in event["facts"].items()
        if name in claim_words.FACTS and value not in ("", None)
    ]


def _value(name: str, value: Any, currency: str) -> str:
    if name.endswith("_minor"):
        return money(value, currency)
    if found := _day(str(value)):
        return day(found)
    for kind in ("HOLDS", "GROUNDS", "OUTCOMES"):
        if value in getattr(claim_words, kind):
            return label(kind, value)
    return str(value)
