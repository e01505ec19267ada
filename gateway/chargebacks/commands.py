"""What people do with a chargeback: upload, say, hand in, give up, decide about a claim. The edge owns the transaction.

A round is answered once: the state leaves `SENDING` only when the provider's answer is known, and a deadline that passed
refuses everything that would come too late.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gateway.chargebacks import aftermath, rows, worth
from gateway.chargebacks.fields import Content, as_json, fields_of
from gateway.chargebacks.lifecycle import ANSWERABLE, LIFECYCLE, State
from gateway.chargebacks.models import Chargeback, ChargebackAnswer, ChargebackEvidence
from gateway.core import clock, documents
from gateway.core.crypto import Keyring, seal
from gateway.core.db import merchant_of
from gateway.core.documents import File, Owner
from gateway.core.errors import Invalid, Refused
from gateway.core.ids import new_id, to_public
from gateway.core.media import told_from
from gateway.core.services import Services
from gateway.core.work import Job, Task, enqueue
from gateway.merchants import secrets
from gateway.payments import accounts, asking
from gateway.payments.asking import AcceptWanted, EvidenceFile, EvidenceWanted, RequestEnded
from gateway.payments.request_models import ProviderRequest

KINDS = ("application/pdf", "image/png", "image/jpeg")
MOST_FILES = 20
TASK = "chargebacks.asked"
_NOT_DONE = ("not-offered", "not-sent")
"""Words of a provider that took the request and did nothing with it."""


class DeadlinePassed(Refused):
    """It can no longer be answered: the deadline has passed."""


class EvidenceFull(Refused):
    """At most twenty files belong to a chargeback."""


@dataclass(frozen=True, slots=True)
class By:
    """Who does it, and when."""

    actor: str
    now: datetime


def add_file(session: Session, keyring: Keyring, id_: UUID, piece: str, file: File, by: By) -> UUID:
    """Keep a proof of one piece. Raises ChargebackUnknown, Invalid, TooLarge, EvidenceFull, Refused."""
    row = rows.locked(session, id_)
    _check_answerable(row)
    if piece not in {one.name for one in worth.pieces_of(row.category)}:
        raise Invalid.at("/piece", "belongs to another kind of chargeback")
    kind = told_from(file.content, KINDS)
    if not kind:
        raise Invalid.at("/file", "is none of PDF, PNG, JPEG")
    mine = {"merchant_id": row.merchant_id, "chargeback_id": row.id}
    there = session.scalar(select(func.count()).select_from(ChargebackEvidence).filter_by(**mine)) or 0
    if there >= MOST_FILES:
        raise EvidenceFull
    owner = Owner(row.merchant_id, secrets.get_key(session, keyring, "data"))
    kept = documents.store(session, owner, File(file.content, kind, file.name), "chargeback_evidence", by.now)
    same = select(ChargebackEvidence).filter_by(**mine, piece=piece, document_id=kept.id)
    if session.scalars(same).one_or_none() is None:
        told = ChargebackEvidence(**mine, piece=piece, document_id=kept.id, actor=by.actor, created_at=by.now)
        session.add(told)
        session.flush()
        body = {"piece": piece, "document_id": to_public("doc", kept.id)}
        rows.remember(session, keyring, row, rows.Told("file_added", by.actor, body), by.now)
    return kept.id


def say(session: Session, keyring: Keyring, id_: UUID, words: str, by: By) -> None:
    """The merchant's own words, in place of those before. Raises ChargebackUnknown, Invalid, Refused."""
    row = rows.locked(session, id_)
    rows.put_statement(session, keyring, row, words.strip())
    rows.move(session, row, "prepare", by.now)
    rows.remember(session, keyring, row, rows.Told("prepared", by.actor, {}), by.now)


def can_send(provider: str) -> bool:
    """Whether this provider has an interface for answers."""
    return asking.offers(accounts.adapter(provider), "evidence")


def submit(session: Session, keyring: Keyring, id_: UUID, content: Content, pdf: bytes, by: By) -> None:
    """Hand in what was assembled and rendered before. Raises ChargebackUnknown, DeadlinePassed, Refused, NotOffered."""
    row = rows.locked(session, id_)
    _check_in_time(row, by.now)
    LIFECYCLE.after(State(row.state), "send")
    fields = fields_of(row.provider, content, str(_keep_pdf(session, keyring, row, pdf, by)))
    attempt = _attempt(session, row)
    wanted = EvidenceWanted(
        f"{to_public(rows.PREFIX, row.id)}-{row.round}-{attempt}",
        row.external_id,
        fields.texts,
        tuple(EvidenceFile(purpose, document_id) for purpose, document_id in fields.files),
        submit=True,
    )
    row.request_id = asking.queue(session, keyring, row.connection_id, wanted, aftermath.cause_of(row), by.now)
    row.trouble = ""
    _keep_answer(session, keyring, row, (content, "provider", attempt), by)
    rows.move(session, row, "send", by.now)
    rows.remember(session, keyring, row, rows.Told("sending", by.actor, {"attempt": attempt}), by.now)


def sent_myself(session: Session, keyring: Keyring, id_: UUID, content: Content, by: By) -> None:
    """The merchant answered on the provider's own pages. Raises ChargebackUnknown, DeadlinePassed, Refused."""
    row = rows.locked(session, id_)
    _check_in_time(row, by.now)
    LIFECYCLE.after(State(row.state), "hand_in")
    _keep_answer(session, keyring, row, (content, "self", _attempt(session, row)), by)
    row.submitted_round, row.submitted_at = row.round, by.now
    rows.move(session, row, "hand_in", by.now)
    rows.remember(session, keyring, row, rows.Told("handed_in", by.actor, {"way": "self"}), by.now)
    aftermath.settle(session, keyring, row, by.now)


def accept(session: Session, keyring: Keyring, id_: UUID, by: By) -> None:
    """Give it up; where the provider has no interface it is told outside. Raises ChargebackUnknown, Refused."""
    row = rows.locked(session, id_)
    offered = asking.offers(accounts.adapter(row.provider), "accept_dispute")
    LIFECYCLE.after(State(row.state), "concede")
    if offered:
        wanted = AcceptWanted(f"{to_public(rows.PREFIX, row.id)}-{row.round}-accept", row.external_id)
        row.request_id = asking.queue(session, keyring, row.connection_id, wanted, aftermath.cause_of(row), by.now)
        row.trouble = ""
    rows.move(session, row, "concede" if offered else "concede_outside", by.now)
    rows.remember(session, keyring, row, rows.Told("given_up", by.actor, {}), by.now)
    aftermath.settle(session, keyring, row, by.now)


def decide_claim(session: Session, keyring: Keyring, id_: UUID, decision: str, reason: str, by: By) -> None:
    """A person decides whether a loss becomes a claim. Raises ChargebackUnknown, ClaimNotPossible, Invalid."""
    if decision not in ("open", "leave") or not 0 < len(reason.strip()) <= 500:
        raise Invalid.at("/reason", "is needed, at most 500 characters; the decision is open or leave")
    row = rows.locked(session, id_)
    aftermath.decide(session, keyring, row, (decision, reason.strip(), by.actor), by.now)


def heed_request(session: Session, event: RequestEnded) -> None:
    """Listener: a request for a chargeback came to its end; the job looks."""
    if event.cause.startswith("chargeback:") and event.kind in ("evidence", "accept_dispute"):
        enqueue(session, TASK, merchant_id=merchant_of(session), args={"request_id": str(event.request_id)})


def _asked(services: Services, job: Job) -> None:
    with services.db.transaction(job.merchant_id) as session:
        settle_request(session, services.keyring, UUID(job.args["request_id"]), clock.now())


ASKED = Task(TASK, _asked)


def settle_request(session: Session, keyring: Keyring, request_id: UUID, now: datetime) -> None:
    """What became of a request moves its chargeback; told twice it moves it once."""
    mine = Chargeback.merchant_id == merchant_of(session), Chargeback.request_id == request_id
    id_ = session.scalar(select(Chargeback.id).where(*mine))
    request = session.get(ProviderRequest, (merchant_of(session), request_id), populate_existing=True)
    if id_ is None or request is None:
        return
    row = rows.locked(session, id_)
    if row.request_id != request_id:
        return
    state = "REFUSED" if request.state == "DONE" and request.answer in _NOT_DONE else request.state
    if state == "DONE":
        _done(session, keyring, row, request.kind, now)
    elif state in ("REFUSED", "UNCERTAIN"):
        _troubled(session, keyring, row, (state, request.answer), now)


def _done(session: Session, keyring: Keyring, row: Chargeback, kind: str, now: datetime) -> None:
    event = "sent" if kind == "evidence" else "conceded"
    row.trouble = ""
    if kind == "evidence" and row.state == State.SENDING:
        row.submitted_round, row.submitted_at = row.round, now
    if LIFECYCLE.allows(State(row.state), event):
        rows.move(session, row, event, now)
        rows.remember(session, keyring, row, rows.Told(event, "worker", {}), now)
        aftermath.settle(session, keyring, row, now)


def _troubled(session: Session, keyring: Keyring, row: Chargeback, told: tuple[str, str], now: datetime) -> None:
    """Refused: it may be tried again. Uncertain: it stays as it is until somebody looked."""
    state, answer = told
    row.trouble = f"{state}: {answer}"[:200]
    if state == "REFUSED" and LIFECYCLE.allows(State(row.state), "refused"):
        rows.move(session, row, "refused", now)
    session.flush()
    rows.remember(session, keyring, row, rows.Told("trouble", "worker", {"state": state, "answer": answer[:200]}), now)


def _check_answerable(row: Chargeback) -> None:
    if row.state not in ANSWERABLE:
        raise Refused(thing="chargeback", state=row.state, event="prepare")


def _check_in_time(row: Chargeback, now: datetime) -> None:
    if row.due_at is not None and row.due_source == "provider" and now >= row.due_at:
        raise DeadlinePassed


def _attempt(session: Session, row: Chargeback) -> int:
    mine = ChargebackAnswer.merchant_id == row.merchant_id, ChargebackAnswer.chargeback_id == row.id
    counted = select(func.count()).select_from(ChargebackAnswer).where(*mine, ChargebackAnswer.round == row.round)
    return (session.scalar(counted) or 0) + 1


def _keep_pdf(session: Session, keyring: Keyring, row: Chargeback, pdf: bytes, by: By) -> UUID:
    owner = Owner(row.merchant_id, secrets.get_key(session, keyring, "data"))
    file = File(pdf, "application/pdf", f"{to_public(rows.PREFIX, row.id)}.pdf")
    kept = documents.store(session, owner, file, "chargeback_answer", by.now)
    named = {"merchant_id": row.merchant_id, "chargeback_id": row.id, "piece": "answer", "document_id": kept.id}
    if session.scalars(select(ChargebackEvidence).filter_by(**named)).one_or_none() is None:
        session.add(ChargebackEvidence(**named, actor=by.actor, created_at=by.now))
        session.flush()
    return kept.id


def _keep_answer(session: Session, keyring: Keyring, row: Chargeback, told: tuple[Content, str, int], by: By) -> None:
    """What was handed in, as it was; the key is the buyer's where he is known."""
    content, way, attempt = told
    key = rows.key_of(session, keyring, row.buyer_id) or secrets.get_key(session, keyring, "data")
    id_, body = new_id(), json.dumps(as_json(content, fields_of(row.provider, content, "")), ensure_ascii=False)
    session.add(
        ChargebackAnswer(
            merchant_id=row.merchant_id,
            id=id_,
            chargeback_id=row.id,
            round=row.round,
            attempt=attempt,
            way=way,
            buyer_id=row.buyer_id,
            body_sealed=seal(key, body.encode(), f"chargeback_answer.body:{id_}"),
            request_id=row.request_id if way == "provider" else None,
            actor=by.actor,
            created_at=by.now,
        )
    )
    session.flush()
