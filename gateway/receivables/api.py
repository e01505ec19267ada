"""`/v1/claims`: what debtors owe, what was paid, and what a shop may do about it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid5

import orjson
from flask import Response, request
from sqlalchemy.orm import Session

from gateway.core import clock
from gateway.core.http import Blueprint, services
from gateway.core.ids import from_public
from gateway.merchants import repeats
from gateway.merchants.auth import Principal
from gateway.merchants.guards import current
from gateway.receivables import claims, days, debtors, listing, refusals
from gateway.receivables.changes import (
    Change,
    ChangeContact,
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
from gateway.receivables.claims import Opening, Payment
from gateway.receivables.keys import Keys
from gateway.receivables.listing import ClaimsPage
from gateway.receivables.models import Claim
from gateway.receivables.schemas import (
    AsOfSchema,
    ClaimCreditTellSchema,
    ClaimHoldLiftSchema,
    ClaimHoldTellSchema,
    ClaimOpenSchema,
    ClaimPatchSchema,
    ClaimPaymentTellSchema,
    ClaimReasonSchema,
    ClaimRefundTellSchema,
    ClaimSchema,
    ClaimsListSchema,
    ClaimsPageSchema,
    ClaimTimelineQuerySchema,
    ClaimTimelineSchema,
)
from gateway.shops import shops
from gateway.shops.buyers import BuyerUnknown

blueprint = Blueprint(
    "claims", __name__, url_prefix="/v1/claims", description="What debtors owe: statements, payments, holds, credits."
)
CLAIM = ClaimSchema()
UNKNOWN = "`claim-unknown`: this shop has no such claim"


@dataclass(frozen=True, slots=True)
class Counter:
    """The calling shop's claims, in one transaction."""

    session: Session
    keys: Keys
    principal: Principal
    now: datetime

    def claim(self, public: str) -> Claim:
        """Raises ClaimUnknown."""
        return listing.in_shop(self.session, public, self.principal.shop_id)

    def today(self, claim: Claim) -> date:
        return days.today(claim.country, self.now)

    def read(self, claim_id: UUID, as_of: date) -> dict[str, Any]:
        return listing.read(self.session, claim_id, as_of)


@contextmanager
def counter() -> Iterator[Counter]:
    principal, opened = current(), services()
    with opened.db.transaction(principal.merchant_id) as session:
        yield Counter(session, Keys(opened.keyring), principal, clock.now())


def changed(claim_id: str, scope: str, make: Callable[[Counter, Claim], Change | list[Change]]) -> Response:
    """Carry out what is made, once per Idempotency-Key; the answer is the claim as it is then."""
    with counter() as desk:
        claim = desk.claim(claim_id)

        def act() -> bytes:
            made = make(desk, claim)
            made = made if isinstance(made, list) else [made]
            claims.apply_many(desk.session, desk.keys, [(claim.id, made)], desk.now)
            return shown(desk, claim)

        return repeats.once(desk.session, f"claims/{claim_id}/{scope}", request.get_data(), 200, act)


def shown(desk: Counter, claim: Claim) -> bytes:
    return orjson.dumps(CLAIM.dump(desk.read(claim.id, desk.today(claim))))


@blueprint.get("")
@blueprint.arguments(ClaimsPageSchema(), location="query")
@blueprint.response(200, ClaimsListSchema())
def list_of_claims(page: dict[str, Any]) -> dict[str, Any]:
    """List claims of the shop, the newest first.

    Summaries without personal data; `next_cursor` leads to the next page.
    """
    with counter() as desk:
        return listing.list_claims(desk.session, ClaimsPage(shop_id=desk.principal.shop_id, **page), desk.now)


@blueprint.post("")
@blueprint.arguments(ClaimOpenSchema())
@blueprint.response(201, CLAIM)
@blueprint.alt_response(404, description="`buyer-unknown`: there is no such buyer")
@blueprint.alt_response(409, description="`buyer-erased`: this buyer was erased")
def open_claim(told: dict[str, Any]) -> Response:
    """Open a claim that did not arise from an order told here.

    The same `reference` again is the same claim and changes nothing. Takes an `Idempotency-Key`.
    """
    with counter() as desk:

        def act() -> bytes:
            claim = claims.get(desk.session, claims.open(desk.session, desk.keys, _opening(desk, told), desk.now))
            return shown(desk, claim)

        return repeats.once(desk.session, "claims", request.get_data(), 201, act)


def _opening(desk: Counter, told: dict[str, Any]) -> Opening:
    buyer_id = from_public("buy", told.pop("buyer_id"))
    if buyer_id is None:
        raise BuyerUnknown
    shop, reference = shops.get(desk.session, desk.principal.shop_id), told.pop("reference")
    told["invoice_number"] = told.get("invoice_number") or reference
    return Opening(
        shop_id=shop.id,
        buyer_id=buyer_id,
        live=shop.live,
        kind="other",
        source_id=uuid5(shop.id, reference),
        actor=desk.principal.actor,
        **told,
    )


@blueprint.get("/<claim_id>")
@blueprint.arguments(AsOfSchema(), location="query")
@blueprint.response(200, CLAIM)
@blueprint.alt_response(404, description=UNKNOWN)
def one_claim(query: dict[str, Any], claim_id: str) -> dict[str, Any]:
    """Read a claim with its statement as of a day, its holds and payments.

    `as_of` may lie in the past or in the future: interest then runs through that day as far as its rate is known.
    """
    with counter() as desk:
        claim = desk.claim(claim_id)
        return desk.read(claim.id, query.get("as_of") or desk.today(claim))


@blueprint.get("/<claim_id>/timeline")
@blueprint.arguments(ClaimTimelineQuerySchema(), location="query")
@blueprint.response(200, ClaimTimelineSchema())
@blueprint.alt_response(404, description=UNKNOWN)
def timeline(query: dict[str, Any], claim_id: str) -> dict[str, Any]:
    """Read what happened to a claim, in order."""
    with counter() as desk:
        return listing.timeline(desk.session, desk.keys, desk.claim(claim_id), query["after"], query["limit"])


@blueprint.patch("/<claim_id>")
@blueprint.arguments(ClaimPatchSchema())
@blueprint.response(200, CLAIM)
@blueprint.alt_response(404, description=UNKNOWN)
@blueprint.alt_response(409, description="`claim-closed`, `buyer-erased`")
def change_claim(told: dict[str, Any], claim_id: str) -> dict[str, Any]:
    """Change the due date or the debtor's address.

    A later due date undoes a default that began before it, with the fees and interest built on it.
    """
    with counter() as desk:
        claim, actor = desk.claim(claim_id), desk.principal.actor
        made: list[Change] = []
        if "due_date" in told:
            made.append(ChangeDueDate(told["due_date"], told.get("reason", ""), actor=actor))
        if "contact" in told:
            made.append(ChangeContact(told["contact"], actor=actor))
        claims.apply_many(desk.session, desk.keys, [(claim.id, made)], desk.now)
        return desk.read(claim.id, desk.today(claim))


@blueprint.post("/<claim_id>/payments")
@blueprint.arguments(ClaimPaymentTellSchema())
@blueprint.response(200, CLAIM)
@blueprint.alt_response(404, description=UNKNOWN)
@blueprint.alt_response(409, description="`buyer-erased`")
def tell_payment(told: dict[str, Any], claim_id: str) -> Response:
    """Tell a payment on its value date.

    One `external_id` counts once. What was paid before a letter takes back the interest and fees that followed it. What
    exceeds the debt pays the debtor's other claims that are due, then is his credit. Another currency is refused (`currency-mismatch`). Takes an
    `Idempotency-Key`.
    """
    with counter() as desk:
        claim = desk.claim(claim_id)

        def act() -> bytes:
            payment = Payment(claim.id, "api", actor=desk.principal.actor, **told)
            debtors.receive_for_claim(desk.session, desk.keys, payment, desk.now)
            return shown(desk, claim)

        return repeats.once(desk.session, f"claims/{claim_id}/payments", request.get_data(), 200, act)


@blueprint.post("/<claim_id>/payments/<payment_id>/reverse")
@blueprint.arguments(ClaimReasonSchema())
@blueprint.response(200, CLAIM)
@blueprint.alt_response(404, description="`claim-unknown`, `payment-unknown`")
@blueprint.alt_response(409, description="`buyer-erased`")
def reverse_payment(told: dict[str, Any], claim_id: str, payment_id: str) -> Response:
    """Take back a payment that was not one: returned, charged back, somebody else's.

    What of it had paid other claims of the debtor is taken back there. Takes an `Idempotency-Key`.
    """
    found = from_public("cpm", payment_id)
    if found is None:
        raise refusals.PaymentUnknown

    with counter() as desk:
        claim, actor = desk.claim(claim_id), desk.principal.actor

        def act() -> bytes:
            reversing, note = ReversePayment(found, actor, actor=actor), Note(told["reason"], actor=actor)
            debtors.take_back(desk.session, desk.keys, claim.id, (reversing, note), desk.now)
            return shown(desk, claim)

        return repeats.once(
            desk.session, f"claims/{claim_id}/payments/{payment_id}/reverse", request.get_data(), 200, act
        )


@blueprint.post("/<claim_id>/holds")
@blueprint.arguments(ClaimHoldTellSchema())
@blueprint.response(200, CLAIM)
@blueprint.alt_response(404, description=UNKNOWN)
@blueprint.alt_response(409, description="`claim-closed`, `buyer-erased`")
def set_hold(told: dict[str, Any], claim_id: str) -> Response:
    """Hold a claim: nothing is escalated meanwhile.

    Insolvency, death and guardianship have no end and stop everything. Takes an `Idempotency-Key`.
    """

    def make(desk: Counter, claim: Claim) -> Change:
        first = told.get("from_on") or desk.today(claim)
        rest = told.get("until_on"), told.get("amount_minor")
        return SetHold(told["reason"], first, *rest, actor=desk.principal.actor)

    return changed(claim_id, "holds", make)


@blueprint.post("/<claim_id>/holds/<hold_id>/lift")
@blueprint.arguments(ClaimHoldLiftSchema())
@blueprint.response(200, CLAIM)
@blueprint.alt_response(404, description="`claim-unknown`, `hold-unknown`")
@blueprint.alt_response(409, description="`buyer-erased`")
def lift_hold(told: dict[str, Any], claim_id: str, hold_id: str) -> Response:
    """End a hold. Takes an `Idempotency-Key`."""
    found = from_public("hld", hold_id)
    if found is None:
        raise refusals.HoldUnknown
    return changed(
        claim_id,
        f"holds/{hold_id}/lift",
        lambda desk, _: LiftHold(found, told["outcome"], actor=desk.principal.actor),
    )


@blueprint.post("/<claim_id>/credits")
@blueprint.arguments(ClaimCreditTellSchema())
@blueprint.response(200, CLAIM)
@blueprint.alt_response(404, description=UNKNOWN)
@blueprint.alt_response(409, description="`credit-too-high`, `already-booked`, `buyer-erased`")
def give_credit(told: dict[str, Any], claim_id: str) -> Response:
    """Credit part of a claim, or all of it.

    `from_start`: it was never owed (returned goods, a defect); interest is counted anew and fees that lost their
    ground are taken back. Otherwise it lowers what is owed from `value_date` on. Takes an `Idempotency-Key`.
    """

    def make(desk: Counter, _: Claim) -> Change:
        cause = f"credit:{told['external_id']}"
        facts = told["amount_minor"], told["value_date"], told["from_start"], cause, told.get("reason", "")
        return Credit(*facts, actor=desk.principal.actor)

    return changed(claim_id, "credits", make)


@blueprint.post("/<claim_id>/refunds")
@blueprint.arguments(ClaimRefundTellSchema())
@blueprint.response(200, CLAIM)
@blueprint.alt_response(404, description=UNKNOWN)
@blueprint.alt_response(409, description="`refund-too-high`, `already-booked`, `buyer-erased`")
def tell_refund(told: dict[str, Any], claim_id: str) -> Response:
    """Tell that the debtor's credit was paid back to him, or part of it.

    We move no money: it is noted that you did. Takes an `Idempotency-Key`.
    """

    def make(desk: Counter, _: Claim) -> Change:
        cause = f"refund:{told['external_id']}"
        return Refund(told["amount_minor"], told["paid_on"], cause, actor=desk.principal.actor)

    return changed(claim_id, "refunds", make)


@blueprint.post("/<claim_id>/write-off")
@blueprint.arguments(ClaimReasonSchema())
@blueprint.response(200, CLAIM)
@blueprint.alt_response(404, description=UNKNOWN)
@blueprint.alt_response(409, description="`claim-closed`, `buyer-erased`")
def write_off(told: dict[str, Any], claim_id: str) -> Response:
    """Write off what is owed. The debtor still owes it; money that comes is taken. Takes an `Idempotency-Key`."""
    return changed(claim_id, "write-off", lambda desk, _: WriteOff(told["reason"], actor=desk.principal.actor))


@blueprint.post("/<claim_id>/write-off/reverse")
@blueprint.arguments(ClaimReasonSchema())
@blueprint.response(200, CLAIM)
@blueprint.alt_response(404, description=UNKNOWN)
@blueprint.alt_response(409, description="`refused`: it is not written off; `buyer-erased`")
def reverse_write_off(told: dict[str, Any], claim_id: str) -> Response:
    """Reverse a write-off: what is still owed is owed again. Takes an `Idempotency-Key`."""
    return changed(
        claim_id, "write-off/reverse", lambda desk, _: ReverseWriteOff(told["reason"], actor=desk.principal.actor)
    )
