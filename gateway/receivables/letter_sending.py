"""How a letter leaves, and what follows when it left or came back: one function per way, all in the caller's transaction."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from gateway.core import documents, events, outbox
from gateway.core.channels import Mail, post_notice
from gateway.core.db import merchant_of
from gateway.core.documents import File, Owner
from gateway.core.ids import new_id, to_public
from gateway.core.outbox import MailParked, MailSent, Message
from gateway.merchants import callbacks, secrets
from gateway.merchants.callbacks import LETTER_DUE, Happening
from gateway.receivables import days, letters
from gateway.receivables.agreement_models import CallTask
from gateway.receivables.keys import Keys
from gateway.receivables.letter_events import LetterBounced, LetterSent
from gateway.receivables.letter_lifecycle import LIFECYCLE, LetterAct, LetterState
from gateway.receivables.letter_model import Channel, LetterModel
from gateway.receivables.letter_models import Letter, LetterClaim

OURS = frozenset({"mail-not-configured", "mail-password-in-clear"})
"""Why an e-mail is parked through no fault of its address: it waits for the operator, nothing came back."""


@dataclass(frozen=True, slots=True)
class Laid:
    """A letter laid out, ready to leave."""

    model: LetterModel
    key: bytes = field(repr=False)
    pdf: bytes = field(repr=False)
    mail: Mail | None = field(repr=False, default=None)


def leave(session: Session, keys: Keys, letter: Letter, laid: Laid, now: datetime) -> None:
    """Keep exactly what leaves, and let it leave by its channel. Letters of test shops leave nowhere."""
    owner = Owner(letter.buyer_id, laid.key)
    pdf = File(laid.pdf, "application/pdf", f"{laid.model.number}.pdf")
    letter.document_id = documents.store(session, owner, pdf, "letter", now).id
    if laid.mail is not None:
        letter.mail_id = documents.store(session, owner, _as_file(laid, laid.mail), "letter", now).id
    _WAYS[Channel(letter.channel)](session, keys, letter, laid, now)
    session.flush()


def _as_file(laid: Laid, mail: Mail) -> File:
    """What the e-mail said, without the PDF that is kept beside it."""
    return File(replace(mail, attachments=()).encode(), "application/json", f"{laid.model.number}.json")


def _by_email(session: Session, keys: Keys, letter: Letter, laid: Laid, now: datetime) -> None:
    if laid.mail is None:
        raise ValueError("an e-mail needs its words")
    message = Message(outbox.Channel.EMAIL, "", laid.mail.encode(), f"letter:{letter.id}", letter.live)
    data_key = secrets.get_key(session, keys.keyring, "data")
    letter.message_id = outbox.queue(session, message, data_key=data_key, now=now).id
    _move(letter, LetterAct.QUEUE)
    if not letter.live:
        sent(session, keys, letter, now)


def _by_post(session: Session, keys: Keys, letter: Letter, _laid: Laid, now: datetime) -> None:
    _move(letter, LetterAct.PRINT)
    if not letter.live:
        sent(session, keys, letter, now)


def _by_callback(session: Session, keys: Keys, letter: Letter, laid: Laid, now: datetime) -> None:
    lines = letters.claims_of(session, letter.id)
    data = {
        "id": laid.model.number,
        "kind": letter.kind,
        "claims": [to_public("clm", line.claim_id) for line in lines],
        "total_minor": laid.model.total_minor,
        "currency": laid.model.currency,
        "deadline": letter.deadline.isoformat() if letter.deadline else None,
    }
    callbacks.announce(session, keys.keyring, Happening(LETTER_DUE, letter.id, now, letter.live, data), now)
    sent(session, keys, letter, now)


def _by_call(session: Session, keys: Keys, letter: Letter, _laid: Laid, now: datetime) -> None:
    task = insert(CallTask).values(
        merchant_id=merchant_of(session),
        id=new_id(),
        shop_id=letter.shop_id,
        buyer_id=letter.buyer_id,
        live=letter.live,
        cause=f"letter:{letter.id}",
        letter_id=letter.id,
        due_on=letter.day,
        state="OPEN",
    )
    session.execute(task.on_conflict_do_nothing(index_elements=["merchant_id", "cause"]))
    sent(session, keys, letter, now)


_Way = Callable[[Session, Keys, Letter, Laid, datetime], None]
_WAYS: Mapping[Channel, _Way] = MappingProxyType(
    {
        Channel.EMAIL: _by_email,
        Channel.POST: _by_post,
        Channel.CALLBACK: _by_callback,
        Channel.CALL: _by_call,
    }
)


def sent(session: Session, keys: Keys, letter: Letter, now: datetime) -> None:
    """It has left: dated now, and the step it stands for happened."""
    _move(letter, LetterAct.SEND)
    letter.sent_at = now
    session.flush()
    events.publish(session, LetterSent(letter.id, now, keys, days.today(letters.place_of(session, letter)[0], now)))


def bounced(session: Session, keys: Keys, letter: Letter, why: str, now: datetime) -> UUID | None:
    """It came back: its step is undone. A letter of an event goes by its other way; its new id, if there is one.

    The other way of a dunning letter is the next step's business.
    """
    _move(letter, LetterAct.BOUNCE)
    letter.ended_at, letter.ended_why = now, why
    session.flush()
    again_id = _again(session, letter, now) if letter.origin == "event" else None
    post_notice(session, "letter-bounced", to_public("ltr", letter.id), {"why": why, "channel": letter.channel}, now)
    events.publish(session, LetterBounced(letter.id, now, keys, why, again_id))
    return again_id


_COPIED = (
    "shop_id",
    "buyer_id",
    "live",
    "origin",
    "kind",
    "step",
    "language",
    "tone",
    "day",
    "deadline",
    "policy_id",
    "extra",
)


def _again(session: Session, letter: Letter, now: datetime) -> UUID | None:
    """The same letter by its fallback."""
    if letter.fallback is None or letter.fallback == letter.channel:
        return None
    told = {name: getattr(letter, name) for name in _COPIED}
    state, again_id = LIFECYCLE.start, new_id()
    mine = {"merchant_id": letter.merchant_id, "id": again_id, "channel": letter.fallback, "fallback": None}
    session.add(Letter(**told, **mine, state=state, drafted_at=now, release_at=now))
    session.flush()
    for line in letters.claims_of(session, letter.id):
        what = {
            "claim_id": line.claim_id,
            "level": line.level,
            "total_minor": line.total_minor,
            "figures": line.figures,
        }
        session.add(LetterClaim(merchant_id=letter.merchant_id, letter_id=again_id, **what))
    session.flush()
    letters.schedule(session, again_id)
    return again_id


def mail_sent(session: Session, event: MailSent) -> None:
    """Listener: the e-mails of letters have left."""
    for letter in _of_messages(session, event.message_ids):
        if letter.state == LetterState.QUEUED:
            sent(session, Keys(event.keyring), letter, event.at)


def mail_parked(session: Session, event: MailParked) -> None:
    """Listener: an e-mail will not arrive. Its message is done with, so that nobody sends it after all."""
    if event.code in OURS:
        return
    for letter in _of_messages(session, (event.message_id,)):
        if letter.state == LetterState.QUEUED:
            letters.stop_message(session, letter)
            bounced(session, Keys(event.keyring), letter, event.code, event.at)


def _of_messages(session: Session, ids: tuple[UUID, ...]) -> list[Letter]:
    mine = Letter.merchant_id == merchant_of(session), Letter.message_id.in_(ids)
    return list(session.scalars(select(Letter).where(*mine).order_by(Letter.id).with_for_update()))


def _move(letter: Letter, act: LetterAct) -> None:
    letter.state = LIFECYCLE.after(LetterState(letter.state), act)
