"""`/v1/objections`: what debtors dispute, told by the shop's own support, and how the shop answers."""

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
from gateway.receivables import listing, objections
from gateway.receivables.agreement_models import Objection
from gateway.receivables.objections import CATEGORIES, CHANNELS, FINDINGS, MAX_PAGE, MAX_WORDS, NewObjection, Verdict

blueprint = Blueprint("objections", __name__, url_prefix="/v1/objections", description="What debtors dispute.")
STATES = ("OPEN", "ACCEPTED", "REJECTED", "WITHDRAWN")
UNKNOWN = "`objection-unknown`: this shop has no such objection"


class ObjectionTellSchema(Strict):
    """What a debtor told the shop."""

    claim_id = fields.String(required=True, validate=validate.Length(max=40))
    category = fields.String(required=True, validate=validate.OneOf(CATEGORIES))
    channel = fields.String(load_default="api", validate=validate.OneOf(CHANNELS))
    amount_minor = Whole(
        load_default=None,
        allow_none=True,
        validate=validate.Range(min=1, max=MAX_MINOR),
        metadata={"description": "the disputed part; without it all of it"},
    )
    words = fields.String(load_default="", validate=validate.Length(max=MAX_WORDS))


class ObjectionAnswerSchema(Strict):
    """How it ends. The answer goes to the debtor, finding and grounds stay with the shop."""

    outcome = fields.String(required=True, validate=validate.OneOf(["accepted", "rejected"]))
    answer = fields.String(required=True, validate=validate.Length(min=1, max=MAX_WORDS))
    finding = fields.String(required=True, validate=validate.OneOf(FINDINGS))
    grounds = fields.String(required=True, validate=validate.Length(min=1, max=MAX_WORDS))
    credit_minor = Whole(
        load_default=None,
        allow_none=True,
        validate=validate.Range(min=1, max=MAX_MINOR),
        metadata={"description": "of an accepted one: what is credited; without it everything"},
    )


class ObjectionSchema(Schema):
    """An objection."""

    id = fields.String(required=True)
    claim_id = fields.String(required=True)
    category = fields.String(required=True)
    state = fields.String(required=True)
    channel = fields.String(required=True)
    live = fields.Boolean(required=True)
    amount_minor = fields.Integer(required=True, allow_none=True)
    words = fields.String(required=True)
    files = fields.Integer(required=True, metadata={"description": "how many the debtor sent; the desk shows them"})
    raised_at = fields.String(required=True)
    due_on = fields.String(required=True)
    answer = fields.String(required=True)
    credit_minor = fields.Integer(required=True, allow_none=True)
    finding = fields.String(required=True, allow_none=True)
    grounds = fields.String(required=True)
    decided_at = fields.String(required=True, allow_none=True)


class ObjectionsSchema(Schema):
    """Objections: open ones by the day on which the answer is due, others the newest first."""

    objections = fields.List(fields.Nested(ObjectionSchema), required=True)


class ObjectionQuerySchema(Strict):
    """Which."""

    state = fields.String(load_default="OPEN", validate=validate.OneOf(STATES))
    limit = fields.Integer(load_default=50, validate=validate.Range(min=1, max=MAX_PAGE))


@blueprint.get("")
@blueprint.arguments(ObjectionQuerySchema, location="query")
@blueprint.response(200, ObjectionsSchema)
@blueprint.alt_response(422, description="a filter is not valid")
def list_of_objections(asked: dict[str, Any]) -> Response:
    """List objections of this shop."""
    who = current()
    with services().db.transaction(who.merchant_id) as session:
        wanted = objections.Wanted(state=asked["state"], shop_id=who.shop_id)
        rows = objections.list_objections(session, wanted, asked["limit"])
        seen = objections.views(session, services().keyring, rows)
        return http.answer(orjson.dumps({"objections": [_view(one) for one in seen]}), 200)


@blueprint.post("")
@blueprint.arguments(ObjectionTellSchema)
@blueprint.response(201, ObjectionSchema)
@blueprint.alt_response(404, description="`claim-unknown`: this shop has no such claim")
@blueprint.alt_response(409, description="`already-objected`, `refused`, `buyer-erased`, `idempotency-conflict`")
def tell(told: dict[str, Any]) -> Response:
    """Tell what a debtor disputes. Dunning stops at once. Takes an `Idempotency-Key`."""

    def act(session: Session) -> Objection:
        claim = listing.in_shop(session, told["claim_id"], current().shop_id)
        new = NewObjection(
            claim.id, told["category"], current().actor, told["channel"], told["amount_minor"], told["words"]
        )
        return objections.lodge(session, services().keyring, new, clock.now())

    return _once("objections", 201, act)


@blueprint.get("/<objection_id>")
@blueprint.response(200, ObjectionSchema)
@blueprint.alt_response(404, description=UNKNOWN)
def read(objection_id: str) -> Response:
    """Read one objection."""
    with services().db.transaction(current().merchant_id) as session:
        return _shown(session, _mine(session, objection_id), 200)


@blueprint.post("/<objection_id>/answer")
@blueprint.arguments(ObjectionAnswerSchema)
@blueprint.response(200, ObjectionSchema)
@blueprint.alt_response(404, description=UNKNOWN)
@blueprint.alt_response(409, description="`refused`: it has ended; `credit-too-high`, `idempotency-conflict`")
def answer(given: dict[str, Any], objection_id: str) -> Response:
    """Accept or reject it, and write to the debtor. Takes an `Idempotency-Key`."""

    def act(session: Session) -> Objection:
        verdict = Verdict(actor=current().actor, **given)
        return objections.decide(session, services().keyring, _mine(session, objection_id), verdict, clock.now())

    return _once(f"objections/{objection_id}/answer", 200, act)


@blueprint.post("/<objection_id>/withdraw")
@blueprint.response(200, ObjectionSchema)
@blueprint.alt_response(404, description=UNKNOWN)
@blueprint.alt_response(409, description="`refused`: it has ended; `idempotency-conflict`")
def withdraw(objection_id: str) -> Response:
    """The debtor took it back. Takes an `Idempotency-Key`."""

    def act(session: Session) -> Objection:
        id_ = _mine(session, objection_id)
        return objections.withdraw(session, services().keyring, id_, current().actor, clock.now())

    return _once(f"objections/{objection_id}/withdraw", 200, act)


def _once(scope: str, status: int, act: Callable[[Session], Objection]) -> Response:
    """Do it, or tell a request that comes again how things stand; only the id is kept with the key."""
    with services().db.transaction(current().merchant_id) as session:
        attempt = repeats.attempt(session, scope, request.get_data())
        if attempt is None:
            return _shown(session, act(session).id, status)
        if (before := idempotency.begin(session, attempt, clock.now())) is not None:
            return _shown(session, UUID(hex=before.body.decode()), before.status)
        row = act(session)
        idempotency.finish(session, attempt, status, row.id.hex.encode())
        return _shown(session, row.id, status)


def _mine(session: Session, public: str) -> UUID:
    """Raises ObjectionUnknown for another shop's."""
    found = from_public("obj", public)
    row = objections.get(session, services().keyring, found) if found else None
    if row is None or row.claim.shop_id != current().shop_id:
        raise objections.ObjectionUnknown
    return row.row.id


def _shown(session: Session, id_: UUID, status: int) -> Response:
    return http.answer(orjson.dumps(_view(objections.get(session, services().keyring, id_))), status)


def _view(seen: objections.ObjectionView) -> dict[str, Any]:
    row = seen.row
    return {
        "id": to_public("obj", row.id),
        "claim_id": to_public("clm", row.claim_id),
        **{name: getattr(row, name) for name in ("category", "state", "channel", "live", "amount_minor")},
        "words": seen.words,
        "files": len(seen.files),
        "raised_at": row.raised_at.isoformat(),
        "due_on": row.due_on.isoformat(),
        "answer": seen.answer,
        "credit_minor": row.credit_minor,
        "finding": row.finding,
        "grounds": seen.grounds,
        "decided_at": row.decided_at.isoformat() if row.decided_at else None,
    }
