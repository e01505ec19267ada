"""`/v1/privacy`: shops bring in what buyers ask for, read what is due, answer, and fetch a copy."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
from flask import Response, current_app, request
from marshmallow import Schema, fields, validate
from sqlalchemy.orm import Session

from gateway.checkout import explanations
from gateway.checkout.texts import LANGUAGES
from gateway.core import clock, http, idempotency
from gateway.core.errors import Invalid
from gateway.core.fields import Strict
from gateway.core.http import Blueprint, services
from gateway.core.ids import from_public, to_public
from gateway.merchants import repeats
from gateway.merchants.auth import Principal
from gateway.merchants.guards import current
from gateway.privacy import answers, copies, corrections, finding, reviews, rights
from gateway.privacy.answers import Clerk
from gateway.privacy.copies import request_view
from gateway.privacy.reviews import Verdict
from gateway.privacy.rights import Kind, NewRequest, RequestUnknown, RightsRequest, State, Wanted
from gateway.shops.buyers import BuyerUnknown

blueprint = Blueprint(
    "privacy", __name__, url_prefix="/v1/privacy", description="Rights of buyers: requests, answers, copies of data."
)


class AskSchema(Strict):
    """What a buyer asked the shop for. The shop vouches for who he is."""

    kind = fields.String(required=True, validate=validate.OneOf([kind.value for kind in Kind]))
    buyer = fields.String(
        load_default="",
        validate=validate.Length(max=320),
        metadata={"description": "his id, e-mail address or phone number; not needed beside decision_id"},
    )
    decision_id = fields.String(load_default="", validate=validate.Length(max=40))
    text = fields.String(load_default="", validate=validate.Length(max=rights.MAX_WORDS))
    changes = fields.Dict(
        keys=fields.String(validate=validate.OneOf(corrections.FIELDS)),
        values=fields.String(validate=validate.Length(max=corrections.MAX_LENGTH)),
        load_default=dict,
        metadata={"description": "for a correction: new values by field"},
    )
    language = fields.String(load_default="de", validate=validate.OneOf(LANGUAGES))


class GivenSchema(Strict):
    """How a request ends."""

    outcome = fields.String(
        required=True,
        validate=validate.OneOf(sorted(set().union(*rights.OUTCOMES.values()))),
        metadata={
            "description": "review: upheld, granted; correction: corrected; objection: noted, ended; access: sent; "
            "erasure: erased; each but a review also refused"
        },
    )
    text = fields.String(required=True, validate=validate.Length(min=1, max=rights.MAX_ANSWER))
    grant = fields.String(load_default=reviews.ONCE, validate=validate.OneOf([reviews.ONCE, reviews.LIST]))
    days = fields.Integer(load_default=14, strict=True, validate=validate.Range(min=1, max=reviews.MAX_DAYS))


class RequestSchema(Schema):
    """A request and what came of it."""

    id = fields.String(required=True)
    kind = fields.String(required=True)
    state = fields.String(required=True)
    live = fields.Boolean(required=True)
    buyer_id = fields.String(required=True, allow_none=True)
    decision_id = fields.String(required=True, allow_none=True)
    asked_at = fields.String(required=True)
    due_at = fields.String(required=True)
    proof = fields.String(
        required=True, metadata={"description": "postcode or email, with the link; merchant: the shop vouches"}
    )
    text = fields.String(required=True)
    changes = fields.Dict(required=True)
    outcome = fields.String(required=True, allow_none=True)
    answer = fields.String(required=True)
    answered_at = fields.String(required=True, allow_none=True)


class RequestsSchema(Schema):
    """Requests, open ones by deadline."""

    requests = fields.List(fields.Nested(RequestSchema), required=True)


class ListSchema(Strict):
    """Which requests."""

    state = fields.String(load_default="open", validate=validate.OneOf([state.value for state in State]))
    due_in_days = fields.Integer(
        validate=validate.Range(min=0, max=60), metadata={"description": "only what is due by then"}
    )
    limit = fields.Integer(load_default=50, validate=validate.Range(min=1, max=rights.MAX_PAGE))


class CopyQuerySchema(Strict):
    """Whose data, in which language."""

    language = fields.String(load_default="de", validate=validate.OneOf(LANGUAGES))


class CopySchema(Schema):
    """Everything that is known of a buyer."""

    made_at = fields.String(required=True)
    language = fields.String(required=True)
    live = fields.Boolean(required=True)
    about = fields.Dict(required=True)
    buyer = fields.Dict(required=True)
    orders = fields.List(fields.Dict(), required=True)
    claims = fields.List(fields.Dict(), required=True)
    decisions = fields.List(fields.Dict(), required=True)
    bureau_answers = fields.List(fields.Dict(), required=True)
    list_entries = fields.List(fields.Dict(), required=True)
    requests = fields.List(fields.Dict(), required=True)
    complete = fields.Boolean(required=True)


@blueprint.get("/requests")
@blueprint.arguments(ListSchema, location="query")
@blueprint.response(200, RequestsSchema)
@blueprint.alt_response(422, description="a filter is not valid")
def list_of_requests(asked: dict[str, Any]) -> Response:
    """Requests of buyers of this shop's mode, open ones by deadline."""
    who = current()
    soon = clock.now() + timedelta(days=asked["due_in_days"]) if "due_in_days" in asked else None
    with _transaction() as session:
        wanted = Wanted(state=State(asked["state"]), live=who.live, shop_id=who.shop_id, due_before=soon)
        rows = rights.list_requests(session, wanted, asked["limit"])
        return _answer({"requests": [_view(session, row) for row in rows]}, 200)


@blueprint.post("/requests")
@blueprint.arguments(AskSchema)
@blueprint.response(201, RequestSchema)
@blueprint.alt_response(404, description="`buyer-unknown`, `decision-unknown`")
@blueprint.alt_response(409, description="`idempotency-conflict`, `already-asked`, `requests-full`, `buyer-erased`")
def ask(asked: dict[str, Any]) -> Response:
    """Bring in what a buyer asked the shop for.

    An objection counts at once, and an erasure is carried out or refused with the date at once; the rest waits for an
    answer. Takes an `Idempotency-Key`; without one, asking for the same again before it is answered is refused.
    """

    def act(session: Session) -> RightsRequest:
        row = rights.ask(session, services().keyring, _new(session, asked), clock.now())
        _at_once(session, row)
        return row

    return _once("requests", 201, act)


@blueprint.get("/requests/<request_id>")
@blueprint.response(200, RequestSchema)
@blueprint.alt_response(404, description="no such request in this shop")
def read(request_id: str) -> Response:
    """One request."""
    with _transaction() as session:
        return _answer(_view(session, _mine(session, request_id)), 200)


@blueprint.post("/requests/<request_id>/answer")
@blueprint.arguments(GivenSchema)
@blueprint.response(200, RequestSchema)
@blueprint.alt_response(404, description="no such request in this shop")
@blueprint.alt_response(
    409,
    description="`idempotency-conflict`, `refused`: it has ended; `erasure-refused`, `still-blocked`, `nothing-to-grant`, `buyer-erased`",
)
def answer(given: dict[str, Any], request_id: str) -> Response:
    """End a request: carry it out or refuse it, and write to the buyer. Takes an `Idempotency-Key`."""

    def act(session: Session) -> RightsRequest:
        row = _mine(session, request_id)
        if given["outcome"] not in rights.OUTCOMES[row.kind]:
            raise Invalid.at("/outcome", f"is one of {', '.join(sorted(rights.OUTCOMES[row.kind]))}")
        _ENDINGS[given["outcome"]](_clerk(session), row, given)
        return row

    return _once(f"requests/{request_id}/answer", 200, act)


@blueprint.get("/buyers/<buyer_id>/copy")
@blueprint.arguments(CopyQuerySchema, location="query")
@blueprint.response(200, CopySchema)
@blueprint.alt_response(404, description="`buyer-unknown`")
@blueprint.alt_response(409, description="`buyer-erased`")
@blueprint.alt_response(422, description="the language is not one of ours")
def copy(asked: dict[str, Any], buyer_id: str) -> Response:
    """Everything that is known of a buyer (Art. 15 GDPR).

    By his id only, as a request has it: an e-mail address in an address would stand in logs.
    """
    keyring, now = services().keyring, clock.now()
    with _transaction() as session:
        id_ = finding.by_id(session, buyer_id, live=current().live)
        return _answer(copies.copy_of(session, keyring, id_, asked["language"], now), 200)


Ending = Callable[[Clerk, RightsRequest, dict[str, Any]], object]
_ENDINGS: dict[str, Ending] = {
    "upheld": lambda clerk, row, given: _review(clerk, row, given, ""),
    "granted": lambda clerk, row, given: _review(clerk, row, given, given["grant"]),
    "corrected": lambda clerk, row, given: answers.correct(clerk, row.id, given["text"]),
    "noted": lambda clerk, row, given: answers.note_objection(clerk, row.id, given["text"]),
    "ended": lambda clerk, row, given: answers.end_objection(clerk, row.id, given["text"]),
    "sent": lambda clerk, row, given: clerk.end(row, "sent", given["text"], clerk.reach(row)),
    "erased": lambda clerk, row, given: answers.erase(clerk, row.id, given["text"]),
    "refused": lambda clerk, row, given: answers.refuse(clerk, row.id, given["text"]),
}


def _review(clerk: Clerk, row: RightsRequest, given: dict[str, Any], grant: str) -> RightsRequest:
    verdict = Verdict(grant, given["text"], clerk.actor, given["days"])
    return reviews.decide(clerk.session, clerk.services.keyring, row.id, verdict, clerk.now)


def _once(scope: str, status: int, act: Callable[[Session], RightsRequest]) -> Response:
    """Do it, or tell a request that comes again under its `Idempotency-Key` how things stand.

    Only the id is kept with the key: an answer holds what the buyer's erasure must take away.
    """
    with _transaction() as session:
        attempt = repeats.attempt(session, f"privacy/{scope}", request.get_data())
        if attempt is None:
            return _answer(_view(session, act(session)), status)
        if (before := idempotency.begin(session, attempt, clock.now())) is not None:
            return _answer(_view(session, _mine(session, before.body.decode())), before.status)
        row = act(session)
        idempotency.finish(session, attempt, status, to_public("rig", row.id).encode())
        return _answer(_view(session, row), status)


@contextmanager
def _transaction() -> Iterator[Session]:
    with services().db.transaction(current().merchant_id) as session:
        yield session


def _clerk(session: Session) -> Clerk:
    objects = current_app.extensions["kulanz.objections"]
    return Clerk(session, services(), current().actor, clock.now(), objects)


def _new(session: Session, asked: dict[str, Any]) -> NewRequest:
    who, kind = current(), Kind(asked["kind"])
    decision_id, buyer_id = _named(session, who, asked)
    words = {name: asked[name] for name in ("text", "changes") if asked[name]}
    if kind is Kind.CORRECTION:
        words["changes"] = corrections.checked(asked["changes"])
    if kind is Kind.REVIEW and decision_id is None:
        raise Invalid.at("/decision_id", "names the decision to look at")
    return NewRequest(
        kind, who.shop_id, buyer_id, who.live, who.actor, "merchant", decision_id, asked["language"], words
    )


def _named(session: Session, who: Principal, asked: dict[str, Any]) -> tuple[UUID | None, UUID]:
    """The decision, if one is named, and the buyer. Raises Invalid, BuyerUnknown, DecisionUnknown."""
    keyring, decision_id = services().keyring, None
    if asked["decision_id"]:
        wanted = from_public("dec", asked["decision_id"]) or UUID(int=0)
        row = explanations.get(session, keyring, wanted, who.shop_id).row
        decision_id = row.id
        if not asked["buyer"]:
            if row.buyer_id is None:
                raise BuyerUnknown
            return decision_id, row.buyer_id
    if not asked["buyer"]:
        raise Invalid.at("/buyer", "is needed where no decision is named")
    buyer_id = finding.find_buyer(session, keyring, asked["buyer"], live=who.live)
    if decision_id is not None and row.buyer_id != buyer_id:
        raise Invalid.at("/decision_id", "is about another buyer")
    return decision_id, buyer_id


def _at_once(session: Session, row: RightsRequest) -> None:
    clerk = _clerk(session)
    if row.kind == Kind.OBJECTION:
        answers.note_objection(clerk, row.id, "Art. 21 (1) GDPR")
    elif row.kind == Kind.ERASURE and row.buyer_id is not None:
        kept = answers.why_kept(clerk, row.buyer_id)
        if kept is None:
            answers.erase(clerk, row.id, "Art. 17 (1) GDPR")
        else:
            answers.refuse(clerk, row.id, f"{kept.facts['until'] or '?'}: {'; '.join(kept.facts['reasons'])}")


def _mine(session: Session, request_id: str) -> RightsRequest:
    id_ = from_public("rig", request_id)
    if id_ is None:
        raise RequestUnknown
    row = rights.get(session, services().keyring, id_).row
    if row.shop_id != current().shop_id:
        raise RequestUnknown
    return row


def _view(session: Session, row: RightsRequest) -> dict[str, Any]:
    return request_view(rights.opened(session, services().keyring, row))


def _answer(body: dict[str, Any], status: int) -> Response:
    return http.answer(orjson.dumps(body), status)
