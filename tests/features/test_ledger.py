"""The database itself keeps the books: it refuses what does not balance, what comes later and what changes."""

from datetime import date

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError, ProgrammingError

from gateway.core.anchors import Trail
from gateway.core.ids import new_id
from gateway.core.services import Services
from gateway.core.verification import verify
from gateway.merchants import secrets
from gateway.receivables import ledger
from gateway.receivables.booking import balances
from gateway.receivables.changes import ChargeFee, EnterDefault, Note, ReverseEntry, SetHold
from tests.claims import NOW, Book

ENTRY = """
    INSERT INTO ledger_entry (merchant_id, id, claim_id, seq, kind, value_date, cause, reverses, line_count, booked_at)
    VALUES (:m, :e, :c, :seq, :kind, '2026-06-01', 'test', :reverses, :count, now())
"""
LINE = "INSERT INTO ledger_line (merchant_id, entry_id, account, amount_minor) VALUES (:m, :e, :account, :amount)"


@pytest.fixture
def book(live_db, cache, keyring) -> Book:
    """On a database with real commits."""
    return Book(
        Services(db=live_db, cache=cache, keyring=keyring, public_url="http://kulanz.test", session_secret=b"x" * 32)
    )


def add(session, merchant_id, claim_id, lines, *, kind="fee", reverses=None, count=None):
    entry_id = new_id()
    seq = session.scalar(text("SELECT max(seq) + 1 FROM ledger_entry WHERE claim_id = :c"), {"c": claim_id})
    told = {"m": merchant_id, "e": entry_id, "c": claim_id, "seq": seq, "kind": kind, "reverses": reverses}
    session.execute(text(ENTRY), {**told, "count": len(lines) if count is None else count})
    for account, amount in lines.items():
        session.execute(text(LINE), {"m": merchant_id, "e": entry_id, "account": account, "amount": amount})
    return entry_id


def at_once(book, *work):
    """Everything in one transaction."""
    with book.transaction() as session:
        for one in work:
            one(session)


@pytest.mark.parametrize(
    ("lines", "count"),
    [
        ({"costs": 120, "cost_income": -119}, 2),
        ({"costs": 120}, 2),
        ({}, 2),
        ({"costs": 120, "cost_income": -120}, 3),
    ],
    ids=["a cent is missing", "one side is missing", "no line at all", "a line fewer than it says"],
)
def test_an_entry_that_does_not_balance_never_commits(book, lines, count):
    """Asked at the end of the transaction, for the entry as for its lines."""
    claim_id = book.open()
    with pytest.raises(DatabaseError, match="does not balance"):
        at_once(book, lambda session: add(session, book.world.merchant_id, claim_id, lines, count=count))


def test_lines_cannot_be_added_to_an_entry_later(book):
    """Not even two that balance."""
    claim_id = book.open()
    with book.transaction() as session:
        entry_id = next(iter(ledger.load(session, [claim_id])[claim_id])).id
    told = {"m": book.world.merchant_id, "e": entry_id}
    costs, income = told | {"account": "costs", "amount": 500}, told | {"account": "cost_income", "amount": -500}
    with pytest.raises(DatabaseError, match="does not balance"):
        at_once(book, lambda session: session.execute(text(LINE), [costs, income]))


def test_the_check_cannot_be_fooled_by_another_tenant_or_a_temporary_table(book):
    """An entry that can no longer be seen is refused; a table of the same name that comes first is not read."""
    claim_id, merchant_id = book.open(), book.world.merchant_id
    other = text(f"SET LOCAL kulanz.merchant_id = '{new_id()}'")
    with pytest.raises(DatabaseError, match="does not balance"):
        at_once(
            book,
            lambda session: add(session, merchant_id, claim_id, {"costs": 120, "cost_income": -1}),
            lambda session: session.execute(other),
        )
    mine = {"m": merchant_id, "e": new_id(), "c": claim_id, "seq": 9, "kind": "fee", "reverses": None, "count": 2}
    with pytest.raises(DatabaseError):
        at_once(
            book,
            lambda session: session.execute(text("CREATE TEMP TABLE ledger_line (LIKE public.ledger_line)")),
            lambda session: session.execute(text(ENTRY), mine),
        )


def test_a_reversal_mirrors_an_entry_of_its_own_claim(book):
    """Half of it, or that of another claim, is refused; an entry is reversed once."""
    claim_id, other = book.open(), book.open()
    merchant_id = book.world.merchant_id
    with book.transaction() as session:
        mine, theirs = (ledger.load(session, [one])[one][0].id for one in (claim_id, other))
    for reverses, amount in ((mine, 5_000), (theirs, 10_000)):
        told = (merchant_id, claim_id, {"principal": -amount, "sales": amount})
        with pytest.raises(DatabaseError, match="mirror"):
            at_once(book, lambda session, told=told, id_=reverses: add(session, *told, kind="reversal", reverses=id_))


@pytest.mark.parametrize("table", ["ledger_entry", "ledger_line"])
def test_what_is_booked_is_never_changed_or_removed(book, live_owner_url, table):
    """Runtime roles lack the right, and the owner meets a trigger, also when he plays a replica."""
    book.open()
    column = "cause = 'x'" if table == "ledger_entry" else "amount_minor = 1"
    for statement in (f"UPDATE {table} SET {column}", f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"):
        with book.transaction() as session, pytest.raises(ProgrammingError), session.begin_nested():
            session.execute(text(statement))
        with psycopg.connect(live_owner_url, autocommit=True) as owner:
            for role in ("origin", "replica"):
                owner.execute(f"SET session_replication_role = {role}")
                with pytest.raises(psycopg.errors.InsufficientPrivilege, match="never changed or removed"):
                    owner.execute(statement)


def test_the_owner_as_a_replica_cannot_unbalance_the_books(book, live_owner_url):
    """The check runs always, not only for ordinary sessions."""
    claim_id = book.open()
    with psycopg.connect(live_owner_url, autocommit=True) as owner:
        owner.execute("SET session_replication_role = replica")
        entry_id = owner.execute("SELECT id FROM ledger_entry WHERE claim_id = %s", [claim_id]).fetchone()[0]
        line = [book.world.merchant_id, entry_id]
        with pytest.raises(psycopg.errors.CheckViolation):
            owner.execute("INSERT INTO ledger_line VALUES (%s, %s, 'costs', 1)", line)


def test_what_happened_to_a_claim_is_a_chain_that_can_be_proven(book):
    """Every change is an entry, sealed with the buyer's key; a changed one is found."""
    claim_id = book.open()
    default = EnterDefault(date(2026, 6, 17), date(2026, 6, 17), "agreed-date", "due-date")
    book.apply(claim_id, default, ChargeFee(120, date(2026, 8, 1), "letter:1"), Note("phoned"))
    book.apply(claim_id, SetHold("pause", date(2026, 11, 25)))
    trail = Trail(key_of=lambda session: secrets.get_key(session, book.services.keyring, "data"))
    with book.transaction() as session:
        report = verify(session, trail)
        entries = ledger.load(session, [claim_id])[claim_id]
        sums = ledger.sums(session, [claim_id])[claim_id]
    assert (report.sound, report.subjects, report.entries) == (True, 1, 5)
    assert sums["costs"] == balances(entries).costs_minor == 120
    fee = entries[-1]
    told = (book.world.merchant_id, claim_id, {"costs": -120, "cost_income": 120})
    with pytest.raises(DatabaseError, match="uq_ledger_entry_reverses"):
        at_once(book, *[lambda session: add(session, *told, kind="reversal", reverses=fee.id)] * 2)
    assert book.apply(claim_id, ReverseEntry(fee.id, "user:anna"), now=NOW).costs_minor == 0
