"""What is told after a claim was worked on: to the packages above, and to the merchant's endpoints."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from gateway.core import events
from gateway.core.crypto import Keyring
from gateway.core.ids import new_id, to_public
from gateway.merchants import callbacks
from gateway.merchants.callbacks import Happening
from gateway.receivables.case import Case
from gateway.receivables.changes import Object
from gateway.receivables.events import (
    ClaimChanged,
    ClaimOpened,
    ClaimReopened,
    ClaimRevived,
    ClaimSettled,
    ClaimWrittenOff,
    ObjectionRaised,
    PaymentReversed,
)
from gateway.receivables.lifecycle import ClaimAct
from gateway.receivables.models import Claim

_OF_ACT = {
    ClaimAct.SETTLE: ClaimSettled,
    ClaimAct.REOPEN: ClaimReopened,
    ClaimAct.WRITE_OFF: ClaimWrittenOff,
    ClaimAct.REVIVE: ClaimRevived,
}


def fact(claim: Claim) -> dict[str, Any]:
    return {"claim_id": claim.id, "shop_id": claim.shop_id, "buyer_id": claim.buyer_id, "live": claim.live}


def tell(session: Session, keyring: Keyring, cases: Iterable[Case]) -> None:
    """Publish and announce what happened to these claims; nothing about those to which nothing did."""
    wanted = callbacks.wanted(session)
    for case in cases:
        if case.told:
            _publish(session, case)
            _announce(session, keyring, case, wanted)


def _announce(session: Session, keyring: Keyring, case: Case, wanted: frozenset[str]) -> None:
    """One message for a change, another when it settled: ids, state and amounts, never who owes."""
    events_told = [event for event, _, _ in case.told]
    settled = [callbacks.CLAIM_SETTLED] if ClaimAct.SETTLE in case.acts else []
    opened = [callbacks.CLAIM_OPENED] if "opened" in events_told else [callbacks.CLAIM_CHANGED]
    for type_ in (*opened, *settled):
        if type_ in wanted:
            data = _data(case.claim) | {"events": events_told}
            happening = Happening(type_, new_id(), case.now, case.claim.live, data)
            callbacks.announce(session, keyring, happening, case.now)


def _data(claim: Claim) -> dict[str, Any]:
    amounts = ("principal_minor", "costs_minor", "interest_minor", "credit_minor")
    return {
        "claim_id": to_public("clm", claim.id),
        "shop_id": to_public("shp", claim.shop_id),
        "order_id": to_public("ord", claim.order_id) if claim.order_id else None,
        "reference": claim.reference,
        "live": claim.live,
        "state": claim.state,
        "currency": claim.currency,
        **{name: getattr(claim, name) for name in amounts},
    }


def _publish(session: Session, case: Case) -> None:
    about = fact(case.claim)
    if case.told[0][0] == "opened":
        events.publish(session, ClaimOpened(**about))
        return
    events.publish(session, ClaimChanged(**about, told=tuple(event for event, _, _ in case.told)))
    for payment_id in case.paid_back:
        events.publish(session, PaymentReversed(**about, payment_id=payment_id))
    for act in case.acts:
        if act in _OF_ACT:
            events.publish(session, _OF_ACT[act](**about))
    for event, _, facts in case.told:
        if event == Object.told:
            events.publish(session, ObjectionRaised(**about, objection_id=UUID(facts["objection_id"])))
