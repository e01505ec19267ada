"""`/v1/letters` and `/v1/print-batches`: what left or is to leave, the paper of a day, and who letters come from."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any
from uuid import UUID

import orjson
from flask import Response, request
from marshmallow import Schema, fields, validate
from sqlalchemy.orm import Session

from gateway.core import clock, http
from gateway.core.errors import Invalid
from gateway.core.fields import Strict
from gateway.core.http import Blueprint, services
from gateway.core.ids import from_public
from gateway.merchants import repeats, senders
from gateway.merchants.guards import current
from gateway.receivables import days, letters, print_batches
from gateway.receivables.keys import Keys
from gateway.receivables.letter_lifecycle import LetterState
from gateway.receivables.letter_models import Letter, PrintBatch
from gateway.receivables.letter_view import batch_view, letter_view
from gateway.receivables.letters import LetterUnknown, Wanted
from gateway.receivables.print_batches import BatchUnknown

blueprint = Blueprint(
    "letters", __name__, url_prefix="/v1", description="Letters to debtors, print batches, and who letters come from."
)


class LetterListSchema(Strict):
    """Which letters."""

    state = fields.String(validate=validate.OneOf([state.value for state in LetterState]))
    claim_id = fields.String(validate=validate.Length(max=40))
    cursor = fields.String(
        validate=validate.Length(max=40), metadata={"description": "`next_cursor` of the page before"}
    )
    limit = fields.Integer(load_default=50, strict=False, validate=validate.Range(min=1, max=letters.MAX_PAGE))


class FindingSchema(Schema):
    """Why a letter was parked."""

    code = fields.String(required=True)
    path = fields.String(required=True)
    message = fields.String(required=True)


class LetterClaimSchema(Schema):
    """What a letter says about one claim."""

    claim_id = fields.String(required=True)
    level = fields.Integer(required=True)
    total_minor = fields.Integer(required=True)
    currency = fields.String(required=True)
    figures = fields.Dict(required=True)


class LetterSchema(Schema):
    """A letter; the debtor's name and address stand in its PDF only."""

    id = fields.String(required=True)
    shop_id = fields.String(required=True)
    buyer_id = fields.String(required=True)
    live = fields.Boolean(required=True)
    kind = fields.String(required=True)
    step = fields.String(required=True)
    channel = fields.String(required=True)
    fallback = fields.String(required=True, allow_none=True)
    language = fields.String(required=True)
    state = fields.String(required=True)
    day = fields.String(required=True)
    deadline = fields.String(required=True, allow_none=True)
    drafted_at = fields.String(required=True)
    release_at = fields.String(required=True)
    sent_at = fields.String(required=True, allow_none=True)
    ended_at = fields.String(required=True, allow_none=True)
    ended_why = fields.String(required=True, allow_none=True)
    findings = fields.List(fields.Nested(FindingSchema), required=True)
    has_pdf = fields.Boolean(required=True)
    batch_id = fields.String(required=True, allow_none=True)
    claims = fields.List(fields.Nested(LetterClaimSchema))


class LettersSchema(Schema):
    """A page of letters, the newest first."""

    letters = fields.List(fields.Nested(LetterSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class BatchSchema(Schema):
    """A print batch."""

    id = fields.String(required=True)
    day = fields.String(required=True)
    state = fields.String(required=True)
    letter_count = fields.Integer(required=True)
    made_at = fields.String(required=True)
    confirmed_at = fields.String(required=True, allow_none=True)
    confirmed_by = fields.String(required=True, allow_none=True)


class BatchesSchema(Schema):
    """Print batches, the newest first."""

    batches = fields.List(fields.Nested(BatchSchema), required=True)


class FailedSchema(Strict):
    """A letter that could not be sent."""

    letter_id = fields.String(required=True, validate=validate.Length(max=40))
    why = fields.String(load_default="other", validate=validate.OneOf(print_batches.REASONS))


class ConfirmSchema(Strict):
    """That the printer has sent the batch, all but some letters."""

    failed = fields.List(
        fields.Nested(FailedSchema), load_default=list, validate=validate.Length(max=print_batches.MAX_LETTERS)
    )


class ConfirmedSchema(Schema):
    """What came of a batch."""

    sent = fields.Integer(required=True)
    failed = fields.Integer(required=True)


SenderSchema = Schema.from_dict({name: fields.String(required=True) for name in senders.FIELDS}, name="SenderSchema")


@blueprint.get("/letters")
@blueprint.arguments(LetterListSchema, location="query")
@blueprint.response(200, LettersSchema)
@blueprint.alt_response(422, description="a filter is not valid")
def list_of_letters(asked: dict[str, Any]) -> Response:
    """Letters of this shop, the newest first."""
    wanted = Wanted(
        shop_id=current().shop_id,
        state=LetterState(asked["state"]) if "state" in asked else None,
        claim_id=_id("/claim_id", "clm", asked.get("claim_id")),
        before=_id("/cursor", "ltr", asked.get("cursor")),
        limit=asked["limit"],
    )
    with _transaction() as session:
        found = [letter_view(letter) for letter in letters.list_letters(session, wanted)]
    return _answer({"letters": found, "next_cursor": found[-1]["id"] if len(found) == wanted.limit else None})


@blueprint.get("/letters/<letter_id>")
@blueprint.response(200, LetterSchema)
@blueprint.alt_response(404, description="`letter-unknown`")
def read_letter(letter_id: str) -> Response:
    """One letter with the figures it states."""
    with _transaction() as session:
        letter = _mine(session, letter_id)
        return _answer(letter_view(letter, letters.claims_of(session, letter.id)))


@blueprint.get("/letters/<letter_id>/pdf")
@blueprint.response(200, content_type="application/pdf")
@blueprint.alt_response(404, description="`letter-unknown`")
@blueprint.alt_response(409, description="`letter-has-no-document`: not laid out yet; `buyer-erased`")
def letter_pdf(letter_id: str) -> Response:
    """The PDF exactly as it left."""
    with _transaction() as session:
        letter = _mine(session, letter_id)
        content = letters.pdf_of(session, Keys(services().keyring), letter)
    return _file(content, "application/pdf", f"{letter_id}.pdf")


@blueprint.post("/letters/<letter_id>/cancel")
@blueprint.response(200, LetterSchema)
@blueprint.alt_response(404, description="`letter-unknown`")
@blueprint.alt_response(409, description="`refused`: it has left or ended; `idempotency-conflict`")
def cancel_letter(letter_id: str) -> Response:
    """Take a letter back that has not left: its step, fees and interest are undone. Takes an `Idempotency-Key`."""

    def act(session: Session) -> Letter:
        letter, now = _mine(session, letter_id), clock.now()
        return letters.cancel(session, Keys(services().keyring), letter.id, "cancelled", now)

    return _once(f"letters/{letter_id}/cancel", act)


@blueprint.post("/letters/<letter_id>/release")
@blueprint.response(200, LetterSchema)
@blueprint.alt_response(404, description="`letter-unknown`")
@blueprint.alt_response(409, description="`refused`: it has left or ended; `idempotency-conflict`")
def release_letter(letter_id: str) -> Response:
    """End the undo window now; a parked letter is looked at again. Takes an `Idempotency-Key`."""
    return _once(
        f"letters/{letter_id}/release",
        lambda session: letters.release(session, _mine(session, letter_id).id, clock.now()),
    )


@blueprint.get("/print-batches")
@blueprint.response(200, BatchesSchema)
def list_of_batches() -> Response:
    """Print batches of this shop, the newest fifty."""
    with _transaction() as session:
        found = print_batches.list_batches(session, shop_id=current().shop_id)
        return _answer({"batches": [batch_view(batch) for batch in found]})


@blueprint.post("/print-batches")
@blueprint.response(201, BatchSchema)
@blueprint.alt_response(409, description="`nothing-to-print`; `idempotency-conflict`")
def make_batch() -> Response:
    """Take the letters of this shop that wait for paper into a batch. Takes an `Idempotency-Key`."""
    with _transaction() as session:

        def act() -> bytes:
            now = clock.now()
            keys = Keys(services().keyring)
            batch = print_batches.make(session, keys, days.today("DE", now), now, current().shop_id)
            return orjson.dumps(batch_view(batch))

        return repeats.once(session, "print-batches", request.get_data(), 201, act)


@blueprint.get("/print-batches/<batch_id>/archive")
@blueprint.response(200, content_type="application/zip")
@blueprint.alt_response(404, description="`batch-unknown`")
@blueprint.alt_response(409, description="`buyer-erased`")
def batch_archive(batch_id: str) -> Response:
    """The ZIP for the printer: a PDF per letter and `letters.csv`."""
    with _transaction() as session:
        batch = _my_batch(session, batch_id)
        content = print_batches.archive(session, Keys(services().keyring), batch)
    return _file(content, "application/zip", f"{batch_id}.zip")


@blueprint.post("/print-batches/<batch_id>/confirm")
@blueprint.arguments(ConfirmSchema)
@blueprint.response(200, ConfirmedSchema)
@blueprint.alt_response(404, description="`batch-unknown`")
@blueprint.alt_response(409, description="`already-confirmed`; `idempotency-conflict`")
def confirm_batch(told: dict[str, Any], batch_id: str) -> Response:
    """The printer has sent them: the letters are dated now; those that failed undo their step."""
    with _transaction() as session:

        def act() -> bytes:
            keys, batch = Keys(services().keyring), _my_batch(session, batch_id)
            failed = {_letter_id(number, one): one["why"] for number, one in enumerate(told["failed"])}
            done = print_batches.confirm(session, keys, batch.id, failed, current().actor, clock.now())
            return orjson.dumps(asdict(done))

        return repeats.once(session, f"print-batches/{batch_id}/confirm", request.get_data(), 200, act)


@blueprint.get("/sender")
@blueprint.response(200, SenderSchema)
@blueprint.alt_response(404, description="`sender-missing`")
def read_sender() -> Response:
    """Who letters come from. It is changed at the desk or with `kulanz letters sender`."""
    with _transaction() as session:
        return _answer(asdict(senders.get(session, services().keyring)))


def _once(scope: str, act: Callable[[Session], Letter]) -> Response:
    with _transaction() as session:
        return repeats.once(session, scope, request.get_data(), 200, lambda: orjson.dumps(letter_view(act(session))))


def _letter_id(number: int, told: dict[str, Any]) -> UUID:
    id_ = from_public("ltr", told["letter_id"])
    if id_ is None:
        raise Invalid.at(f"/failed/{number}/letter_id", "is no id of a letter (ltr_…)")
    return id_


def _id(path: str, prefix: str, told: str | None) -> UUID | None:
    if told is None:
        return None
    id_ = from_public(prefix, told)
    if id_ is None:
        raise Invalid.at(path, f"is no id ({prefix}_…)")
    return id_


def _mine(session: Session, letter_id: str) -> Letter:
    letter = letters.get(session, from_public("ltr", letter_id))
    if letter.shop_id != current().shop_id:
        raise LetterUnknown
    return letter


def _my_batch(session: Session, batch_id: str) -> PrintBatch:
    batch = print_batches.get(session, from_public("prb", batch_id))
    if any(letter.shop_id != current().shop_id for letter in print_batches.letters_of(session, batch.id)):
        raise BatchUnknown
    return batch


def _file(content: bytes, media_type: str, name: str) -> Response:
    answer = Response(content, 200, content_type=media_type)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer


@contextmanager
def _transaction() -> Iterator[Session]:
    with services().db.transaction(current().merchant_id) as session:
        yield session


def _answer(body: dict[str, Any], status: int = 200) -> Response:
    return http.answer(orjson.dumps(body), status)
