"""What a buyer is written about his request, German and English, by the outbox to the address that is known of him."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from gateway.checkout.texts import LANGUAGES, language_of
from gateway.core import outbox
from gateway.core.channels import Mail
from gateway.core.clock import local_date
from gateway.core.crypto import Keyring
from gateway.core.outbox import Channel, Message
from gateway.merchants import secrets
from gateway.privacy import rights
from gateway.privacy.contact import Contact
from gateway.privacy.rights import RightsRequest
from gateway.shops import shops

Pair = tuple[str, str]
_SUBJECTS: Mapping[str, Pair] = {
    "review": ("Ihre Bitte um Prüfung durch einen Menschen", "Your request for a person to look at it"),
    "correction": ("Ihre Berichtigung", "Your correction"),
    "objection": ("Ihr Widerspruch", "Your objection"),
    "access": ("Ihre Daten", "Your data"),
    "erasure": ("Ihr Antrag auf Löschung", "Your request for erasure"),
}
_RESULTS: Mapping[str, Pair] = {
    "upheld": (
        "Ein Mensch hat die Entscheidung geprüft. Sie bleibt bestehen.",
        "A person has looked at the decision. It stands.",
    ),
    "granted": (
        "Ein Mensch hat die Entscheidung geprüft und geändert. Bitte rufen Sie die Kasse des Shops neu auf.",
        "A person has looked at the decision and changed it. Please open the shop's checkout again.",
    ),
    "corrected": ("Ihre Daten sind berichtigt.", "Your data is corrected."),
    "noted": ("Ihr Widerspruch gilt ab sofort.", "Your objection counts from now on."),
    "ended": ("Ihr Widerspruch ist zurückgenommen.", "Your objection is taken back."),
    "sent": ("Hier ist die Kopie Ihrer Daten.", "Here is the copy of your data."),
    "erased": ("Ihre Daten sind gelöscht.", "Your data is erased."),
    "refused": ("Wir konnten Ihrem Antrag nicht entsprechen.", "We could not do what you asked for."),
}
_RECEIVED: Pair = (
    "Ihre Anfrage ist eingegangen. Sie erhalten spätestens am {due} eine Antwort.",
    "We have received your request. You get an answer by {due} at the latest.",
)
_AGAINST_HIM = frozenset({"upheld", "refused"})
"""Then he is told where he can complain (Art. 12 (4) GDPR)."""
_FOOT: Pair = (
    "Sind Sie nicht einverstanden, können Sie sich bei einer Datenschutz-Aufsichtsbehörde beschweren oder klagen.",
    "If you do not agree, you can complain to a data protection authority or go to court.",
)


@dataclass(frozen=True, slots=True)
class Letter:
    """One e-mail about a request: `event` makes it one message however often it is queued."""

    event: str
    text: str = field(repr=False)
    url: str = field(default="", repr=False)


def tell_received(session: Session, keyring: Keyring, row: RightsRequest, contact: Contact, now: datetime) -> bool:
    """That a request came in and until when it is answered. False when no address is known."""
    last = local_date(row.due_at - timedelta(seconds=1), shops.get(session, row.shop_id).timezone)
    due = last.strftime("%d.%m.%Y") if row.language == "de" else last.isoformat()
    text = _pick(_RECEIVED, row.language).format(due=due)
    return _send(session, keyring, row, contact, Letter("received", text), now)


def tell_answer(
    session: Session, keyring: Keyring, row: RightsRequest, contact: Contact, letter: Letter, now: datetime
) -> bool:
    """What came of it, with the reason. False when no address is known."""
    result = _pick(_RESULTS[row.outcome or "refused"], row.language)
    foot = _pick(_FOOT, row.language) if row.outcome in _AGAINST_HIM else ""
    parts = [result, letter.text, letter.url, foot]
    return _send(session, keyring, row, contact, Letter(letter.event, "\n\n".join(filter(None, parts))), now)


def _send(
    session: Session, keyring: Keyring, row: RightsRequest, contact: Contact, letter: Letter, now: datetime
) -> bool:
    if not contact.email:
        return False
    shop, settings = shops.get(session, row.shop_id), rights.settings_of(session, row.shop_id)
    reference = f"rig_{row.id.hex[-8:]}"
    subject = f"{shop.name}: {_pick(_SUBJECTS[row.kind], row.language)} ({reference})"
    body = f"{_pick(('Guten Tag,', 'Hello,'), row.language)}\n\n{letter.text}\n\n{settings.controller or shop.name}\n"
    mail = Mail(contact.email, subject, body, sender_name=shop.name, reply_to=settings.contact)
    message = Message(Channel.EMAIL, "", mail.encode(), f"rights:{row.id}:{letter.event}", row.live)
    outbox.queue(session, message, data_key=secrets.get_key(session, keyring, "data"), now=now)
    return True


def _pick(pair: Pair, language: str) -> str:
    return pair[LANGUAGES.index(language_of(language, "de"))]
