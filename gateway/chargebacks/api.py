"""`/v1/chargebacks`: disputed payments with their deadlines, evidence, and what is done about them."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import orjson
from flask import Response, request
from marshmallow import Schema, fields, validate
from sqlalchemy.orm import Session
from werkzeug.datastructures import FileStorage

from gateway.chargebacks import commands, pack, pdf, rows
from gateway.chargebacks.commands import By
from gateway.chargebacks.fields import Content, fields_of
from gateway.chargebacks.lifecycle import State
from gateway.chargebacks.models import Chargeback
from gateway.core import clock, http
from gateway.core.documents import File
from gateway.core.fields import Strict
from gateway.core.http import Blueprint, services
from gateway.core.ids import to_public
from gateway.core.media import MAX_BYTES
from gateway.merchants import repeats
from gateway.merchants.guards import current

blueprint = Blueprint(
    "chargebacks",
    __name__,
    url_prefix="/v1/chargebacks",
    description="Disputed payments: deadlines, evidence, answers.",
)
UNKNOWN = "`chargeback-unknown`: this shop has no such chargeback"
REFUSED = "`refused`, `deadline-passed`, `not-offered`, `idempotency-conflict`"
_COPIED = (
    "provider",
    "external_id",
    "kind",
    "network",
    "state",
    "stage",
    "amount_minor",
    "currency",
    "reason",
    "network_code",
    "category",
    "fraud",
    "live",
    "due_source",
    "outcome",
    "trouble",
    "claim_decision",
    "claim_reason",
)
_MOMENTS = ("opened_at", "due_at", "submitted_at", "closed_at")


class ChargebackSchema(Schema):
    """A chargeback."""

    id = fields.String(required=True)
    order_id = fields.String(required=True, allow_none=True)
    claim_id = fields.String(required=True, allow_none=True)
    provider = fields.String(required=True)
    external_id = fields.String(required=True)
    kind = fields.String(required=True)
    network = fields.String(required=True)
    state = fields.String(required=True)
    stage = fields.String(required=True)
    amount_minor = fields.Integer(required=True)
    currency = fields.String(required=True)
    reason = fields.String(required=True)
    network_code = fields.String(required=True)
    category = fields.String(required=True)
    fraud = fields.Boolean(required=True)
    live = fields.Boolean(required=True)
    due_source = fields.String(required=True)
    outcome = fields.String(required=True, allow_none=True)
    trouble = fields.String(required=True)
    claim_decision = fields.String(required=True)
    claim_reason = fields.String(required=True)
    opened_at = fields.String(required=True)
    due_at = fields.String(required=True, allow_none=True)
    submitted_at = fields.String(required=True, allow_none=True)
    closed_at = fields.String(required=True, allow_none=True)


class ChargebacksSchema(Schema):
    """Open ones by their deadline, others the newest first."""

    chargebacks = fields.List(fields.Nested(ChargebackSchema), required=True)


class ChargebackQuerySchema(Strict):
    """Which."""

    show = fields.String(load_default="open", validate=validate.OneOf(["open", "ended", *State]))
    limit = fields.Integer(load_default=50, validate=validate.Range(min=1, max=rows.MAX_PAGE))


class EvidencePieceSchema(Schema):
    """One piece of evidence."""

    name = fields.String(required=True)
    title = fields.String(required=True)
    lines = fields.List(fields.String(), required=True)
    files = fields.List(fields.String(), required=True)
    missing = fields.String(required=True)


class EvidenceSchema(Schema):
    """What would be handed in now, and whether it pays."""

    pieces = fields.List(fields.Nested(EvidencePieceSchema), required=True)
    statement = fields.String(required=True)
    fields_ = fields.Dict(required=True, data_key="fields")
    worth = fields.Dict(required=True)
    recommendation = fields.String(required=True)


class StatementSchema(Strict):
    """The shop's own words."""

    statement = fields.String(required=True, validate=validate.Length(max=rows.MAX_STATEMENT))


class ClaimDecisionSchema(Strict):
    """Whether a loss becomes a claim."""

    decision = fields.String(required=True, validate=validate.OneOf(["open", "leave"]))
    reason = fields.String(required=True, validate=validate.Length(min=1, max=500))


class EvidenceFormSchema(Strict):
    """Which piece the file proves."""

    piece = fields.String(required=True, validate=validate.Length(min=1, max=40))


class EvidenceFileSchema(Strict):
    """The file."""

    file = fields.Raw(required=True, metadata={"type": "string", "format": "binary"})


@blueprint.get("")
@blueprint.arguments(ChargebackQuerySchema, location="query")
@blueprint.response(200, ChargebacksSchema)
@blueprint.alt_response(422, description="a filter is not valid")
def list_of_chargebacks(asked: dict[str, Any]) -> Response:
    """List chargebacks of this shop."""
    who = current()
    with services().db.transaction(who.merchant_id) as session:
        wanted = rows.Wanted(show=asked["show"], shop_id=who.shop_id, limit=asked["limit"])
        found = [view(row) for row in rows.list_chargebacks(session, wanted)]
    return http.answer(orjson.dumps({"chargebacks": found}))


@blueprint.get("/<chargeback_id>")
@blueprint.response(200, ChargebackSchema)
@blueprint.alt_response(404, description=UNKNOWN)
def read(chargeback_id: str) -> Response:
    """Read one chargeback."""
    with services().db.transaction(current().merchant_id) as session:
        return http.answer(orjson.dumps(view(_mine(session, chargeback_id))))


@blueprint.get("/<chargeback_id>/evidence")
@blueprint.response(200, EvidenceSchema)
@blueprint.alt_response(404, description=UNKNOWN)
def evidence(chargeback_id: str) -> Response:
    """Read what would be handed in, what is missing, and whether answering pays."""
    with services().db.transaction(current().merchant_id) as session:
        row = _mine(session, chargeback_id)
        content = pack.assemble(session, services().keyring, row)
        body = evidence_view(row, content, pack.estimate(session, row, content))
    return http.answer(orjson.dumps(body))


@blueprint.post("/<chargeback_id>/evidence")
@blueprint.arguments(EvidenceFormSchema, location="form")
@blueprint.arguments(EvidenceFileSchema, location="files")
@blueprint.response(200, ChargebackSchema)
@blueprint.alt_response(404, description=UNKNOWN)
@blueprint.alt_response(409, description="`refused`, `evidence-full`, `idempotency-conflict`")
@blueprint.alt_response(422, description="the file is no PDF, PNG or JPEG, or the piece does not belong here")
def add_evidence(form: dict[str, Any], sent: dict[str, FileStorage], chargeback_id: str) -> Response:
    """Upload a file that proves one piece. Takes an `Idempotency-Key`."""
    content = sent["file"].stream.read(MAX_BYTES + 1)
    name = (sent["file"].filename or "evidence").strip() or "evidence"

    def act(session: Session, id_: UUID) -> None:
        file = File(content, sent["file"].mimetype, name)
        commands.add_file(session, services().keyring, id_, form["piece"], file, _by())

    return _once(chargeback_id, f"evidence {form['piece']}", content, act)


@blueprint.put("/<chargeback_id>/statement")
@blueprint.arguments(StatementSchema)
@blueprint.response(200, ChargebackSchema)
@blueprint.alt_response(404, description=UNKNOWN)
@blueprint.alt_response(409, description=REFUSED)
def put_statement(told: dict[str, Any], chargeback_id: str) -> Response:
    """Say something in your own words, in place of what was said before."""
    with services().db.transaction(current().merchant_id) as session:
        row = _mine(session, chargeback_id)
        commands.say(session, services().keyring, row.id, told["statement"], _by())
        return http.answer(orjson.dumps(view(rows.get(session, row.id))))


@blueprint.post("/<chargeback_id>/submit")
@blueprint.response(200, ChargebackSchema)
@blueprint.alt_response(404, description=UNKNOWN)
@blueprint.alt_response(409, description=REFUSED)
def submit(chargeback_id: str) -> Response:
    """Hand the evidence in at the provider; this can be done once. Takes an `Idempotency-Key`."""
    opened, by = services(), _by()
    with opened.db.transaction(current().merchant_id) as session:
        row = _mine(session, chargeback_id)
        content = pack.assemble(session, opened.keyring, row)
    made = pdf.render(content, by.now.date())

    def act(session: Session, id_: UUID) -> None:
        commands.submit(session, opened.keyring, id_, content, made, by)

    return _once(chargeback_id, "submit", request.get_data(), act)


@blueprint.post("/<chargeback_id>/accept")
@blueprint.response(200, ChargebackSchema)
@blueprint.alt_response(404, description=UNKNOWN)
@blueprint.alt_response(409, description=REFUSED)
def accept(chargeback_id: str) -> Response:
    """Give it up; this cannot be undone. Takes an `Idempotency-Key`."""

    def act(session: Session, id_: UUID) -> None:
        commands.accept(session, services().keyring, id_, _by())

    return _once(chargeback_id, "accept", request.get_data(), act)


@blueprint.post("/<chargeback_id>/claim")
@blueprint.arguments(ClaimDecisionSchema)
@blueprint.response(200, ChargebackSchema)
@blueprint.alt_response(404, description=UNKNOWN)
@blueprint.alt_response(409, description="`claim-not-possible`, `idempotency-conflict`")
def decide_claim(told: dict[str, Any], chargeback_id: str) -> Response:
    """Decide whether a lost one becomes a claim. Takes an `Idempotency-Key`."""

    def act(session: Session, id_: UUID) -> None:
        commands.decide_claim(session, services().keyring, id_, told["decision"], told["reason"], _by())

    return _once(chargeback_id, "claim", request.get_data(), act)


def _once(public: str, verb: str, content: bytes, act: Callable[[Session, UUID], None]) -> Response:
    """Do it under the key of the request, or answer what was answered before."""
    with services().db.transaction(current().merchant_id) as session:
        id_ = _mine(session, public).id

        def answered() -> bytes:
            act(session, id_)
            return orjson.dumps(view(rows.get(session, id_)))

        return repeats.once(session, f"chargebacks/{public}/{verb}", content, 200, answered)


def _mine(session: Session, public: str) -> Chargeback:
    return rows.in_shop(session, public, current().shop_id)


def _by() -> By:
    return By(current().actor, clock.now())


def view(row: Chargeback) -> dict[str, Any]:
    """As programs read it; ids and codes only."""
    moments = {name: getattr(row, name).isoformat() if getattr(row, name) else None for name in _MOMENTS}
    return {
        "id": to_public(rows.PREFIX, row.id),
        "order_id": to_public("ord", row.order_id) if row.order_id else None,
        "claim_id": to_public("clm", row.claim_id) if row.claim_id else None,
        **{name: getattr(row, name) for name in _COPIED},
        **moments,
    }


def evidence_view(row: Chargeback, content: Content, worth: Any) -> dict[str, Any]:
    pieces = [
        {
            "name": part.name,
            "title": part.title,
            "lines": list(part.lines),
            "files": list(part.file_names),
            "missing": part.missing,
        }
        for part in content.parts
    ]
    return {
        "pieces": pieces,
        "statement": content.statement,
        "fields": fields_of(row.provider, content, "").texts,
        "worth": worth.working,
        "recommendation": worth.recommendation,
    }
