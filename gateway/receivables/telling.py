"""What is published after a claim was worked on."""

from typing import Any

from sqlalchemy.orm import Session

from gateway.core import events
from gateway.receivables.case import Case
from gateway.receivables.events import (
    ClaimChanged,
    ClaimReopened,
    ClaimRevived,
    ClaimSettled,
    ClaimWrittenOff,
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


def publish(session: Session, case: Case) -> None:
    """Tell whoever listens what happened to the claim; nothing when nothing did."""
    if not case.told:
        return
    about = fact(case.claim)
    events.publish(session, ClaimChanged(**about, told=tuple(event for event, _, _ in case.told)))
    for payment_id in case.paid_back:
        events.publish(session, PaymentReversed(**about, payment_id=payment_id))
    for act in case.acts:
        if act in _OF_ACT:
            events.publish(session, _OF_ACT[act](**about))
