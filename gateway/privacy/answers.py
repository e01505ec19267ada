"""Carrying out what buyers ask for: correction, objection, erasure; each with its log entry and letter."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from gateway.checkout import explanations
from gateway.core.db import merchant_of
from gateway.core.errors import Invalid
from gateway.core.services import Services
from gateway.merchants import audit
from gateway.merchants.audit import Act
from gateway.privacy import contact, corrections, rights, rights_mail
from gateway.privacy.contact import Contact
from gateway.privacy.corrections import Correction
from gateway.privacy.rights import Answer, Kind, RightsRequest
from gateway.privacy.rights_mail import Letter
from gateway.risk import velocity
from gateway.shops import buyers, erasure
from gateway.shops.buyers import BuyerErased, BuyerUnknown
from gateway.shops.erasure import ErasureRefused, Objects
from gateway.shops.models import Buyer


@dataclass(frozen=True, slots=True)
class Clerk:
    """Who answers, in which transaction, with which services; `objects` may refuse an erasure."""

    session: Session
    services: Services
    actor: str
    now: datetime
    objects: Sequence[Objects] = field(default=())

    def end(self, row: RightsRequest, outcome: str, text: str, reached: Contact, url: str = "") -> RightsRequest:
        """Answer a request and write to the buyer."""
        keyring = self.services.keyring
        answered = rights.answer(self.session, keyring, row.id, Answer(outcome, text, self.actor), self.now)
        rights_mail.tell_answer(self.session, keyring, answered, reached, Letter("answer", text, url), self.now)
        return answered

    def reach(self, row: RightsRequest) -> Contact:
        if row.buyer_id is None:
            return Contact("", "")
        return contact.find(self.session, self.services.keyring, row.buyer_id)


def refuse(clerk: Clerk, request_id: UUID, text: str) -> RightsRequest:
    """Not done, with the reason (Art. 12 (4) GDPR). Raises RequestUnknown, Refused, Invalid."""
    row = rights.locked(clerk.session, request_id)
    return clerk.end(row, "refused", text, clerk.reach(row))


def correct(clerk: Clerk, request_id: UUID, text: str, changes: Mapping[str, str] | None = None) -> RightsRequest:
    """Do what the buyer proposed, or these changes. Raises Invalid, RequestUnknown, BuyerErased."""
    row = _of_kind(clerk, request_id, Kind.CORRECTION)
    said = rights.opened(clerk.session, clerk.services.keyring, row).words
    told = _told(clerk, row)
    correction = Correction(changes or said.get("changes", {}), told)
    corrections.apply(clerk.session, clerk.services.keyring, _buyer_of(row), correction, clerk.actor, clerk.now)
    return clerk.end(row, "corrected", text, clerk.reach(row))


def note_objection(clerk: Clerk, request_id: UUID, text: str) -> RightsRequest:
    """From the next checkout on he is not assessed (Art. 21 (1) GDPR). Raises BuyerErased."""
    row = _of_kind(clerk, request_id, Kind.OBJECTION)
    set_objection(clerk, _buyer_of(row), objects=True)
    return clerk.end(row, "noted", text, clerk.reach(row))


def end_objection(clerk: Clerk, request_id: UUID, text: str) -> RightsRequest:
    """He takes it back."""
    row = _of_kind(clerk, request_id, Kind.OBJECTION)
    set_objection(clerk, _buyer_of(row), objects=False)
    return clerk.end(row, "ended", text, clerk.reach(row))


def set_objection(clerk: Clerk, buyer_id: UUID, *, objects: bool) -> None:
    """Store or end an objection. Raises BuyerUnknown, BuyerErased."""
    buyer = clerk.session.get(
        Buyer, (merchant_of(clerk.session), buyer_id), with_for_update=True, populate_existing=True
    )
    if buyer is None:
        raise BuyerUnknown
    if buyer.wrapped_key is None:
        raise BuyerErased("this buyer was erased")
    buyer.objected_at = (buyer.objected_at or clerk.now) if objects else None
    clerk.session.flush()
    action = "buyer.objected" if objects else "buyer.objection-ended"
    audit.record(clerk.session, clerk.services.keyring, Act(clerk.actor, action, "buyer", buyer_id), clerk.now)


def erase(clerk: Clerk, request_id: UUID, text: str) -> RightsRequest:
    """Erase the buyer of a request; he is written once more. Raises ErasureRefused with the date and every reason."""
    row = _of_kind(clerk, request_id, Kind.ERASURE)
    buyer_id, reached = _buyer_of(row), clerk.reach(row)
    answered = clerk.end(row, "erased", text, reached)
    erase_buyer(clerk, buyer_id)
    return answered


def erase_buyer(clerk: Clerk, buyer_id: UUID) -> bool:
    """Destroy key and indexes, end his other requests, forget his counters; False when the cache could not forget.

    Raises BuyerUnknown, ErasureRefused.
    """
    session = clerk.session
    digests = buyers.digests_of(session, buyer_id)
    erasure.erase(session, buyer_id, clerk.now, clerk.objects)
    rights.withdraw_all(session, clerk.services.keyring, buyer_id, clerk.actor, clerk.now)
    audit.record(session, clerk.services.keyring, Act(clerk.actor, "buyer.erased", "buyer", buyer_id), clerk.now)
    return velocity.forget(clerk.services.cache, merchant_of(session), digests)


def why_kept(clerk: Clerk, buyer_id: UUID) -> ErasureRefused | None:
    """What an erasure would be refused with now."""
    said = erasure.objections(clerk.session, buyer_id, clerk.now, clerk.objects)
    if not said:
        return None
    until = erasure.last_day(said)
    return ErasureRefused(until=until, reasons=[one.reason for one in said])


def _of_kind(clerk: Clerk, request_id: UUID, kind: Kind) -> RightsRequest:
    row = rights.locked(clerk.session, request_id)
    if row.kind != kind:
        raise Invalid.at("/outcome", f"is for requests of kind {kind}")
    rights.LIFECYCLE.after(rights.State(row.state), "answer")
    return row


def _buyer_of(row: RightsRequest) -> UUID:
    if row.buyer_id is None:
        raise BuyerUnknown
    return row.buyer_id


def _told(clerk: Clerk, row: RightsRequest) -> dict[str, Any]:
    """What a correction corrects: what the decision told, or what was told last."""
    if row.decision_id is None:
        return contact.newest(clerk.session, clerk.services.keyring, _buyer_of(row))
    return explanations.get(clerk.session, clerk.services.keyring, row.decision_id).told or {}
