"""Endpoints of a merchant that want to hear what happens: signed Standard Webhooks, with secrets that can be changed.

While a secret is being changed both sign, and the receiver needs to know only one of them.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Table, select
from sqlalchemy.orm import Session

from gateway.core import outbox
from gateway.core.channels import Endpoint
from gateway.core.crypto import Keyring, new_key
from gateway.core.db import merchant_of
from gateway.core.egress import UrlRefused, check_url
from gateway.core.errors import Invalid, NotFound, Refused
from gateway.core.ids import from_public, new_id, to_public
from gateway.core.outbox import Channel, Message
from gateway.core.rotation import WrappedColumn
from gateway.core.signing import SigningKey, secret_text
from gateway.merchants import secrets
from gateway.merchants.models import CallbackEndpoint

ORDER_CHANGED = "order.changed"
LETTER_DUE = "letter.due"
"""The shop is to tell the debtor itself."""
CLAIM_OPENED, CLAIM_CHANGED, CLAIM_SETTLED = "claim.opened", "claim.changed", "claim.settled"
EVENT_TYPES = frozenset({ORDER_CHANGED, LETTER_DUE, CLAIM_OPENED, CLAIM_CHANGED, CLAIM_SETTLED})
BOTH_SIGN = timedelta(hours=24)
"""How long the old secret goes on signing after a change."""
MAX_ENDPOINTS = 20


class EndpointUnknown(NotFound):
    """There is no such endpoint."""


class EndpointDisabled(Refused):
    """This endpoint is disabled."""


class TooManyEndpoints(Refused):
    """A merchant has at most 20 endpoints; disable one first."""


@dataclass(frozen=True, slots=True)
class EndpointFacts:
    """An endpoint as others see it."""

    id: UUID
    url: str
    events: tuple[str, ...]
    created_at: datetime
    disabled_at: datetime | None


@dataclass(frozen=True, slots=True)
class Happening:
    """Something to announce. `id` makes it one message however often it is announced; `data` holds no personal data."""

    type: str
    id: UUID
    at: datetime
    live: bool
    data: Mapping[str, Any] = field(default_factory=dict)


def register(
    session: Session, keyring: Keyring, url: str, events: frozenset[str], now: datetime, *, allow_private: bool = False
) -> tuple[EndpointFacts, str]:
    """A new endpoint and its secret (`whsec_…`), which is shown this once. Raises Invalid and TooManyEndpoints."""
    _check(url, events, allow_private=allow_private)
    if len(list_endpoints(session)) >= MAX_ENDPOINTS:
        raise TooManyEndpoints
    endpoint_id, secret = new_id(), new_key()
    row = CallbackEndpoint(
        merchant_id=merchant_of(session),
        id=endpoint_id,
        url=url,
        events=sorted(events),
        wrapped_secret=keyring.wrap(secret, _context(endpoint_id)),
        secret_since=now,
        created_at=now,
    )
    session.add(row)
    session.flush()
    return _facts(row), secret_text(secret)


def list_endpoints(session: Session, *, with_disabled: bool = False) -> list[EndpointFacts]:
    """The merchant's endpoints, the oldest first."""
    return [_facts(row) for row in _rows(session, with_disabled=with_disabled)]


def disable(session: Session, endpoint_id: UUID, now: datetime) -> None:
    """Nothing more is sent there; what waits for it is parked. Raises EndpointUnknown."""
    row = _row(session, endpoint_id)
    row.disabled_at = row.disabled_at or now
    session.flush()


def rotate(session: Session, keyring: Keyring, endpoint_id: UUID, now: datetime) -> str:
    """A new secret, shown this once; the old one signs beside it for a day. Raises EndpointUnknown, EndpointDisabled."""
    row, secret = _row(session, endpoint_id), new_key()
    if row.disabled_at is not None:
        raise EndpointDisabled
    row.wrapped_previous, row.previous_until = row.wrapped_secret, now + BOTH_SIGN
    row.wrapped_secret, row.secret_since = keyring.wrap(secret, _context(endpoint_id)), now
    session.flush()
    return secret_text(secret)


def announce(session: Session, keyring: Keyring, happening: Happening, now: datetime) -> int:
    """Queue a message for each endpoint that wants this type, in the caller's transaction; how many were queued.

    Messages of test shops are written down and withheld.
    """
    wanted = [row for row in _rows(session, with_disabled=False) if happening.type in row.events]
    if not wanted:
        return 0
    payload, data_key = _payload(happening), secrets.get_key(session, keyring, "data")
    queued = [
        outbox.queue(
            session,
            Message(
                Channel.HTTP,
                to_public("cbe", row.id),
                payload,
                f"{happening.type}:{happening.id}:{row.id}",
                happening.live,
            ),
            data_key=data_key,
            now=now,
        )
        for row in wanted
    ]
    return sum(message.new for message in queued)


def wanted(session: Session) -> frozenset[str]:
    """The types that some endpoint wants: who announces by the thousand asks this once."""
    return frozenset(name for row in _rows(session, with_disabled=False) for name in row.events)


def resolver(keyring: Keyring) -> Callable[[Session, str], Endpoint]:
    """What `outbox.delivery_task` asks for the endpoint behind a destination."""

    def resolve(session: Session, destination: str) -> Endpoint:
        row = _row(session, from_public("cbe", destination))
        if row.disabled_at is not None:
            raise EndpointDisabled
        return Endpoint(row.url, _signing_keys(row, keyring))

    return resolve


def _signing_keys(row: CallbackEndpoint, keyring: Keyring) -> list[SigningKey]:
    keys = [SigningKey("current", keyring.unwrap(row.wrapped_secret, _context(row.id)), row.secret_since)]
    if row.wrapped_previous is not None:
        previous = keyring.unwrap(row.wrapped_previous, _context(row.id))
        keys.append(SigningKey("previous", previous, row.created_at, row.previous_until))
    return keys


def _payload(happening: Happening) -> bytes:
    """The envelope that the Standard Webhooks specification proposes."""
    timestamp = happening.at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    body = {"type": happening.type, "timestamp": timestamp, "data": dict(happening.data)}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _check(url: str, events: frozenset[str], *, allow_private: bool) -> None:
    try:
        check_url(url, allow_private=allow_private)
    except UrlRefused as refused:
        raise Invalid.at("/url", f"cannot be called ({refused.facts['reason']}); give a plain https address") from None
    if not events or not events <= EVENT_TYPES:
        raise Invalid.at("/events", f"are some of {', '.join(sorted(EVENT_TYPES))}")


def _rows(session: Session, *, with_disabled: bool) -> list[CallbackEndpoint]:
    chosen = select(CallbackEndpoint).where(CallbackEndpoint.merchant_id == merchant_of(session))
    if not with_disabled:
        chosen = chosen.where(CallbackEndpoint.disabled_at.is_(None))
    return list(session.scalars(chosen.order_by(CallbackEndpoint.id)))


def _row(session: Session, endpoint_id: UUID | None) -> CallbackEndpoint:
    row = session.get(CallbackEndpoint, (merchant_of(session), endpoint_id)) if endpoint_id else None
    if row is None:
        raise EndpointUnknown
    return row


def _facts(row: CallbackEndpoint) -> EndpointFacts:
    return EndpointFacts(row.id, row.url, tuple(row.events), row.created_at, row.disabled_at)


def _context(endpoint_id: UUID) -> str:
    return f"callback_endpoint.secret:{endpoint_id}"


_TABLE = cast("Table", CallbackEndpoint.__table__)
WRAPPED = tuple(
    WrappedColumn(_TABLE, column, lambda row: _context(row.id)) for column in ("wrapped_secret", "wrapped_previous")
)
"""For the rotation of master keys."""
