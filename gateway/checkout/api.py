"""`/v1/decisions`: ask at checkout, read an answer again."""

import json
from typing import Any

import orjson
from flask import Response, current_app, request
from sqlalchemy import select

from gateway.checkout import texts
from gateway.checkout.decide import Checkout, Decided, Prepared, despite_races
from gateway.checkout.models import Decision
from gateway.checkout.request import CheckoutRequest
from gateway.checkout.schemas import CheckoutSchema, DecisionSchema
from gateway.core import clock, http, idempotency
from gateway.core.errors import NotFound
from gateway.core.http import Blueprint, services
from gateway.core.ids import from_public, to_public
from gateway.merchants.guards import current

blueprint = Blueprint("decisions", __name__, url_prefix="/v1/decisions", description="Which methods are safe to show.")
_QUESTION, _ANSWER = CheckoutSchema(), DecisionSchema()


class DecisionUnknown(NotFound):
    """There is no such decision in this shop."""


def checkout() -> Checkout:
    """The decisions of this process."""
    found: Checkout = current_app.extensions["kulanz.checkout"]
    return found


@blueprint.post("")
@blueprint.arguments(_QUESTION)
@blueprint.response(201, _ANSWER)
@blueprint.alt_response(409, description="`idempotency-conflict`, `policy-needed`, `shop-closed`")
def ask(asked: CheckoutRequest) -> Response:
    """Decide which payment methods to show.

    Counts the attempt, judges every method and records the decision. Methods come in the order to show them, the
    hidden ones last. Takes an `Idempotency-Key`.
    """
    who, now = current(), clock.now()
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return http.answer(_body(checkout().ask(who, asked, now)), 201)
    ready = checkout().prepare(who, asked, now)
    data_key = checkout().keys(who.merchant_id).data
    attempt = idempotency.attempt(who.merchant_id, data_key, f"{who.shop_id} POST decisions", key, request.get_data())
    return despite_races(lambda: _ask_once(ready, attempt))


def _ask_once(ready: Prepared, attempt: idempotency.Attempt) -> Response:
    """Decide, or answer what was answered before."""
    with services().db.connection(ready.who.merchant_id) as connection:
        if (before := idempotency.begin(connection, attempt, ready.now)) is not None:
            return http.answer(before.body, before.status)
        body = _body(checkout().decide(connection, ready))
        idempotency.finish(connection, attempt, 201, body)
    return http.answer(body, 201)


@blueprint.get("/<decision_id>")
@blueprint.response(200, _ANSWER)
@blueprint.alt_response(404, description="no such decision in this shop")
def read(decision_id: str) -> Response:
    """A decision as it was answered, in the shop's language."""
    who, id_ = current(), from_public("dec", decision_id)
    with services().db.connection(who.merchant_id) as connection:
        row = connection.execute(
            select(Decision.__table__).where(
                Decision.merchant_id == who.merchant_id, Decision.id == id_, Decision.shop_id == who.shop_id
            ),
        ).one_or_none()
    if row is None:
        raise DecisionUnknown
    language = checkout().side(who).facts.language
    return http.answer(orjson.dumps(answer(row._asdict(), json.loads(row.record), language)))


def _body(decided: Decided) -> bytes:
    return orjson.dumps(answer(decided.row, decided.record, decided.language))


def answer(row: Any, record: dict[str, Any], language: str) -> dict[str, Any]:
    """What callers are told of a stored decision; `row` holds the columns, `record` the parsed record."""
    language = texts.language_of(language, "de")
    choice, score, words = record["choice"], record["score"], record.get("texts", {})
    return {
        "id": to_public("dec", row["id"]),
        "created_at": row["created_at"].isoformat(),
        "expires_at": row["expires_at"].isoformat(),
        "live": row["live"],
        "reference": row["reference"],
        "currency": row["currency"],
        "total_minor": row["total_minor"],
        "outcome": choice["outcome"],
        "review": choice["review"],
        "offers": [_offer(offer, words, language) for offer in choice["offers"]],
        "notice": texts.notice(
            hidden=not all(offer["show"] for offer in choice["offers"]),
            deposit=any(offer["deposit_percent"] for offer in choice["offers"]),
            language=language,
            own=texts.own_words(choice["offers"], words, language),
        ),
        "score": score | {"reasons": [_score_reason(reason, record["facts"], language) for reason in score["reasons"]]},
        "missing": record["facts"]["missing"],
        "token": row["token"],
        "versions": {name: record["versions"][name] for name in ("card", "policy", "economics")},
    }


def _offer(offer: dict[str, Any], words: dict[str, Any], language: str) -> dict[str, Any]:
    reasons = [{"code": code, "text": texts.reason(code, language, words)} for code in offer["reasons"]]
    return {"require_3ds": False, "challenge": False, **offer, "reasons": reasons}


def _score_reason(reason: dict[str, Any], facts: dict[str, Any], language: str) -> dict[str, Any]:
    return reason | {"text": texts.score_reason(reason["fact"], reason["effect"], facts, language)}
