"""`/v1/returns`: goods that come back, told by the shop; and withdrawals (§ 356a BGB)."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import orjson
from flask import Response, request
from marshmallow import Schema, fields, validate
from sqlalchemy.orm import Session

from gateway.core import clock, http, idempotency
from gateway.core.fields import Strict, Whole
from gateway.core.http import Blueprint, services
from gateway.core.ids import from_public, to_public
from gateway.core.money import MAX_MINOR
from gateway.merchants import repeats
from gateway.merchants.guards import current
from gateway.returns.lifecycle import KINDS, ReturnAct, ReturnState
from gateway.returns.models import OrderReturn
from gateway.returns.returns import MAX_WORDS, NewReturn, Returns, Told
from gateway.shops import shops
from gateway.shops.schemas import Moment

blueprint = Blueprint("returns", __name__, url_prefix="/v1/returns", description="Goods that come back, withdrawals.")
UNKNOWN = "`return-unknown`: this shop has no such return"


class WithdrawalTellSchema(Strict):
    """A buyer's declaration, as the shop's withdrawal button took it."""

    order = fields.String(required=True, validate=validate.Length(min=1, max=200))
    external_id = fields.String(required=True, validate=validate.Length(min=1, max=200))
    announced_at = Moment("when it was declared", required=True)
    amount_minor = Whole(
        load_default=None,
        allow_none=True,
        validate=validate.Range(min=1, max=MAX_MINOR),
        metadata={"description": "value of the goods; without it the whole order"},
    )
    words = fields.String(load_default="", validate=validate.Length(max=MAX_WORDS))


class ReturnTellSchema(WithdrawalTellSchema):
    """Goods that are to come back."""

    kind = fields.String(required=True, validate=validate.OneOf(KINDS))


class ReturnActSchema(Strict):
    """What became of it."""

    act = fields.String(required=True, validate=validate.OneOf([a.value for a in ReturnAct if a != ReturnAct.EXPIRE]))
    external_id = fields.String(required=True, validate=validate.Length(min=1, max=200))
    occurred_at = Moment("when it happened", required=True)
    amount_minor = Whole(load_default=None, allow_none=True, validate=validate.Range(min=1, max=MAX_MINOR))
    reason = fields.String(load_default="", validate=validate.Length(max=500))


class ReturnSchema(Schema):
    """A return."""

    id = fields.String(required=True)
    order_id = fields.String(required=True)
    kind = fields.String(required=True)
    source = fields.String(required=True)
    external_id = fields.String(required=True)
    state = fields.String(required=True)
    live = fields.Boolean(required=True)
    currency = fields.String(required=True)
    amount_minor = fields.Integer(required=True)
    received_minor = fields.Integer(required=True)
    refunded_minor = fields.Integer(required=True)
    announced_at = fields.String(required=True)
    expected_by = fields.String(required=True)
    withdraw_until = fields.String(required=True, allow_none=True)
    in_time = fields.Boolean(required=True, allow_none=True)
    decide = fields.Boolean(required=True, metadata={"description": "the merchant has to accept or refuse it"})
    refund_until = fields.String(required=True, allow_none=True)
    received_at = fields.String(required=True, allow_none=True)
    ended_at = fields.String(required=True, allow_none=True)


class ReturnsSchema(Schema):
    """Returns, the newest first."""

    returns = fields.List(fields.Nested(ReturnSchema), required=True)


class ReturnQuerySchema(Strict):
    """Which."""

    state = fields.String(load_default="", validate=validate.OneOf(["", *ReturnState]))
    limit = fields.Integer(load_default=50, validate=validate.Range(min=1, max=100))


@blueprint.get("")
@blueprint.arguments(ReturnQuerySchema, location="query")
@blueprint.response(200, ReturnsSchema)
def list_of_returns(asked: dict[str, Any]) -> Response:
    """List returns of this shop."""
    with services().db.transaction(current().merchant_id) as session:
        rows = _mine(session).list_returns(asked["state"], None, asked["limit"])
        return http.answer(orjson.dumps({"returns": [_view(row) for row in rows]}), 200)


@blueprint.post("")
@blueprint.arguments(ReturnTellSchema)
@blueprint.response(201, ReturnSchema)
@blueprint.alt_response(404, description="`order-unknown`: tell the order first")
@blueprint.alt_response(409, description="`return-exceeds-order`, `return-contradicts`, `idempotency-conflict`")
def announce(told: dict[str, Any]) -> Response:
    """Announce a return. Dunning rests at once. Takes an `Idempotency-Key`."""
    return _once("returns", 201, lambda session: _announce(session, told))


@blueprint.post("/withdrawals")
@blueprint.arguments(WithdrawalTellSchema)
@blueprint.response(201, ReturnSchema)
@blueprint.alt_response(404, description="`order-unknown`: tell the order first")
@blueprint.alt_response(409, description="`return-exceeds-order`, `return-contradicts`, `idempotency-conflict`")
def withdraw(told: dict[str, Any]) -> Response:
    """Tell a withdrawal. The buyer gets a confirmation by e-mail. Takes an `Idempotency-Key`."""
    return _once("returns/withdrawals", 201, lambda session: _announce(session, told | {"kind": "withdrawal"}))


@blueprint.get("/<return_id>")
@blueprint.response(200, ReturnSchema)
@blueprint.alt_response(404, description=UNKNOWN)
def read(return_id: str) -> Response:
    """Read one return."""
    with services().db.transaction(current().merchant_id) as session:
        return http.answer(orjson.dumps(_view(_mine(session).get(from_public("ret", return_id)))), 200)


@blueprint.post("/<return_id>/acts")
@blueprint.arguments(ReturnActSchema)
@blueprint.response(200, ReturnSchema)
@blueprint.alt_response(404, description=UNKNOWN)
@blueprint.alt_response(409, description="`refused`, `withdrawal-stands`, `return-exceeds-order`, `return-contradicts`")
def act(told: dict[str, Any], return_id: str) -> Response:
    """Tell what became of a return. Takes an `Idempotency-Key`."""

    def tell(session: Session) -> OrderReturn:
        mine = _mine(session)
        row = mine.get(from_public("ret", return_id))
        one = Told(actor=current().actor, **(told | {"act": ReturnAct(told["act"])}))
        return mine.tell(row.id, one, clock.now())

    return _once(f"returns/{return_id}/acts", 200, tell)


def _announce(session: Session, told: dict[str, Any]) -> OrderReturn:
    rest = {name: value for name, value in told.items() if name != "order"}
    return _mine(session).announce(NewReturn(reference=told["order"], **rest), clock.now())


def _mine(session: Session) -> Returns:
    return Returns(session, services().keyring, shops.get(session, current().shop_id))


def _once(scope: str, status: int, act: Callable[[Session], OrderReturn]) -> Response:
    """Do it, or tell a request that comes again how things stand; only the id is kept with the key."""
    with services().db.transaction(current().merchant_id) as session:
        attempt = repeats.attempt(session, scope, request.get_data())
        if attempt is None:
            return http.answer(orjson.dumps(_view(act(session))), status)
        if (before := idempotency.begin(session, attempt, clock.now())) is not None:
            row = _mine(session).get(UUID(hex=before.body.decode()))
            return http.answer(orjson.dumps(_view(row)), before.status)
        row = act(session)
        idempotency.finish(session, attempt, status, row.id.hex.encode())
        return http.answer(orjson.dumps(_view(row)), status)


_PLAIN = ("kind", "source", "external_id", "state", "live", "currency", "amount_minor", "received_minor")
_DAYS = ("announced_at", "expected_by", "withdraw_until", "refund_until", "received_at", "ended_at")


def _view(row: OrderReturn) -> dict[str, Any]:
    return {
        "id": to_public("ret", row.id),
        "order_id": to_public("ord", row.order_id),
        **{name: getattr(row, name) for name in (*_PLAIN, "refunded_minor", "in_time", "decide")},
        **{name: None if (at := getattr(row, name)) is None else at.isoformat() for name in _DAYS},
    }
