"""What a buyer does on his page, and how it is told: each act is one transaction and one sentence."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from flask import current_app
from sqlalchemy.orm import Session

from gateway.checkout import links
from gateway.checkout.explain_api import url_of
from gateway.checkout.links import Link
from gateway.core import clock
from gateway.core.clock import local_date
from gateway.core.db import merchant_of
from gateway.core.errors import GatewayError, Invalid, NotFound
from gateway.core.http import services
from gateway.core.limits import Limit
from gateway.core.pages import day, language, say
from gateway.merchants import secrets
from gateway.portal.visit import Visit
from gateway.privacy import answers, contact, corrections, rights, rights_mail
from gateway.privacy.answers import Clerk
from gateway.privacy.rights import Kind, NewRequest, RightsRequest
from gateway.shops.models import Buyer

ASKS = Limit("why-ask", most=12, window_s=86_400)
"""Requests per decision and day: each may write an e-mail."""


def person(visit: Visit, form: Any) -> str:
    """Art. 22 (3): a person looks at it."""
    with services().db.transaction(visit.link.merchant_id) as session:
        row = _ask(session, visit, Kind.REVIEW, {"text": form.text.data or ""})
        _tell(session, row)
        return say("A person will look at it. You get an answer by %(day)s.", day=_due(row, visit))


def correction(visit: Visit, form: Any) -> str:
    """Art. 16: what he says is right instead."""
    before = known_values(visit.known.told)
    told = {name: (form[name].data or "").strip() for name in before}
    changes = {name: value for name, value in told.items() if value != before[name]}
    if not changes:
        raise Invalid.at("/changes", "names nothing to correct")
    with services().db.transaction(visit.link.merchant_id) as session:
        words = {"text": form.text.data or "", "changes": corrections.checked(changes)}
        row = _ask(session, visit, Kind.CORRECTION, words)
        _tell(session, row)
        return say("Your correction is with the shop. You get an answer by %(day)s.", day=_due(row, visit))


def objection(visit: Visit, _form: Any) -> str:
    """Art. 21: at once."""
    with services().db.transaction(visit.link.merchant_id) as session:
        row = _ask(session, visit, Kind.OBJECTION, {})
        answers.note_objection(
            _clerk(session, visit), row.id, say("From the next order on you are not assessed any more.")
        )
    return say("Your objection counts from now on.")


def objection_end(visit: Visit, _form: Any) -> str:
    with services().db.transaction(visit.link.merchant_id) as session:
        row = _ask(session, visit, Kind.OBJECTION, {})
        answers.end_objection(_clerk(session, visit), row.id, say("From the next order on the shop checks as before."))
    return say("Your objection is taken back.")


def access(visit: Visit, _form: Any) -> str:
    """Art. 15: by a link to the mailbox that is known; without one the shop answers."""
    now = clock.now()
    with services().db.transaction(visit.link.merchant_id) as session:
        row = _ask(session, visit, Kind.ACCESS, {})
        clerk = _clerk(session, visit)
        reached = clerk.reach(row)
        if not reached.email:
            return say("The shop knows no e-mail address of you and will answer by %(day)s.", day=_due(row, visit))
        link = Link(links.COPY, visit.link.merchant_id, row.id, links.until(now, links.COPY_LASTS))
        url = url_of(services(), secrets.get_key(session, services().keyring, "index"), link)
        clerk.end(row, "sent", say("The link works for 7 days."), reached, url)
    return say("We have sent a link to the e-mail address of your order.")


def erasure(visit: Visit, _form: Any) -> str:
    """Art. 17: refused at once with the date while somebody has to keep him; else the shop confirms."""
    with services().db.transaction(visit.link.merchant_id) as session:
        row = _ask(session, visit, Kind.ERASURE, {})
        clerk = _clerk(session, visit)
        kept = answers.why_kept(clerk, _buyer(visit))
        if kept is not None:
            answers.refuse(clerk, row.id, kept_until(kept.facts))
            return kept_until(kept.facts)
        _tell(session, row)
        return say("The shop will erase your data by %(day)s and write to you.", day=_due(row, visit))


ACTS: Mapping[str, Callable[[Visit, Any], str]] = {
    "person": person,
    "correction": correction,
    "objection": objection,
    "objection-end": objection_end,
    "access": access,
    "erasure": erasure,
}


def known_values(told: dict[str, Any] | None) -> dict[str, str]:
    """What can be corrected, as it was told."""
    if told is None:
        return {}
    names = [name for name in corrections.FIELDS if not name.endswith(("line2", "country"))]
    return {name: _value(told, name) for name in names}


def _value(told: Mapping[str, Any], name: str) -> str:
    part, _, inner = name.partition("_")
    if part in ("billing", "delivery"):
        return str((told[part] or {}).get(inner) or "")
    return str(told["buyer"].get(name) or "")


def state_of(session: Session, visit: Visit) -> dict[str, Any]:
    """Since when he objects; None while he does not."""
    buyer = session.get(Buyer, (merchant_of(session), visit.buyer_id)) if visit.buyer_id else None
    return {"objects_since": buyer.objected_at if buyer else None}


def kept_until(facts: Mapping[str, Any]) -> str:
    reasons = "; ".join(say(reason) for reason in facts["reasons"])
    if facts["until"] is None:
        return say("Your data cannot be erased yet: %(reasons)s.", reasons=reasons)
    return say(
        "Your data cannot be erased before the end of %(day)s: %(reasons)s.", day=day(facts["until"]), reasons=reasons
    )


def mark(text: str) -> str:
    """Puts a sentence of a command into the catalogue; `say` finds it there when the command says it."""
    return text


REASONS = (mark("an order is not paid"), mark("the time to withdraw from an order is running"))
"""Why a buyer is kept, as `shops/erasure` says it."""


def last_day(due_at: datetime, timezone: str) -> date:
    """The last day for an answer: the deadline is its end."""
    return local_date(due_at - timedelta(seconds=1), timezone)


def kind_label(kind: str) -> str:
    return _words(_KINDS, kind)


def outcome_label(outcome: str | None) -> str:
    return _words(_OUTCOMES, outcome or "")


def sentence(error: GatewayError) -> str:
    """An error for the buyer."""
    if isinstance(error, Invalid):
        return say("Nothing was sent: please change at least one entry, and no entry to more than 300 letters.")
    german = _ERRORS.get(error.code, "")
    return german if german and language() == "de" else error.detail or error.title


def first_order() -> str:
    """Which postcode opens the page of somebody who has ordered."""
    return _words({"first": _FIRST_ORDER}, "first")


def _words(table: Mapping[str, tuple[str, str]], code: str) -> str:
    german, english = table.get(code, (code, code))
    return german if language() == "de" else english


def _ask(session: Session, visit: Visit, kind: Kind, words: Mapping[str, Any]) -> RightsRequest:
    ASKS.take(services().cache, visit.known.row.id.hex, clock.now().timestamp())
    row = visit.known.row
    new = NewRequest(
        kind=kind,
        shop_id=row.shop_id,
        buyer_id=_buyer(visit),
        live=row.live,
        asked_by="buyer",
        proof=visit.proof,
        decision_id=row.id,
        language=language(),
        words=words,
    )
    return rights.ask(session, services().keyring, new, clock.now())


def _buyer(visit: Visit) -> Any:
    if visit.buyer_id is None:
        raise NotFound
    return visit.buyer_id


def _tell(session: Session, row: RightsRequest) -> None:
    reached = contact.find(session, services().keyring, row.buyer_id) if row.buyer_id else None
    if reached is not None:
        rights_mail.tell_received(session, services().keyring, row, reached, clock.now())


def _clerk(session: Session, visit: Visit) -> Clerk:
    objects = current_app.extensions["kulanz.objections"]
    return Clerk(session, services(), f"buyer:{visit.buyer_id}", clock.now(), objects)


def _due(row: RightsRequest, visit: Visit) -> str:
    return day(last_day(row.due_at, visit.shop.timezone))


_FIRST_ORDER = (
    "Wenn Sie hier schon bestellt haben, öffnet die Postleitzahl Ihrer ersten Bestellung die Seite.",
    "If you have ordered here before, the postcode of your first order opens the page.",
)
_KINDS = {
    "review": ("Prüfung durch einen Menschen", "A person looks at it"),
    "correction": ("Berichtigung", "Correction"),
    "objection": ("Widerspruch", "Objection"),
    "access": ("Kopie der Daten", "Copy of the data"),
    "erasure": ("Löschung", "Erasure"),
}
_OUTCOMES = {
    "": ("in Arbeit", "in progress"),
    "upheld": ("Die Entscheidung bleibt", "The decision stands"),
    "granted": ("Geändert", "Changed"),
    "corrected": ("Berichtigt", "Corrected"),
    "noted": ("Gilt", "In force"),
    "ended": ("Zurückgenommen", "Taken back"),
    "sent": ("Gesendet", "Sent"),
    "erased": ("Gelöscht", "Erased"),
    "refused": ("Abgelehnt", "Refused"),
}
_ERRORS = {
    "link-unknown": "Dieser Link ist nicht gültig. Bitten Sie den Shop um einen neuen.",
    "explanation-gone": "Diese Erklärung gibt es nicht mehr: Der Link ist abgelaufen, oder Ihre Daten wurden gelöscht.",
    "form-outdated": "Das Formular ist abgelaufen. Öffnen Sie die Seite neu.",
    "proof-missing": "Diese Seite öffnet sich mit der Postleitzahl oder E-Mail-Adresse der Bestellung.",
    "already-asked": "Darum haben Sie schon gebeten. Die Antwort kommt noch.",
    "requests-full": "Sie haben so viele offene Anfragen wie möglich. Zuerst werden diese beantwortet.",
    "too-many-requests": "Zu viele Anfragen. Versuchen Sie es später noch einmal.",
    "not-found": "Das gibt es hier nicht.",
    "buyer-erased": "Ihre Daten wurden schon gelöscht.",
    "unavailable": "Ein Teil des Dienstes ist gerade nicht verfügbar. Es wurde nichts geändert.",
}
