"""Documents: sealed, stored once, readable only with their owner's key."""

from datetime import UTC, datetime

import psycopg
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import InvalidRequestError, ProgrammingError

from gateway.core.crypto import Tampered, new_key
from gateway.core.documents import Document, File, Owner, forget, get, load, name_of, store
from gateway.core.errors import Invalid, NotFound, TooLarge
from gateway.core.ids import new_id

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
INVOICE = b"%PDF-1.7\nRechnung 4711 an Anna Muster\n%%EOF"


def an_owner() -> Owner:
    """A buyer with a data key of his own."""
    return Owner(new_id(), new_key())


def a_file(content=INVOICE, media_type="application/pdf", name="Rechnung 4711.pdf") -> File:
    """An invoice as a shop sends it."""
    return File(content, media_type, name)


def test_a_document_comes_back_as_it_was_stored(db, merchant_id):
    """Content and name are sealed in the row and open with the owner's key."""
    owner = an_owner()
    with db.transaction(merchant_id) as session:
        document = store(session, owner, a_file(), "invoice", NOW)
        assert load(session, owner, document.id) == INVOICE
        assert name_of(get(session, document.id), owner.key) == "Rechnung 4711.pdf"
        assert (document.purpose, document.media_type, document.size) == ("invoice", "application/pdf", len(INVOICE))
        row = " ".join(map(str, session.execute(select(Document.__table__)).one()))
        assert "Muster" not in row
        assert "4711" not in row


def test_the_same_content_twice_is_one_document(db, merchant_id):
    """A shop that sends an invoice again gets the first document, under its first name."""
    owner = an_owner()
    with db.transaction(merchant_id) as session:
        first = store(session, owner, a_file(), "invoice", NOW)
        again = store(session, owner, a_file(name="copy.pdf"), "invoice", NOW)
        other = store(session, owner, a_file(content=INVOICE + b"2"), "invoice", NOW)
        assert again.id == first.id
        assert name_of(again, owner.key) == "Rechnung 4711.pdf"
        assert other.id != first.id
        assert session.scalar(select(func.count()).select_from(Document)) == 2


def test_equal_files_of_two_owners_do_not_match(db, merchant_id):
    """Nobody with the database alone can tell that two buyers hold the same file."""
    with db.transaction(merchant_id) as session:
        documents = [store(session, an_owner(), a_file(), "invoice", NOW) for _ in range(2)]
        assert len({document.digest for document in documents}) == 2


def test_another_owner_and_another_merchant_do_not_find_it(db, merchant_id):
    """A document is looked up by merchant, owner and id together."""
    owner, thief = an_owner(), an_owner()
    with db.transaction(merchant_id) as session:
        id_ = store(session, owner, a_file(), "invoice", NOW).id
        with pytest.raises(NotFound):
            load(session, thief, id_)
        with pytest.raises(Tampered):
            load(session, Owner(owner.id, thief.key), id_)
    with db.transaction(new_id()) as session:
        with pytest.raises(NotFound):
            load(session, owner, id_)
        with pytest.raises(NotFound):
            get(session, id_)


def test_lists_of_documents_never_carry_their_contents(db, merchant_id):
    """Megabytes are read by `load` only; touching the column by accident is an error."""
    with db.transaction(merchant_id) as session:
        id_ = store(session, an_owner(), a_file(), "invoice", NOW).id
        session.expire_all()
        with pytest.raises(InvalidRequestError):
            _ = get(session, id_).content


def test_a_document_swapped_for_another_in_the_database_does_not_open(live_db, live_owner_url, merchant_id):
    """The seal binds the content to its row."""
    owner = an_owner()
    with live_db.transaction(merchant_id) as session:
        invoice = store(session, owner, a_file(), "invoice", NOW).id
        proof = store(session, owner, a_file(content=b"%PDF-1.4 proof"), "delivery_proof", NOW).id
    swap = "UPDATE document d SET content = o.content FROM document o WHERE d.id = %s AND o.id = %s"
    with psycopg.connect(live_owner_url) as database_owner:
        database_owner.execute(swap, (invoice, proof))
    with live_db.transaction(merchant_id) as session, pytest.raises(Tampered):
        load(session, owner, invoice)


def test_what_is_too_large_or_in_disguise_leaves_no_row(db, merchant_id):
    """Refusals are named and happen before anything is written."""
    owner = an_owner()
    with db.transaction(merchant_id) as session:
        with pytest.raises(TooLarge):
            store(session, owner, a_file(content=b"%PDF-" + bytes(10 * 1024 * 1024)), "invoice", NOW)
        with pytest.raises(Invalid):
            store(session, owner, a_file(media_type="image/png"), "invoice", NOW)
        with pytest.raises(Invalid):
            store(session, owner, a_file(name="../"), "invoice", NOW)
        assert session.scalar(select(func.count()).select_from(Document)) == 0


def test_ten_megabytes_are_stored_and_read(db, merchant_id):
    """The largest document that is accepted."""
    owner, content = an_owner(), b"%PDF-" + bytes(10 * 1024 * 1024 - 5)
    with db.transaction(merchant_id) as session:
        assert load(session, owner, store(session, owner, a_file(content), "invoice", NOW).id) == content


def test_erasure_removes_only_the_documents_named(db, merchant_id):
    """The rest stays; an unknown id is no error, so erasure can be repeated."""
    owner = an_owner()
    with db.transaction(merchant_id) as session:
        gone = store(session, owner, a_file(), "invoice", NOW).id
        stays = store(session, owner, a_file(content=b"%PDF-stays"), "invoice", NOW).id
        assert forget(session, [gone, new_id()]) == 1
        assert forget(session, [gone]) == 0
        assert load(session, owner, stays) == b"%PDF-stays"
        with pytest.raises(NotFound):
            load(session, owner, gone)


def test_runtime_roles_cannot_change_a_document(db, merchant_id):
    """A file is stored or erased, never edited."""
    with db.transaction(merchant_id) as session:
        store(session, an_owner(), a_file(), "invoice", NOW)
        with pytest.raises(ProgrammingError, match="permission denied"), session.begin_nested():
            session.execute(text("UPDATE document SET purpose = 'other'"))
