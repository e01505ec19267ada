"""`/v1/models`: the models of a shop, and which of them acts."""

from collections.abc import Callable
from typing import Any

import orjson
from flask import Response, request
from marshmallow import Schema, fields, validate

from gateway.core import clock
from gateway.core.errors import TooLarge
from gateway.core.fields import Strict, YesNo
from gateway.core.http import Blueprint, WrongMediaType, services
from gateway.core.ids import from_public, to_public
from gateway.merchants import repeats
from gateway.merchants.guards import current
from gateway.risk import champions
from gateway.risk.champions import Act, Kept, ModelUnknown
from gateway.risk.model_file import MAX_BYTES

blueprint = Blueprint(
    "models",
    __name__,
    url_prefix="/v1/models",
    description="Models that score a checkout: one champion acts, two challengers may score beside it.",
)
_FILE = {
    "requestBody": {
        "required": True,
        "description": "A model file as `kulanz model train` writes it; docs/models.md describes it.",
        "content": {"application/json": {"schema": {"type": "object"}}},
    },
}


class ModelTooLarge(TooLarge):
    """The model file is larger than allowed."""


class ModelSchema(Schema):
    """A model and the part it plays."""

    id = fields.String(required=True, metadata={"example": "mod_01m80jtwssevksa7y719cbahm4"})
    name = fields.String(required=True, metadata={"description": "the id in the file", "example": "trees-2026-11"})
    hash = fields.String(required=True, metadata={"description": "content hash; decisions name it"})
    role = fields.String(required=True, validate=validate.OneOf(champions.ROLES))
    since = fields.String(required=True, allow_none=True, metadata={"format": "date-time"})
    author = fields.String(required=True)
    created_at = fields.String(required=True, metadata={"format": "date-time"})
    proven = fields.Boolean(
        required=True, metadata={"description": "its training report shows that it is better by more than chance"}
    )
    note = fields.String(required=True)
    report = fields.Dict(required=True, allow_none=True, metadata={"description": "the training report"})


class ModelListSchema(Schema):
    """The models of a shop, the newest first. Without a champion the shipped expert card acts."""

    items = fields.List(fields.Nested(ModelSchema), required=True)


class RoleSchema(Strict):
    """What part a model is to play."""

    role = fields.String(required=True, validate=validate.OneOf(champions.ROLES))
    reason = fields.String(
        load_default="",
        validate=[validate.Length(max=champions.MAX_REASON), validate.Regexp(r"^[^\x00-\x1f]*\Z")],
        metadata={"description": "why; kept in the history"},
    )
    force = YesNo(load_default=False, metadata={"description": "promote although the report proves nothing"})


_MODEL, _LIST, _ROLE = ModelSchema(), ModelListSchema(), RoleSchema()


@blueprint.get("")
@blueprint.response(200, _LIST)
def list_models() -> dict[str, Any]:
    """List the models of the shop, the newest first."""
    who = current()
    with services().db.transaction(who.merchant_id) as session:
        return {"items": [_view(one) for one in champions.list_models(session, who.shop_id)]}


@blueprint.post("")
@blueprint.doc(**_FILE)
@blueprint.response(201, _MODEL)
@blueprint.alt_response(409, description="`model-name-taken`, `too-many-models`, `idempotency-conflict`")
@blueprint.alt_response(413, description="the file is larger than 1 MB")
def add_model() -> Response:
    """Keep a model file.

    It is checked to the last field, and plays no part until it gets one. The same file again is the same model. Takes
    an `Idempotency-Key`.
    """
    if request.mimetype not in ("application/json", ""):
        raise WrongMediaType
    raw = request.get_data()
    if len(raw) > MAX_BYTES:
        raise ModelTooLarge(limit_bytes=MAX_BYTES)
    shop_id, act = current().shop_id, _act()
    return _once("models", raw, 201, lambda session: champions.add(session, shop_id, raw, act))


@blueprint.post("/<model_id>/role")
@blueprint.arguments(_ROLE)
@blueprint.response(200, _MODEL)
@blueprint.alt_response(404, description="`model-unknown`: no such model in this shop")
@blueprint.alt_response(409, description="`not-proven`, `too-many-challengers`, `idempotency-conflict`")
def assign_role(asked: dict[str, Any], model_id: str) -> Response:
    """Make a model champion or challenger, or retire it.

    Decides from the next checkout on. The champion before becomes a challenger where there is room. When the champion
    retires, the shipped expert card acts. Takes an `Idempotency-Key`.
    """
    who, id_ = current(), from_public("mod", model_id)
    if id_ is None:
        raise ModelUnknown
    act = _act(asked["reason"], force=asked["force"])
    return _once(
        f"models/{model_id}/role",
        request.get_data(),
        200,
        lambda session: champions.assign(session, who.shop_id, id_, asked["role"], act),
    )


def _once(scope: str, content: bytes, status: int, do: Callable[[Any], Kept]) -> Response:
    with services().db.transaction(current().merchant_id) as session:
        return repeats.once(session, scope, content, status, lambda: _body(do(session)))


def _act(reason: str = "", *, force: bool = False) -> Act:
    return Act(current().actor, clock.now(), reason, force)


def _body(model: Kept) -> bytes:
    return orjson.dumps(_MODEL.dump(_view(model)))


def _view(model: Kept) -> dict[str, Any]:
    return {
        "id": to_public("mod", model.id),
        "name": model.name,
        "hash": f"sha256:{model.content_hash}",
        "role": model.role,
        "since": model.since.isoformat() if model.since else None,
        "author": model.author,
        "created_at": model.created_at.isoformat(),
        "proven": champions.proven(model.report, model.content_hash),
        "note": model.note,
        "report": model.report,
    }
