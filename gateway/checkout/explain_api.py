"""`/v1/decisions/{id}/explanation`: why a buyer was offered what he was offered, and a link by which he reads it himself."""

from typing import Any

import orjson
from flask import Response
from marshmallow import Schema, fields, validate

from gateway.checkout import explanations, links
from gateway.checkout.api import DecisionUnknown
from gateway.checkout.explanations import ExplanationGone
from gateway.checkout.links import Link
from gateway.checkout.selection_api import blueprint
from gateway.checkout.texts import LANGUAGES, language_of
from gateway.core import clock
from gateway.core.fields import Strict
from gateway.core.http import answer, services
from gateway.core.ids import from_public
from gateway.core.services import Services
from gateway.merchants import secrets
from gateway.merchants.guards import current
from gateway.shops import shops

__all__ = ["PATH", "blueprint", "link_of", "url_of"]
PATH = "/why"
"""Where the page of the portal stands that takes a link."""


class LanguageSchema(Strict):
    """In which language."""

    language = fields.String(
        load_default="",
        validate=validate.OneOf(LANGUAGES),
        metadata={"description": "as told for the buyer, else the shop's"},
    )


class ExplainedFactSchema(Schema):
    """One fact that was used."""

    fact = fields.String(required=True)
    label = fields.String(required=True)
    value = fields.String(required=True, metadata={"description": "in words; of counters only whether it was unusual"})
    direction = fields.String(required=True, validate=validate.OneOf(["for", "against", "none"]))
    direction_text = fields.String(required=True)
    rank = fields.Integer(
        required=True, allow_none=True, metadata={"description": "1 weighed most; null had no influence"}
    )


class ExplainedGroupSchema(Schema):
    """Facts of one kind."""

    group = fields.String(required=True)
    title = fields.String(required=True)
    facts = fields.List(fields.Nested(ExplainedFactSchema), required=True)


class ExplainedReasonSchema(Schema):
    """Why a method was offered or not, for the buyer."""

    code = fields.String(required=True)
    text = fields.String(required=True)


class ExplainedMethodSchema(Schema):
    """What became of one method."""

    method = fields.String(required=True)
    kind = fields.String(required=True)
    label = fields.String(required=True)
    show = fields.Boolean(required=True)
    rank = fields.Integer(required=True, allow_none=True)
    deposit_percent = fields.Integer(required=True)
    deposit_minor = fields.Integer(required=True)
    text = fields.String(required=True)
    reasons = fields.List(fields.Nested(ExplainedReasonSchema), required=True)


class WhatIfMethodSchema(Schema):
    """A method that would have been offered."""

    method = fields.String(required=True)
    deposit_percent = fields.Integer(required=True)


class WhatIfSchema(Schema):
    """One change the buyer can make, and what it would have brought: decided again, not guessed."""

    code = fields.String(required=True)
    methods = fields.List(fields.Nested(WhatIfMethodSchema), required=True)
    text = fields.String(required=True)


class ProbabilitySchema(Schema):
    """One estimate."""

    name = fields.String(required=True)
    label = fields.String(required=True)
    value = fields.Float(required=True)
    text = fields.String(required=True)


class ExplainedVersionsSchema(Schema):
    """What decided: 0 means the shipped default."""

    card = fields.String(required=True)
    policy = fields.Integer(required=True)
    economics = fields.Integer(required=True)


class ExplanationSchema(Schema):
    """A decision in plain words."""

    decision_id = fields.String(required=True)
    created_at = fields.String(required=True, metadata={"format": "date-time"})
    live = fields.Boolean(required=True)
    reference = fields.String(required=True)
    language = fields.String(required=True)
    summary = fields.String(required=True)
    groups = fields.List(fields.Nested(ExplainedGroupSchema), required=True)
    missing = fields.List(fields.String(), required=True)
    methods = fields.List(fields.Nested(ExplainedMethodSchema), required=True)
    what_would_change = fields.List(fields.Nested(WhatIfSchema), required=True)
    probabilities = fields.List(fields.Nested(ProbabilitySchema), required=True)
    principles = fields.List(fields.String(), required=True)
    versions = fields.Nested(ExplainedVersionsSchema, required=True)
    recomputed = fields.Boolean(
        required=True, metadata={"description": "false: the card is no longer shipped, so nothing could be tried again"}
    )


class ExplanationLinkSchema(Schema):
    """Where the buyer reads it himself."""

    url = fields.String(required=True, metadata={"format": "uri"})
    expires_at = fields.String(required=True, metadata={"format": "date-time"})


@blueprint.get("/<decision_id>/explanation")
@blueprint.arguments(LanguageSchema, location="query")
@blueprint.response(200, ExplanationSchema)
@blueprint.alt_response(404, description="no such decision in this shop")
@blueprint.alt_response(422, description="the language is not one of ours")
def read_explanation(asked: dict[str, Any], decision_id: str) -> Response:
    """Why these methods, in plain words for the buyer.

    What was used, in which direction and rank, why each method was offered or not, and what would have changed it.
    """
    who, id_ = current(), from_public("dec", decision_id)
    if id_ is None:
        raise DecisionUnknown
    with services().db.transaction(who.merchant_id) as session:
        known = explanations.get(session, services().keyring, id_, who.shop_id)
        default = shops.get(session, who.shop_id).language
        language = language_of(asked["language"] or known.language, default)
        body = explanations.explanation(session, known.row, language)
    return answer(orjson.dumps(body))


@blueprint.post("/<decision_id>/explanation-link")
@blueprint.response(201, ExplanationLinkSchema)
@blueprint.alt_response(404, description="no such decision in this shop")
@blueprint.alt_response(410, description="`explanation-gone`: the link would have expired, or the buyer was erased")
def make_link(decision_id: str) -> Response:
    """A link to the page that says why, for the buyer of this decision.

    The same decision has the same link each time it is asked for. It needs no account, works for 60 days from the
    decision, ends with the buyer's erasure, and shows personal data only to who also knows postcode or e-mail address.
    """
    who, id_, now = current(), from_public("dec", decision_id), clock.now()
    if id_ is None:
        raise DecisionUnknown
    with services().db.transaction(who.merchant_id) as session:
        known = explanations.get(session, services().keyring, id_, who.shop_id)
        link = link_of(known)
        if known.erased or link.until <= now:
            raise ExplanationGone
        url = url_of(services(), secrets.get_key(session, services().keyring, "index"), link)
    return answer(orjson.dumps({"url": url, "expires_at": link.until.isoformat()}), 201)


def link_of(known: explanations.Known) -> Link:
    """The link of a decision."""
    row = known.row
    return Link(links.EXPLANATION, row.merchant_id, row.id, links.until(row.created_at, links.LASTS))


def url_of(opened: Services, index_key: bytes, link: Link) -> str:
    """The address that a link has on this installation."""
    return f"{opened.public_url}{PATH}/{links.token(index_key, link)}"
