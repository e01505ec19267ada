"""`/v1/payment-attempts`: shops and their providers tell how payments went; the shield counts them, nothing else changes."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from flask import Response, current_app, request
from sqlalchemy import select

from gateway.checkout.api import DecisionUnknown, checkout
from gateway.checkout.attempt_schemas import CARD_KINDS, NOT_A_DECLINE, AcknowledgedSchema, AttemptSchema, AttemptTold
from gateway.checkout.decide import told_context
from gateway.checkout.models import Decision
from gateway.core import clock, idempotency
from gateway.core.crypto import blind_index, unseal
from gateway.core.http import Blueprint, services
from gateway.core.ids import to_public
from gateway.merchants.auth import Principal
from gateway.merchants.guards import current
from gateway.risk.shield import LATE_S, PaymentAttempt, Shield, is_small
from gateway.shops import buyers
from gateway.shops.identity import normal_handle

blueprint = Blueprint(
    "attempts",
    __name__,
    url_prefix="/v1/payment-attempts",
    description="How payments went: what the card-testing shield counts.",
)
_TOLD, _ANSWER = AttemptSchema(), AcknowledgedSchema()


@blueprint.post("")
@blueprint.arguments(_TOLD)
@blueprint.response(202, _ANSWER)
@blueprint.alt_response(404, description="`decision-unknown`: no such decision in this shop")
@blueprint.alt_response(409, description="`idempotency-conflict`, `shop-closed`")
def tell(told: AttemptTold) -> Response:
    """Tell how an attempt to pay went.

    Reports may come late, out of order and twice: one `external_id` counts once. What the shield learns from it are
    facts that rules may read; nothing else changes. Takes an `Idempotency-Key`.
    """
    who, now = current(), clock.now()
    checkout().side(who)
    answer = {"external_id": told.external_id, "counted": False, "why": _not_counted(told, now)}
    if not answer["why"]:
        answer["why"] = _count(who, told, now)
        answer["counted"] = not answer["why"]
    body = json.dumps(answer, ensure_ascii=False).encode()
    key = request.headers.get("Idempotency-Key")
    return _accepted(body if key is None else _answered_once(who, key, body, now))


def _answered_once(who: Principal, key: str, body: bytes, now: datetime) -> bytes:
    """What this request was answered the first time. It was counted once whatever the header says."""
    scope = f"{who.shop_id} POST attempts"
    attempt = idempotency.attempt(
        who.merchant_id, checkout().keys(who.merchant_id).data, scope, key, request.get_data()
    )
    with services().db.connection(who.merchant_id) as connection:
        if (before := idempotency.begin(connection, attempt, now)) is not None:
            return before.body
        idempotency.finish(connection, attempt, 202, body)
    return body


def _accepted(body: bytes) -> Response:
    return Response(body, 202, content_type="application/json")


def _not_counted(told: AttemptTold, now: datetime) -> str:
    if told.method_kind not in CARD_KINDS:
        return "not-a-card"
    if told.outcome == "challenged":
        return "not-an-outcome"
    if told.outcome != "authorised" and told.decline_class in NOT_A_DECLINE:
        return "no-decline"
    return "too-late" if (now - told.occurred_at).total_seconds() >= LATE_S else ""


def _count(who: Principal, told: AttemptTold, now: datetime) -> str:
    told = _completed(who, told)
    attempt = PaymentAttempt(
        merchant_id=who.merchant_id,
        shop_id=who.shop_id,
        external_id=told.external_id,
        basket=told.reference,
        authorised=told.outcome == "authorised",
        small=is_small(told.amount_minor, told.currency),
        digests=_digests(who, told),
        occurred_s=told.occurred_at.timestamp(),
    )
    counted = _shield().count(attempt, now.timestamp())
    if counted is None:
        return "counters-away"
    return "" if counted.new else "told-before"


def _shield() -> Shield:
    found: Shield = current_app.extensions["kulanz.shield"]
    return found


def _digests(who: Principal, told: AttemptTold) -> dict[str, bytes]:
    """Under the same blind indexes as in a decision, so that both speak of the same subject."""
    index_key = checkout().keys(who.merchant_id).index
    mode = "live" if who.live else "test"
    values = {"ip": told.ip, "device": told.device_id.strip(), "handle": normal_handle(told.card)}
    return {kind: blind_index(index_key, f"{mode}.{kind}", value) for kind, value in values.items() if value}


def _completed(who: Principal, told: AttemptTold) -> AttemptTold:
    """With what the checkout told of the connection, where the report comes from a provider that does not know it.

    Raises DecisionUnknown for a decision that is not one of this shop.
    """
    if told.decision_id is None and (told.ip or told.device_id):
        return told
    found, context = _context_of(who, told)
    if told.decision_id is not None and found is None:
        raise DecisionUnknown
    if found is None:
        return told
    return replace(
        told,
        reference=told.reference or found.reference or to_public("dec", found.id),
        ip=told.ip or context.get("ip", ""),
        device_id=told.device_id or context.get("device_id", ""),
        card=told.card or context.get("payment_handle", ""),
    )


def _context_of(who: Principal, told: AttemptTold) -> tuple[Any, Mapping[str, str]]:
    """The decision, or the newest of this reference, and what was told there of the connection; nothing of one erased."""
    wanted = select(Decision).where(Decision.merchant_id == who.merchant_id, Decision.shop_id == who.shop_id)
    if told.decision_id is not None:
        wanted = wanted.where(Decision.id == told.decision_id)
    else:
        wanted = wanted.where(Decision.reference == told.reference).order_by(Decision.id.desc()).limit(1)
    with services().db.transaction(who.merchant_id) as session:
        row = session.scalars(wanted).one_or_none()
        if row is None or row.buyer_id is None or row.told_sealed is None:
            return row, {}
        key = buyers.find_key(session, services().keyring, row.buyer_id)
        session.expunge(row)
    if key is None:
        return row, {}
    return row, json.loads(unseal(key, row.told_sealed, told_context(row.id)))["context"]
