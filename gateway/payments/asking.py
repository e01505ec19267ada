"""What providers are asked for: queued with the business transaction, sent by the worker, never twice by mistake.

Where a provider takes our key, asking again is harmless and is done with pauses. Where it does not (Unzer), a request whose
answer was lost is `UNCERTAIN` and waits for somebody to look: money given back twice does not come again.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID

from sqlalchemy import and_, case, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from gateway.core import clock, documents
from gateway.core.channels import post_notice
from gateway.core.crypto import Keyring, seal, unseal
from gateway.core.db import merchant_of
from gateway.core.documents import Owner
from gateway.core.errors import GatewayError, NotFound
from gateway.core.events import publish
from gateway.core.ids import new_id, to_public
from gateway.core.services import Services
from gateway.core.states import Lifecycle
from gateway.core.work import Backoff, Job, Retry, Task, enqueue
from gateway.merchants import secrets
from gateway.payments import accounts
from gateway.payments.calls import ProviderAway, ProviderBusy, ProviderUnclear
from gateway.payments.providers import (
    Account,
    Asked,
    ChargeWanted,
    Evidence,
    File,
    Link,
    LinkWanted,
    NotOffered,
    Provider,
    RefundWanted,
)
from gateway.payments.request_models import ProviderRequest
from gateway.shops import connections

QUEUE = "outbox"
TASK = "payments.ask"
LIMIT = 12
PAUSES = Backoff(base_s=5.0, cap_s=3600.0)
REFUSED_SHOWN = timedelta(days=30)
"""How long what a provider refused is listed among what somebody must look at."""

LIFECYCLE = Lifecycle(
    "provider request",
    "QUEUED",
    {
        ("QUEUED", "send"): "SENDING",
        ("SENDING", "send"): "SENDING",
        ("SENDING", "finish"): "DONE",
        ("SENDING", "refuse"): "REFUSED",
        ("SENDING", "lose"): "UNCERTAIN",
        ("QUEUED", "park"): "PARKED",
        ("SENDING", "park"): "PARKED",
        ("PARKED", "replay"): "QUEUED",
        ("UNCERTAIN", "replay"): "QUEUED",
        ("UNCERTAIN", "finish"): "DONE",
        ("PARKED", "cancel"): "REFUSED",
        ("UNCERTAIN", "cancel"): "REFUSED",
    },
)


class ProviderRequestUnknown(NotFound):
    """There is no such request to a provider."""


@dataclass(frozen=True, slots=True)
class EvidenceFile:
    """A stored document that belongs to an answer; `purpose` is the provider's name for what it proves."""

    purpose: str
    document_id: str


@dataclass(frozen=True, slots=True)
class EvidenceWanted:
    """The answer to a dispute, its files by the ids of documents that belong to the merchant."""

    key: str
    dispute: str
    texts: Mapping[str, str]
    files: tuple[EvidenceFile, ...] = ()
    submit: bool = False


@dataclass(frozen=True, slots=True)
class AcceptWanted:
    """Give up a dispute."""

    key: str
    dispute: str


Wanted = RefundWanted | ChargeWanted | EvidenceWanted | AcceptWanted
_KINDS: Mapping[str, type[Any]] = MappingProxyType(
    {"refund": RefundWanted, "charge": ChargeWanted, "evidence": EvidenceWanted, "accept_dispute": AcceptWanted}
)


@dataclass(frozen=True, slots=True)
class RequestEnded:
    """Published when a request came to an end: `DONE`, `REFUSED` or `UNCERTAIN`."""

    request_id: UUID
    connection_id: UUID
    kind: str
    cause: str
    state: str
    external_id: str
    answer: str


def offers(provider: Provider, kind: str) -> bool:
    """Whether a provider has an interface for this kind of request."""
    return _action(provider, kind) is not None


def _action(provider: Provider, kind: str) -> Callable[..., Asked] | None:
    actions: Mapping[str, Callable[..., Asked] | None] = {
        "refund": provider.refund,
        "charge": provider.charge,
        "evidence": provider.submit_evidence,
        "accept_dispute": provider.accept_dispute,
    }
    return actions[kind]


def queue(session: Session, keyring: Keyring, connection_id: UUID, wanted: Wanted, cause: str, now: datetime) -> UUID:
    """Ask in the caller's transaction; the same key again is the same request. Raises NotOffered, ConnectionUnknown."""
    kind = next(name for name, one in _KINDS.items() if isinstance(wanted, one))
    facts = connections.get(session, connection_id)
    if not offers(accounts.adapter(accounts.provider_name(facts.kind)), kind):
        raise NotOffered
    merchant_id, id_ = merchant_of(session), new_id()
    body = json.dumps(asdict(wanted)).encode()
    made = insert(ProviderRequest).values(
        merchant_id=merchant_id,
        id=id_,
        connection_id=connection_id,
        kind=kind,
        idempotency_key=wanted.key,
        cause=cause,
        body_sealed=seal(secrets.get_key(session, keyring, "data"), body, _context(id_)),
        state=LIFECYCLE.start,
        external_id="",
        answer="",
        created_at=now,
        updated_at=now,
    )
    new = session.execute(made.on_conflict_do_nothing().returning(ProviderRequest.id)).scalar()
    if new is None:
        mine = ProviderRequest.merchant_id == merchant_id, ProviderRequest.idempotency_key == wanted.key
        return session.scalars(select(ProviderRequest.id).where(*mine)).one()
    _enqueue(session, id_)
    return id_


def _enqueue(session: Session, id_: UUID) -> None:
    """Not `unique`: a replay that meets the end of the job before it would be dropped; a second job finds nothing to do."""
    enqueue(session, TASK, queue=QUEUE, merchant_id=merchant_of(session), args={"request_id": str(id_)})


def replay(session: Session, request_id: UUID, now: datetime) -> None:
    """Ask a parked or uncertain request again, because somebody looked. Raises ProviderRequestUnknown, Refused."""
    row = _locked(session, request_id)
    _move(row, "replay", now)
    _enqueue(session, row.id)


def settle(session: Session, request_id: UUID, external_id: str, now: datetime) -> None:
    """Somebody looked: an uncertain request was carried out after all. Raises ProviderRequestUnknown, Refused."""
    row = _locked(session, request_id)
    LIFECYCLE.after(row.state, "finish" if row.state == "UNCERTAIN" else "settle")
    _end(session, row, "finish", Asked(external_id, "settled"), now)


def cancel(session: Session, request_id: UUID, now: datetime) -> None:
    """It was not carried out and is not asked for any more. Raises ProviderRequestUnknown, Refused."""
    row = _locked(session, request_id)
    LIFECYCLE.after(row.state, "cancel")
    _end(session, row, "cancel", Asked("", "cancelled"), now)


def stuck(session: Session, limit: int, now: datetime) -> Sequence[ProviderRequest]:
    """What somebody must look at: unclear ones first, then parked, then what was refused lately."""
    one = ProviderRequest
    lately = and_(one.state == "REFUSED", one.answer != "cancelled", one.updated_at > now - REFUSED_SHOWN)
    found = select(one).where(
        one.merchant_id == merchant_of(session), or_(one.state.in_(("UNCERTAIN", "PARKED")), lately)
    )
    order = case({"UNCERTAIN": 0, "PARKED": 1}, value=one.state, else_=2)
    return session.scalars(found.order_by(order, one.created_at).limit(limit)).all()


def pay_link(services: Services, merchant_id: UUID, connection_id: UUID, wanted: LinkWanted) -> Link:
    """A page on which a buyer pays, asked for while he waits; not inside a transaction.

    Raises NotOffered, ConnectionUnknown, and what `Net` raises.
    """
    with services.db.transaction(merchant_id) as session:
        provider, account = _opened(services, session, connection_id)
    if provider.pay_link is None:
        raise NotOffered
    return provider.pay_link(account, wanted)


def _opened(services: Services, session: Session, connection_id: UUID) -> tuple[Provider, Account]:
    facts = connections.get(session, connection_id)
    private = services.allow_private_urls
    account = accounts.open_account(session, services.keyring, connection_id, allow_private=private)
    return accounts.adapter(accounts.provider_name(facts.kind)), account


@dataclass(frozen=True, slots=True)
class _Ready:
    """A request ready to be sent, with all that its call needs."""

    id: UUID
    kind: str
    provider: Provider
    account: Account
    arguments: tuple[Any, ...] = field(repr=False)


def ask(services: Services, job: Job) -> None:
    """The handler of the task: mark, call outside of any transaction, write down what was answered."""
    with services.db.transaction(job.merchant_id) as session:
        ready = _prepare(services, session, UUID(str(job.args["request_id"])))
    if ready is None:
        return
    event, asked = _call(ready)
    with services.db.transaction(job.merchant_id) as session:
        _end(session, _locked(session, ready.id), event, asked, clock.now())


def _prepare(services: Services, session: Session, request_id: UUID) -> _Ready | None:
    """None when there is nothing to send: it ended before, or nobody knows whether it was carried out."""
    row = _locked(session, request_id)
    if row.state not in ("QUEUED", "SENDING"):
        return None
    now = clock.now()
    try:
        provider, account = _opened(services, session, row.connection_id)
    except GatewayError as error:
        _move(row, "send", now)
        _end(session, row, "refuse", Asked("", error.code), now)
        return None
    if row.state == "SENDING" and not provider.idempotent:
        _end(session, row, "lose", Asked("", "answer-lost"), now)
        return None
    _move(row, "send", now)
    session.flush()
    return _Ready(row.id, row.kind, provider, account, _arguments(services.keyring, session, row))


def _arguments(keyring: Keyring, session: Session, row: ProviderRequest) -> tuple[Any, ...]:
    key = secrets.get_key(session, keyring, "data")
    told = json.loads(unseal(key, row.body_sealed, _context(row.id)))
    if row.kind == "accept_dispute":
        return told["dispute"], told["key"]
    if row.kind == "evidence":
        owner = Owner(row.merchant_id, key)
        files = tuple(_file(session, owner, EvidenceFile(**each)) for each in told.pop("files"))
        return (Evidence(**told, files=files),)
    return (_KINDS[row.kind](**told),)


def _file(session: Session, owner: Owner, wanted: EvidenceFile) -> File:
    id_ = UUID(wanted.document_id)
    document = documents.get(session, id_)
    content = documents.load(session, owner, id_)
    return File(wanted.purpose, documents.name_of(document, owner.key), document.media_type, content)


def _call(ready: _Ready) -> tuple[str, Asked]:
    """How it ended. Raises Retry and ProviderAway where asking again is harmless."""
    action = _action(ready.provider, ready.kind)
    try:
        if action is None:
            raise NotOffered
        return "finish", action(ready.account, *ready.arguments)
    except ProviderBusy as error:  # refused before anything was done
        raise Retry(float(error.facts["retry_after_s"]), error.code) from error
    except (ProviderAway, ProviderUnclear):
        if ready.provider.idempotent:
            raise
        return "lose", Asked("", "answer-lost")
    except GatewayError as error:
        return "refuse", Asked("", str(error.facts.get("reason") or error.code))


def _end(session: Session, row: ProviderRequest, event: str, asked: Asked, now: datetime) -> None:
    """Write down, tell, and let somebody know where he must look."""
    if not LIFECYCLE.allows(row.state, event):
        return  # another attempt came first
    _move(row, event, now)
    row.external_id, row.answer = asked.external_id, asked.status
    session.flush()
    if row.state in ("UNCERTAIN", "REFUSED") and event != "cancel":
        _notice(session, row, now)
    publish(
        session,
        RequestEnded(row.id, row.connection_id, row.kind, row.cause, row.state, row.external_id, row.answer),
    )


def _notice(session: Session, row: ProviderRequest, now: datetime) -> None:
    facts = {"request_id": to_public("prq", row.id), "kind": row.kind, "state": row.state, "answer": row.answer}
    post_notice(session, "provider-request", str(row.connection_id), facts, now)


def _park(services: Services, job: Job, error: str) -> None:
    """Tried for hours in vain: somebody looks."""
    with services.db.transaction(job.merchant_id) as session:
        row = _locked(session, UUID(str(job.args["request_id"])))
        if LIFECYCLE.allows(row.state, "park"):
            _move(row, "park", clock.now())
            row.answer = error
            _notice(session, row, clock.now())


def _move(row: ProviderRequest, event: str, now: datetime) -> None:
    row.state, row.updated_at = LIFECYCLE.after(row.state, event), now


def _locked(session: Session, request_id: UUID) -> ProviderRequest:
    key = (merchant_of(session), request_id)
    row = session.get(ProviderRequest, key, with_for_update=True, populate_existing=True)
    if row is None:
        raise ProviderRequestUnknown
    return row


def _context(request_id: UUID) -> str:
    return f"provider_request.body:{request_id}"


ASKING = Task(TASK, ask, queue=QUEUE, max_attempts=LIMIT, backoff=PAUSES, timeout_s=180, on_dead=_park)
