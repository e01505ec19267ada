"""`/v1/bank`: files of bank accounts come in, statements and entries can be read."""

from typing import Any

import orjson
from flask import Response, request
from werkzeug.datastructures import FileStorage

from gateway.core import clock
from gateway.core.errors import Invalid, TooLarge
from gateway.core.http import Blueprint, services
from gateway.core.media import MAX_BYTES
from gateway.merchants import repeats
from gateway.merchants.guards import current
from gateway.payments import bank, bank_files, bank_mappings
from gateway.payments.bank import Arrival
from gateway.payments.bank_listing import Page, list_entries, list_statements, taken_view
from gateway.payments.bank_schemas import (
    BankEntryListSchema,
    BankFileSchema,
    BankMappingListSchema,
    BankMappingSchema,
    BankMappingShownSchema,
    BankPageSchema,
    BankStatementListSchema,
    BankTakenSchema,
)

blueprint = Blueprint(
    "bank",
    __name__,
    url_prefix="/v1/bank",
    description="Bank statements: files taken once, payments told once however many files tell them.",
)
FILE, PAGE, TAKEN, MAPPING = BankFileSchema(), BankPageSchema(), BankTakenSchema(), BankMappingSchema()
MAX_NAME = 60


@blueprint.post("/statements")
@blueprint.arguments(FILE, location="files")
@blueprint.response(201, TAKEN)
@blueprint.alt_response(413, description="the file is larger than 10 MB; `kulanz bank take` reads larger ones")
@blueprint.alt_response(422, description="`bank-file-unreadable`: nothing of the file was taken")
def add_statement(files: dict[str, FileStorage]) -> Response:
    """Upload a bank file.

    `multipart/form-data` with `file`. The format is told from the content. The same file, or the same payment in another
    file, changes nothing. Takes an `Idempotency-Key`.
    """
    principal, opened = current(), services()
    content = files["file"].stream.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise TooLarge("a bank file has at most 10 MB here", limit_bytes=MAX_BYTES)
    with opened.db.transaction(principal.merchant_id) as session:
        mappings = bank_mappings.own(session)
    contents = bank_files.read(content, mappings)
    arrival = Arrival(content, "api", principal.live, f"key:{principal.key_id}")
    with opened.db.transaction(principal.merchant_id) as session:

        def act() -> bytes:
            taken = bank.take(session, opened.keyring, contents, arrival, clock.now())
            return orjson.dumps(TAKEN.dump(taken_view(taken)))

        return repeats.once(session, request.path, content, 201, act)


@blueprint.get("/statements")
@blueprint.arguments(PAGE, location="query")
@blueprint.response(200, BankStatementListSchema())
def statements(page: dict[str, Any]) -> dict[str, Any]:
    """List statements, the newest first, with what is missing between them."""
    principal, opened = current(), services()
    with opened.db.transaction(principal.merchant_id) as session:
        return list_statements(session, opened.keyring, Page(**page), live=principal.live)


@blueprint.get("/entries")
@blueprint.arguments(PAGE, location="query")
@blueprint.response(200, BankEntryListSchema())
def entries(page: dict[str, Any]) -> dict[str, Any]:
    """List payments on the accounts, the newest first."""
    principal, opened = current(), services()
    with opened.db.transaction(principal.merchant_id) as session:
        return list_entries(session, opened.keyring, Page(**page), live=principal.live)


@blueprint.get("/mappings")
@blueprint.response(200, BankMappingListSchema())
def mappings() -> dict[str, Any]:
    """List the merchant's own mappings of CSV exports."""
    with services().db.transaction(current().merchant_id) as session:
        known = bank_mappings.list_documents(session)
    return {"mappings": [{"name": name, "document": document} for name, document in known]}


@blueprint.put("/mappings/<name>")
@blueprint.arguments(MAPPING)
@blueprint.response(200, BankMappingShownSchema())
@blueprint.alt_response(409, description="`too-many-mappings`")
@blueprint.alt_response(422, description="`mapping-invalid`, with the place of the fault")
def put_mapping(body: dict[str, Any], name: str) -> dict[str, Any]:
    """Save a mapping of a CSV export, in place of one of the same name."""
    if len(name) > MAX_NAME:
        raise Invalid.at("/name", f"has at most {MAX_NAME} characters")
    with services().db.transaction(current().merchant_id) as session:
        bank_mappings.save(session, name, body["document"], clock.now())
    return {"name": name, "document": body["document"]}


@blueprint.delete("/mappings/<name>")
@blueprint.response(204)
@blueprint.alt_response(404, description="`mapping-unknown`")
def delete_mapping(name: str) -> None:
    """Forget a mapping."""
    with services().db.transaction(current().merchant_id) as session:
        bank_mappings.remove(session, name)
