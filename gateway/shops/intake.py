"""`/in/<word>`: shops that push. A message is verified, stored once, answered, and worked off by the worker.

The body is what the API takes: `{"type": "order.put", "data": {"reference": …, …}}` with the fields of an order, or
`order.event` with those of an event, signed as the Standard Webhooks specification has it.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from flask import Flask, Response, current_app, request
from marshmallow import ValidationError
from sqlalchemy.orm import Session

from gateway.core import clock, inbox, signing
from gateway.core.errors import BadRequest, Invalid, Refused, TooLarge
from gateway.core.http import Blueprint
from gateway.core.inbox import Effect, Incoming, Proof, Received, Stored
from gateway.core.kept import Kept
from gateway.core.services import Services
from gateway.core.signing import BadSignature, SigningKey
from gateway.core.strict_json import decode_json
from gateway.core.work import Fail
from gateway.merchants import secrets
from gateway.shops import connections, shops
from gateway.shops.connections import ORDERS, ConnectionUnknown, OpenConnection
from gateway.shops.orders import Orders, RefundExceedsPayment
from gateway.shops.schemas import EventTellSchema, OrderTellSchema

blueprint = Blueprint("in", __name__, url_prefix="/in", description="Messages that shops push, signed.")

KEPT_S = 5.0
_ORDER, _EVENT = OrderTellSchema(), EventTellSchema()


class MessageTooLarge(TooLarge):
    """A message has at most 1 MB."""


class MessageRefused(Refused):
    """The id of this message is longer than 255 characters."""


@blueprint.post("/<word>")
@blueprint.response(202, description="stored; a message that came before is answered the same")
@blueprint.alt_response(401, description="`bad-signature`")
@blueprint.alt_response(404, description="`connection-unknown`: no open connection has this address")
@blueprint.doc(security=[])
def receive(word: str) -> Response:
    """Take a signed message (Standard Webhooks).

    It is stored once per `webhook-id` and worked off within seconds.
    """
    door, now = _door(), clock.now()
    connection = door.find(word)
    if connection is None:
        raise ConnectionUnknown
    body = _body()
    try:
        signing.verify([SigningKey("k", connection.secret, connection.created_at)], _headers(), body, now)
    except BadSignature:
        door.store(connection, _message(connection, body, Proof.UNVERIFIED), now)
        raise
    door.store(connection, _message(connection, body, Proof.SIGNED), now)
    return Response(status=202)


class Door:
    """The connections of one process, kept for seconds: finding one costs four round trips.

    A closed connection takes messages at most `KEPT_S` longer on a web worker that has just seen it.
    """

    def __init__(self, opened: Services) -> None:
        self._db = opened.db
        self._keys = secrets.MerchantKeys(opened.db, opened.keyring)
        self._kept: Kept[str, OpenConnection | None] = Kept(
            lambda word: connections.find(opened.db, opened.keyring, word), seconds=KEPT_S
        )

    def find(self, word: str) -> OpenConnection | None:
        """The open connection that this word leads to."""
        return self._kept.get(word)

    def store(self, connection: OpenConnection, message: Incoming, now: datetime) -> Stored:
        """Store a message once, in a transaction of its own."""
        data_key = self._keys.get(connection.merchant_id).data
        with self._db.trips(connection.merchant_id) as trips:
            return inbox.store(trips, connection.merchant_id, message, data_key=data_key, now=now)


def install(app: Flask) -> None:
    """The door of this process."""
    app.extensions["kulanz.door"] = Door(app.extensions["kulanz"])


def _door() -> Door:
    found: Door = current_app.extensions["kulanz.door"]
    return found


def handle(opened: Services, message: Received) -> Effect | None:
    """Work off a stored message of a connection of kind `orders`; what is no order is left alone.

    Raises Fail for what can never be carried out. An order or payment that has not come yet is waited for.
    """
    document = _document(message.body)
    act = ACTS.get(str(document.get("type")))
    if act is None:
        return None
    data = document.get("data")
    if not isinstance(data, dict) or not isinstance(data.get("reference"), str):
        raise Fail("no-reference")
    told = {name: value for name, value in data.items() if name != "reference"}
    carry_out = _read(act, data["reference"], told)

    def effect(session: Session) -> None:
        shop = shops.get(session, connections.get(session, message.connection_id).shop_id)
        try:
            carry_out(Orders(session, opened.keyring, shop), clock.now())
        except RefundExceedsPayment:
            raise  # the payment may be on its way: tried again with pauses, then parked
        except (Refused, Invalid) as refused:
            raise Fail(refused.code) from refused

    return effect


Act = Callable[[str, dict[str, Any]], Callable[[Orders, datetime], object]]


def _put(reference: str, told: dict[str, Any]) -> Callable[[Orders, datetime], object]:
    order = _ORDER.load(told)
    return lambda orders, now: orders.put(reference, order, now)


def _event(reference: str, told: dict[str, Any]) -> Callable[[Orders, datetime], object]:
    event = _EVENT.load(told)
    return lambda orders, now: orders.add_event(reference, event, now)


ACTS: Mapping[str, Act] = MappingProxyType({"order.put": _put, "order.event": _event})


def _read(act: Act, reference: str, told: dict[str, Any]) -> Callable[[Orders, datetime], object]:
    try:
        return act(reference, told)
    except ValidationError as error:
        raise Fail("invalid-input") from error


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = decode_json(body)
    except (BadRequest, Invalid) as error:
        raise Fail(error.code) from error
    return document if isinstance(document, dict) else {}


def _body() -> bytes:
    if (request.content_length or 0) > inbox.MAX_BODY:
        raise MessageTooLarge(limit_bytes=inbox.MAX_BODY)
    body = request.get_data(cache=False)
    if len(body) > inbox.MAX_BODY:
        raise MessageTooLarge(limit_bytes=inbox.MAX_BODY)
    return body


def _headers() -> dict[str, str]:
    return dict(request.headers)


def _message(connection: OpenConnection, body: bytes, proof: Proof) -> Incoming:
    event_id = request.headers.get("webhook-id", "")
    if proof is Proof.UNVERIFIED:
        event_id = event_id[: inbox.MAX_EVENT_ID]
    elif len(event_id) > inbox.MAX_EVENT_ID:
        raise MessageRefused
    return Incoming(connection.id, connection.kind, event_id, proof, _headers(), body)


HANDLERS: Mapping[str, inbox.Handler] = MappingProxyType({ORDERS: handle})
"""For `inbox.handling_task`: kind of connection → handler."""
