"""`/v1/orders`: shops tell what they sold and what became of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import orjson
from flask import Response, request
from werkzeug.datastructures import FileStorage

from gateway.core import clock, idempotency
from gateway.core.documents import File
from gateway.core.http import Blueprint, answer, services
from gateway.core.media import MAX_BYTES
from gateway.merchants import repeats
from gateway.merchants.guards import current
from gateway.shops import shops
from gateway.shops.listing import Page, document_view, get_order, list_orders
from gateway.shops.orders import Orders
from gateway.shops.schemas import (
    DocumentFileSchema,
    DocumentFormSchema,
    EventTellSchema,
    OrderDocumentSchema,
    OrderListSchema,
    OrderPageSchema,
    OrderSchema,
    OrderTellSchema,
)
from gateway.shops.told import EventTold, OrderTold

blueprint = Blueprint(
    "orders",
    __name__,
    url_prefix="/v1/orders",
    description="What a shop sold and what became of it: payments, parcels, returns.",
)
ORDER, EVENT, PAGE = OrderTellSchema(), EventTellSchema(), OrderPageSchema()
FORM, FILE = DocumentFormSchema(), DocumentFileSchema()
ANSWER, DOCUMENT = OrderSchema(), OrderDocumentSchema()


@contextmanager
def orders() -> Iterator[Orders]:
    """The orders of the calling shop, in one transaction."""
    principal, opened = current(), services()
    with opened.db.transaction(principal.merchant_id) as session:
        yield Orders(session, opened.keyring, shops.get(session, principal.shop_id))


def read(mine: Orders, reference: str) -> dict[str, Any]:
    """The order as the answer shows it."""
    return get_order(mine.session, mine.keyring, mine.shop, reference)


Act = Callable[[], dict[str, Any]]


def once(mine: Orders, scope: str, content: bytes, act: Act, status: int, again: Act | None = None) -> Response:
    """Do it, or tell a request that comes again under its `Idempotency-Key` how things stand, by `again` or `act`.

    Only the status is kept: an answer holds what the buyer's erasure must take away.
    """
    attempt = repeats.attempt(mine.session, scope, content)
    if attempt is None:
        return answer(orjson.dumps(act()), status)
    if (before := idempotency.begin(mine.session, attempt, clock.now())) is not None:
        return answer(orjson.dumps((again or act)()), before.status)
    body = orjson.dumps(act())
    idempotency.finish(mine.session, attempt, status, b"")
    return answer(body, status)


@blueprint.get("")
@blueprint.arguments(PAGE, location="query")
@blueprint.response(200, OrderListSchema())
def list_of_orders(page: dict[str, Any]) -> dict[str, Any]:
    """List orders, the newest first.

    Summaries without personal data; `next_cursor` leads to the next page.
    """
    with orders() as mine:
        return list_orders(mine.session, mine.shop, Page(**page))


@blueprint.get("/<reference>")
@blueprint.response(200, ANSWER)
@blueprint.alt_response(404, description="`order-unknown`: the shop has not told this order")
def one_order(reference: str) -> dict[str, Any]:
    """Read an order with its events and documents."""
    with orders() as mine:
        return read(mine, reference)


@blueprint.put("/<reference>")
@blueprint.arguments(ORDER)
@blueprint.response(200, ANSWER)
@blueprint.alt_response(201, schema=ANSWER, description="the order was told for the first time")
@blueprint.alt_response(409, description="`order-contradicts`, `cancelled-order`, `buyer-erased`, `shop-closed`")
def put_order(told: OrderTold, reference: str) -> tuple[dict[str, Any], int]:
    """Tell an order, or tell it again.

    Replaces what was told before, as often as the shop likes. Currency and decision stay, and so does the buyer of
    a decision; the total may change until the order is cancelled.
    """
    with orders() as mine:
        put = mine.put(reference, told, clock.now())
        return read(mine, reference), 201 if put.created else 200


@blueprint.post("/<reference>/events")
@blueprint.arguments(EVENT)
@blueprint.response(200, ANSWER)
@blueprint.alt_response(404, description="`order-unknown`: tell the order with PUT first")
@blueprint.alt_response(409, description="`event-contradicts`, `refund-exceeds-payment`, `order-full`")
def add_event(told: EventTold, reference: str) -> Response:
    """Tell what happened to an order.

    Events may come late, out of order and twice: one `external_id` counts once. The answer is the order as it is then.
    Takes an `Idempotency-Key`.
    """
    with orders() as mine:

        def again() -> dict[str, Any]:
            return dict(ANSWER.dump(read(mine, reference)))

        def act() -> dict[str, Any]:
            mine.add_event(reference, told, clock.now())
            return again()

        return once(mine, f"{reference}/events", request.get_data(), act, 200, again)


@blueprint.post("/<reference>/documents")
@blueprint.arguments(FORM, location="form")
@blueprint.arguments(FILE, location="files")
@blueprint.response(201, DOCUMENT)
@blueprint.alt_response(404, description="`order-unknown`: tell the order with PUT first")
@blueprint.alt_response(409, description="`buyer-erased`, `order-full`")
@blueprint.alt_response(413, description="the document is larger than 10 MB")
def add_document(form: dict[str, str], files: dict[str, FileStorage], reference: str) -> Response:
    """Upload the invoice or a proof of delivery.

    `multipart/form-data` with `kind` and `file`. The same file again is the same document. Takes an `Idempotency-Key`.
    """
    kind, upload = form["kind"], files["file"]
    file = File(upload.stream.read(MAX_BYTES + 1), upload.mimetype, upload.filename or kind)
    with orders() as mine:

        def act() -> dict[str, Any]:
            return dict(DOCUMENT.dump(document_view(mine.session, mine.attach(reference, kind, file, clock.now()))))

        return once(mine, f"{reference}/documents", kind.encode() + b"\n" + file.content, act, 201)
