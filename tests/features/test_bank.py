"""Bank files in the database: each once, each payment once, payer data sealed, gaps told."""

from dataclasses import replace
from datetime import date

import psycopg
import pytest
from sqlalchemy import select, update

from gateway.core import clock, events
from gateway.merchants import secrets
from gateway.payments import bank, bank_files, bank_mappings
from gateway.payments.bank import Arrival, BankEntriesTaken, PaymentsAnswered
from gateway.payments.bank_entries import Balance, BankEntry, Party, PaymentStatus, Statement, with_keys
from gateway.payments.bank_files import Contents
from gateway.payments.bank_models import BankEntryRow, BankStatement, PaymentAnswer
from tests.builders import a_world
from tests.conftest import SHARED

ACCOUNT = "DE02300606010002474689"


def an_entry(**overrides):
    facts = {
        "credit": True,
        "amount_minor": 11950,
        "booked_minor": 11950,
        "currency": "EUR",
        "booked_on": date(2026, 3, 2),
        "party": Party("Erika Mustermann", "DE02120300000000202051"),
        "purpose": "RE-2026-004711",
        "bank_reference": "BANK-1",
    }
    return BankEntry(**{**facts, **overrides})


def a_statement(*entries, **overrides):
    return with_keys(replace(Statement("camt.053", ACCOUNT, "1", 1, "EUR", entries=entries), **overrides))


@pytest.fixture
def books(services):
    """The bank's books of one merchant: `take` statements, `rows` of entries."""
    return Books(services, a_world(services))


class Books:
    def __init__(self, services, world):
        self.services, self.world, self.number = services, world, 0

    def take(self, *statements, content=None, live=True, statuses=()):
        self.number += 1
        raw = f"file {self.number}".encode() if content is None else content
        kind = statements[0].format if statements else "pain.002"
        contents = Contents(kind, tuple(statements), tuple(statuses))
        with self.services.db.transaction(self.world.merchant_id) as session:
            return bank.take(session, self.services.keyring, contents, Arrival(raw, "api", live, "test"), clock.now())

    def rows(self, model=BankEntryRow):
        with self.services.db.transaction(self.world.merchant_id) as session:
            return list(
                session.scalars(select(model).where(model.merchant_id == self.world.merchant_id).order_by(model.id))
            )


def test_the_same_file_twice_changes_nothing(books):
    """And says so."""
    first = books.take(a_statement(an_entry()), content=b"same")
    again = books.take(a_statement(an_entry()), content=b"same")
    assert (first.new_entries, first.repeated) == (1, False)
    assert (again.file_id, again.new_entries, again.repeated) == (first.file_id, 0, True)
    assert len(books.rows()) == 1


def test_the_same_payment_in_notification_and_statement_is_one(books):
    """camt.054 in the morning, camt.053 at night."""
    books.take(a_statement(an_entry(), format="camt.054", reference="N1", sequence=None))
    taken = books.take(a_statement(an_entry(), an_entry(bank_reference="BANK-2")))
    assert (taken.entries, taken.new_entries) == (2, 1)
    assert len(books.rows()) == 2


def test_a_cycle_of_real_files_is_taken_once_in_any_order(books):
    """Notifications and statements of five direct debits and their returns: seven payments, whatever comes first."""
    folder = SHARED / "fixtures/bank/mock-bank-output"
    if not folder.is_dir():
        pytest.skip("../shared/fixtures/bank/mock-bank-output is not here")
    files = [path.read_bytes() for path in sorted(folder.glob("*camt*"), reverse=True)]
    for content in (*files, *files[::-1]):
        books.take(*bank_files.read(content).statements, content=content)
    rows = books.rows()
    assert len(rows) == 7
    assert sorted(row.return_code for row in rows if row.returned) == ["AM04", "MD06", "MS02"]


def test_a_whole_entry_gives_way_to_its_parts(books):
    """The statement books 33.00, the notification says who paid 11.00 and 22.00; and it is no matter which comes first."""
    whole = an_entry(amount_minor=3300, booked_minor=3300, purpose="Sammler", party=Party())
    parts = [
        an_entry(amount_minor=amount, booked_minor=amount, batch_minor=3300, parts=2, end_to_end_id=f"E{amount}")
        for amount in (1100, 2200)
    ]
    books.take(a_statement(whole))
    assert books.take(a_statement(*parts, format="camt.054")).new_entries == 2
    assert sorted(row.amount_minor for row in books.rows() if row.itemised_at is None) == [1100, 2200]
    assert books.take(a_statement(whole, reference="2")).new_entries == 0


def test_parts_told_first_keep_the_whole_out(books):
    """The other way round."""
    parts = [
        an_entry(amount_minor=a, booked_minor=a, batch_minor=3300, parts=2, end_to_end_id=f"E{a}") for a in (1100, 2200)
    ]
    books.take(a_statement(*parts, format="camt.054"))
    assert books.take(a_statement(an_entry(amount_minor=3300, booked_minor=3300, party=Party()))).new_entries == 0


def test_what_was_pending_becomes_booked(books):
    """One payment, told twice with another status."""
    books.take(a_statement(an_entry(status="PDNG"), format="camt.052"))
    assert books.take(a_statement(an_entry())).new_entries == 0
    assert [row.status for row in books.rows()] == ["BOOK"]


def test_names_accounts_and_texts_are_sealed(books, owner_url):
    """Nothing in clear in any row, and the entry opens as it was read."""
    entry = an_entry(mandate_id="M-1", end_to_end_id="E2E-1", return_text="x")
    books.take(a_statement(entry))
    (row,) = books.rows()
    (statement,) = books.rows(BankStatement)
    blob = repr([{c.name: getattr(one, c.name) for c in one.__table__.columns} for one in (row, statement)])
    for secret in ("Erika", "Mustermann", "DE02", "RE-2026", "E2E-1", "M-1"):
        assert secret not in blob
    with books.services.db.transaction(books.world.merchant_id) as session:
        key = secrets.get_key(session, books.services.keyring, "data")
    opened = bank.open_entry(row, key)
    assert replace(opened, key="") == entry


def test_test_shops_have_books_of_their_own(books):
    """The same statement, live and test."""
    books.take(a_statement(an_entry()), content=b"x", live=True)
    assert books.take(a_statement(an_entry()), content=b"x", live=False).new_entries == 1


def test_another_merchant_sees_none_of_it(books, services):
    """And the same file is new to him."""
    books.take(a_statement(an_entry()), content=b"x")
    other = Books(services, a_world(services))
    assert other.rows() == []
    assert other.take(a_statement(an_entry()), content=b"x").new_entries == 1


def test_a_missing_statement_is_told(books):
    """Monday and Wednesday are here; 30.00 came on Tuesday."""

    def day(number, opening, closing):
        balances = {"opening": Balance(opening, "EUR"), "closing": Balance(closing, "EUR")}
        on = date(2026, 3, number)
        return a_statement(reference=str(number), sequence=number, from_on=on, to_on=on, **balances)

    assert books.take(day(2, 10_000, 12_000)).gaps == ()
    (gap,) = books.take(day(4, 15_000, 15_000)).gaps
    assert (gap.kind, gap.missing_minor, gap.after.sequence, gap.before.sequence) == ("balance", 3_000, 2, 4)
    assert books.take(day(3, 12_000, 15_000)).gaps == ()


def test_a_lost_number_without_a_difference_is_told_too(books):
    """Statement 3 held nothing, or two payments that cancel each other: somebody should look."""
    for number in (2, 4):
        on, balance = date(2026, 3, number), Balance(10_000, "EUR")
        taken = books.take(
            a_statement(reference=str(number), sequence=number, from_on=on, to_on=on, opening=balance, closing=balance)
        )
    assert [gap.kind for gap in taken.gaps] == ["sequence"]


def test_refusals_are_kept_once(books):
    """pain.002 twice: one answer."""
    refused = PaymentStatus("RE-1", "RJCT", "AC01", "wrong account", "MSG", "PMT")
    assert books.take(statuses=[refused]).new_entries == 1
    assert books.take(statuses=[refused]).new_entries == 0
    (row,) = books.rows(PaymentAnswer)
    assert (row.end_to_end_id, row.status, row.reason_code) == ("RE-1", "RJCT", "AC01")


def test_what_was_taken_is_published_upward(books):
    """In the same transaction; a file that brings nothing is not."""
    told = []
    events.install(
        {
            BankEntriesTaken: [lambda _, event: told.append(event)],
            PaymentsAnswered: [lambda _, event: told.append(event)],
        }
    )
    try:
        books.take(a_statement(an_entry()))
        books.take(a_statement(an_entry()))
        books.take(statuses=[PaymentStatus("RE-1", "RJCT")])
    finally:
        events.install({})
    assert [type(event).__name__ for event in told] == ["BankEntriesTaken", "PaymentsAnswered"]


def test_the_last_known_day_is_told(books):
    """Before reminders go out somebody asks for it."""
    books.take(a_statement(an_entry(), an_entry(booked_on=date(2026, 3, 9), status="PDNG", bank_reference="B2")))
    with books.services.db.transaction(books.world.merchant_id) as session:
        assert bank.booked_through(session, live=True) == date(2026, 3, 2)
        assert bank.booked_through(session, live=False) is None


def test_amounts_of_an_entry_cannot_be_rewritten(books):
    """Only what a later file tells of it: status, and that it was itemised."""
    books.take(a_statement(an_entry()))
    with (
        pytest.raises(Exception, match="permission denied"),
        books.services.db.transaction(books.world.merchant_id) as session,
    ):
        session.execute(update(BankEntryRow).values(amount_minor=1))


def test_a_large_file_is_stored_in_batches(books):
    """More rows than one INSERT takes."""
    entries = [an_entry(bank_reference=f"B{number}") for number in range(1_203)]
    assert books.take(a_statement(*entries)).new_entries == 1_203
    assert books.take(a_statement(*entries)).new_entries == 0


def test_a_mapping_is_saved_once_per_name_and_read_back(books):
    """The newer one counts."""
    document = {"recognised_by": ["A"], "columns": {"booked_on": "A", "amount": "B"}}
    with books.services.db.transaction(books.world.merchant_id) as session:
        bank_mappings.save(session, "mine", document, clock.now())
        bank_mappings.save(session, "mine", document | {"currency": "CHF"}, clock.now())
        assert [(one.name, one.currency) for one in bank_mappings.own(session)] == [("mine", "CHF")]
        bank_mappings.remove(session, "mine")
        with pytest.raises(bank_mappings.MappingUnknown):
            bank_mappings.remove(session, "mine")


def test_the_owner_of_the_database_cannot_rewrite_files_either(owner_url):
    """Append-only by trigger."""
    with psycopg.connect(owner_url) as connection:
        found = connection.execute(
            "SELECT count(*) FROM pg_trigger WHERE tgname = 'append_only' AND tgrelid::regclass::text IN"
            " ('bank_file', 'bank_statement', 'payment_answer')"
        ).fetchone()
    assert found == (3,)
