"""`/in/<provider>/<word>`: payment providers that call. Proven, stored once, answered, and worked off by the worker."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from flask import Flask, Response, current_app, request
from sqlalchemy.orm import Session

from gateway.core import clock, inbox
from gateway.core.errors import BadRequest, GatewayError, Invalid, TooLarge, Unavailable
from gateway.core.http import Blueprint
from gateway.core.inbox import Effect, Incoming, Proof, Received, Stored
from gateway.core.kept import Kept
from gateway.core.services import Services
from gateway.core.signing import BadSignature
from gateway.core.work import Fail, Retry
from gateway.merchants import secrets
from gateway.payments import accounts
from gateway.payments.calls import ProviderAway, ProviderBusy, ProviderRefused, ProviderUnclear
from gateway.payments.facts import Fact
from gateway.payments.providers import KIND, Account, Message
from gateway.payments.record import CurrencyContradicts, Source, record
from gateway.shops import connections
from gateway.shops.connections import ConnectionUnknown, OpenConnection

blueprint = Blueprint("providers", __name__, url_prefix="/in", description="Messages that payment providers send.")

KEPT_S = 5.0


class PayloadTooLarge(TooLarge):
    """A message of a provider has at most 1 MB."""


class TooManyHints(Unavailable):
    """Too many unproven messages of this connection wait; send it again later."""


@blueprint.post("/<provider>/<word>")
@blueprint.response(200, description="stored; a message that came before is answered the same")
@blueprint.alt_response(400, description="`unreadable`: not in the form of this provider")
@blueprint.alt_response(401, description="`bad-signature`; 400 for Klarna and 498 for GoCardless, as they want it")
@blueprint.alt_response(404, description="`connection-unknown`: no open connection has this address")
@blueprint.doc(security=[])
def receive_message(provider: str, word: str) -> Response:
    """Take a message of a payment provider.

    It is proven as the provider signs, stored once and worked off within seconds. What is not signed makes us ask the provider.
    """
    door, now = _door(), clock.now()
    opened = door.find(word)
    if opened is None or opened.connection.kind != f"{KIND}{provider}":
        raise ConnectionUnknown
    message = Message(_headers(), _body(), now)
    try:
        claim = accounts.adapter(provider).verify(opened.account, message)
    except (BadSignature, BadRequest, Invalid):
        door.store(opened, message, Proof.UNVERIFIED, "")
        raise
    if door.store(opened, message, claim.proof, claim.event_id) is Stored.FULL:
        raise TooManyHints(retry_after_s=60)
    return Response(status=200)


@dataclass(frozen=True, slots=True)
class Opened:
    """A connection with what proves its messages."""

    connection: OpenConnection
    account: Account


class ProviderDoor:
    """The accounts of one process, kept for seconds. A closed one takes messages at most `KEPT_S` longer."""

    def __init__(self, opened: Services) -> None:
        self._services = opened
        self._keys = secrets.MerchantKeys(opened.db, opened.keyring)
        self._kept: Kept[str, Opened | None] = Kept(self._open, seconds=KEPT_S)

    def find(self, word: str) -> Opened | None:
        """The account whose provider calls this address."""
        return self._kept.get(word)

    def _open(self, word: str) -> Opened | None:
        found = connections.find(self._services.db, self._services.keyring, word)
        if found is None or not found.kind.startswith(KIND):
            return None
        with self._services.db.transaction(found.merchant_id) as session:
            return Opened(found, _account(self._services, session, found))

    def store(self, opened: Opened, message: Message, proof: Proof, event_id: str) -> Stored:
        """Store a message once, in a transaction of its own."""
        connection = opened.connection
        incoming = Incoming(connection.id, connection.kind, event_id, proof, message.headers, message.body)
        data_key = self._keys.get(connection.merchant_id).data
        with self._services.db.trips(connection.merchant_id) as trips:
            return inbox.store(trips, connection.merchant_id, incoming, data_key=data_key, now=message.received_at)


def _account(services: Services, session: Session, connection: OpenConnection) -> Account:
    return accounts.open_account(session, services.keyring, connection.id, allow_private=services.allow_private_urls)


def install(app: Flask) -> None:
    """The door of this process."""
    app.extensions["kulanz.provider_door"] = ProviderDoor(app.extensions["kulanz"])


def _door() -> ProviderDoor:
    found: ProviderDoor = current_app.extensions["kulanz.provider_door"]
    return found


def _body() -> bytes:
    if (request.content_length or 0) > inbox.MAX_BODY:
        raise PayloadTooLarge(limit_bytes=inbox.MAX_BODY)
    body = request.get_data(cache=False, parse_form_data=False)
    if len(body) > inbox.MAX_BODY:
        raise PayloadTooLarge(limit_bytes=inbox.MAX_BODY)
    return body


def _headers() -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers.items()}


def handle(services: Services, message: Received) -> Effect | None:
    """Work off a stored message: read it, asking the provider where the message proves too little, and record its facts.

    Raises Fail for what can never be read. A provider that is away, and a payment that is not known yet, are waited for.
    """
    source, account = _source(services, message)
    facts = _read(message, source.provider, account)
    if not facts:
        return None

    def effect(session: Session) -> None:
        try:
            record(session, source, facts, clock.now())
        except CurrencyContradicts as refused:
            raise Fail(refused.code) from refused

    return effect


def _source(services: Services, message: Received) -> tuple[Source, Account]:
    with services.db.transaction(message.merchant_id) as session:
        facts = connections.get(session, message.connection_id)
        try:
            account = accounts.open_account(
                session, services.keyring, facts.id, allow_private=services.allow_private_urls
            )
        except ConnectionUnknown as error:
            raise Fail("connection-closed") from error
    name = accounts.provider_name(message.kind)
    return Source(facts.id, facts.shop_id, name, account.live, message.id), account


def _read(message: Received, provider: str, account: Account) -> list[Fact]:
    told = Message(message.headers, message.body, message.received_at, message.proof)
    try:
        return accounts.adapter(provider).read(account, told)
    except ProviderBusy as error:
        raise Retry(float(error.facts["retry_after_s"]), error.code) from error
    except (ProviderAway, ProviderUnclear):
        raise
    except ProviderRefused as error:
        if message.proof is Proof.HINT and error.facts["status_of_provider"] in (404, 410):
            return []  # anybody can name a payment that is not there
        raise Fail(error.code) from error
    except GatewayError as error:
        raise Fail(error.code) from error


def handlers() -> Mapping[str, inbox.Handler]:
    """For `inbox.handling_task`: kind of connection → handler."""
    return MappingProxyType({f"{KIND}{name}": handle for name in accounts.adapters()})
