"""What stands around a claim: batches, endpoints of the merchant, erasure, the buyer's copy of his data."""

import json
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select

from gateway import wiring
from gateway.core import history
from gateway.core.errors import Refused
from gateway.core.ids import new_id
from gateway.core.outbox import OutboxMessage
from gateway.law import store
from gateway.merchants import callbacks
from gateway.privacy.copies import copy_of
from gateway.receivables import cases, claims, debtors, facts, lawful, ledger, objections
from gateway.receivables.booking import effective
from gateway.receivables.changes import (
    BookInterest,
    ChangeContact,
    ChargeFee,
    EnterDefault,
    LookAgain,
    Note,
    Refund,
    Remind,
    SetHold,
    WriteOff,
)
from gateway.receivables.claim_figures import OrderSeen, figures_of
from gateway.receivables.objections import NewObjection, Verdict
from gateway.shops import erasure
from gateway.shops.erasure import ErasureRefused
from tests.claims import NOW, Book

JUNE_17, LETTER = date(2026, 6, 17), date(2026, 8, 1)


@pytest.fixture
def book(services) -> Book:
    wiring.install_listeners()
    return Book(services)


def a_night(letter_id):
    """What a nightly run does to a claim that is due."""
    cause = f"letter:{letter_id}"
    return [
        EnterDefault(JUNE_17, JUNE_17, "agreed-date", "due-date"),
        ChargeFee(120, LETTER, cause),
        BookInterest(LETTER, cause),
        Remind(letter_id, 2, LETTER),
        SetHold("promise", LETTER, date(2026, 8, 9), 500, "promise:1"),
        LookAgain(date(2026, 8, 15), LETTER),
    ]


def rows(book, claim_id):
    """Everything that is stored of a claim, without ids and hashes."""
    claim = book.claim(claim_id)
    with book.transaction() as session:
        entries = [
            (one.seq, one.posting.kind, one.posting.value_date, dict(one.posting.lines), dict(one.posting.working))
            for one in ledger.load(session, [claim_id])[claim_id]
        ]
        key = book.keys.of(session, claim.buyer_id)
        told = [(line.seq, line.event, line.actor, line.body) for line in history.lines(session, claim_id, key)]
    names = ("state", "level", "costs_minor", "interest_minor", "interest_through", "next_on", "waiting_since")
    return [getattr(claim, name) for name in names], entries, told


def test_a_batch_writes_the_same_rows_as_one_by_one(book):
    """Three claims by the door for many, three by the door for one."""
    letter_id = new_id()
    many, single = [book.open(principal_minor=n * 10_000) for n in (1, 2, 3)], []
    with book.transaction() as session:
        claims.apply_many(session, book.keys, [(one, a_night(letter_id)) for one in many], NOW)
    for n in (1, 2, 3):
        single.append(book.open(principal_minor=n * 10_000))
        book.apply(single[-1], *a_night(letter_id))
    assert [rows(book, one) for one in many] == [rows(book, one) for one in single]


def test_who_holds_a_claim_sees_what_a_batch_made_of_it(book):
    """The batch writes past the mapper; an object that was read before in the same transaction shows it all the same."""
    claim_id = book.open()
    with book.transaction() as session:
        held = claims.get(session, claim_id)
        claims.apply_many(session, book.keys, [(claim_id, a_night(new_id()))], NOW)
        assert (held.state, held.level, held.costs_minor) == ("DUNNING", 2, 120)
        assert held.interest_minor > 0
        assert not session.dirty
    assert book.claim(claim_id).interest_minor == held.interest_minor


def test_a_batch_refuses_a_column_that_it_would_not_write(book):
    """Not lost in silence, as it would be if somebody wrote a move and forgot the list."""
    claim_id = book.open()
    with book.transaction() as session:
        (case,) = cases.load_many(session, [claim_id], lawful.rulebook(store.load(session)), NOW).values()
        case.claim.level = 1
        with pytest.raises(AttributeError, match="currency"):
            case.claim.currency = "CHF"


def test_a_batch_happens_as_a_whole_or_not_at_all(book):
    """The second claim is refused: the first keeps what it had."""
    first, second = book.open(), book.open()
    book.apply(second, WriteOff("gone"))
    before = rows(book, first)
    with pytest.raises(Refused), book.transaction() as session:
        claims.apply_many(session, book.keys, [(one, a_night(new_id())) for one in (first, second)], NOW)
    assert rows(book, first) == before


def messages(book):
    with book.transaction() as session:
        return session.scalars(select(OutboxMessage).order_by(OutboxMessage.id)).all()


def test_endpoints_are_told_when_a_claim_opens_changes_and_settles(book):
    """Only what they asked for; amounts and ids."""
    with book.transaction() as session:
        wanted = frozenset({"claim.opened", "claim.settled"})
        callbacks.register(session, book.services.keyring, "https://erp.example.com/", wanted, NOW)
    claim_id = book.open()
    book.apply(claim_id, Note("nobody asked for this"))
    book.pay(claim_id, 10_000, date(2026, 6, 10))
    told = [one.idempotency_key.partition(":")[0] for one in messages(book)]
    assert told == ["claim.opened", "claim.settled"]


def erase(book, buyer_id, now):
    with book.transaction() as session:
        erasure.erase(session, buyer_id, now, wiring.OBJECTIONS)


def test_a_debtor_is_kept_while_his_claim_lives_and_forgotten_when_it_is_settled(book):
    """Refused with the day on which it is barred; afterwards the books stay and the words are gone."""
    buyer_id = book.a_buyer()
    claim_id = book.open(buyer_id=buyer_id)
    book.apply(claim_id, ChangeContact({"line1": "Neuer Wall 1"}))
    with pytest.raises(ErasureRefused) as refused:
        erase(book, buyer_id, NOW)
    assert (refused.value.facts["until"], refused.value.facts["reasons"]) == (
        date(2029, 12, 31),
        ["a claim against him is not settled"],
    )
    book.pay(claim_id, 11_000, date(2026, 6, 10), purpose="Rechnung 7")
    with pytest.raises(ErasureRefused, match="money of his"):
        erase(book, buyer_id, NOW)
    book.apply(claim_id, Refund(1_000, date(2026, 7, 1), "bank:1"))
    erase(book, buyer_id, NOW)
    with book.transaction() as session:
        claim = claims.get(session, claim_id)
        assert (claim.contact_sealed, claim.state) == (None, "SETTLED")
        assert len(effective(ledger.load(session, [claim_id])[claim_id])) == 3
    with pytest.raises(Refused):
        book.apply(claim_id, Note("he is gone"))


def test_a_claim_that_is_barred_by_time_keeps_nobody(book):
    """On 1 January 2030 nobody can enforce it any more."""
    buyer_id = book.a_buyer()
    book.open(buyer_id=buyer_id)
    with pytest.raises(ErasureRefused):
        erase(book, buyer_id, datetime(2029, 12, 31, 12, tzinfo=UTC))
    erase(book, buyer_id, datetime(2030, 1, 1, 12, tzinfo=UTC))


def test_the_copy_of_a_buyers_data_tells_his_claims(book):
    """Amounts, payments, address, and everything that happened."""
    buyer_id = book.a_buyer()
    claim_id = book.open(buyer_id=buyer_id)
    book.apply(claim_id, ChangeContact({"line1": "Neuer Wall 1"}))
    book.pay(claim_id, 4_000, date(2026, 6, 10))
    with book.transaction() as session:
        (told,) = copy_of(session, book.services.keyring, buyer_id, "de", NOW)["claims"]
    assert (told["owed_minor"], told["contact"]["line1"], len(told["payments"])) == (6_000, "Neuer Wall 1", 1)
    assert [one["event"] for one in told["events"]] == ["opened", "contact_changed", "payment_received"]
    json.dumps(told)


def test_the_copy_of_a_buyers_data_tells_letters_and_objections(book):
    """What was written to him, what he said, what was answered, and what was thought of it."""
    buyer_id = book.a_buyer()
    claim_id, keyring = book.open(buyer_id=buyer_id), book.services.keyring
    with book.transaction() as session:
        new = NewObjection(claim_id, "defective", "user:1", "phone", words="came broken")
        row = objections.lodge(session, keyring, new, NOW)
        verdict = Verdict("rejected", "It was whole.", "pretext", "photo of the carrier", "user:1")
        objections.decide(session, keyring, row.id, verdict, NOW)
        (told,) = copy_of(session, keyring, buyer_id, "de", NOW)["claims"]
    (one,) = told["objections"]
    assert (one["words"], one["answer"], one["finding"]) == ("came broken", "It was whole.", "pretext")
    assert [letter["kind"] for letter in told["letters"]] == ["objection_received", "objection_answer"]
    json.dumps(told)


def a_transfer(book, buyer_id, amount_minor, purpose="", external_id="tx-1", currency="EUR"):
    with book.transaction() as session:
        told = (buyer_id, "bank", external_id, date(2026, 6, 10), amount_minor, currency, purpose)
        return debtors.receive_for_debtor(session, book.keys, debtors.DebtorPayment(*told), NOW)


def test_money_of_a_debtor_pays_what_he_names_then_what_was_due_first(book):
    """§ 366 BGB; the same transfer again changes nothing; what is left over is his credit."""
    buyer_id = book.a_buyer()
    late, early = (
        book.open(buyer_id=buyer_id, due_date=due, invoice_number=number)
        for due, number in ((date(2026, 6, 30), "R-2"), (date(2026, 6, 16), "R-1"))
    )
    for _ in range(2):
        a_transfer(book, buyer_id, 12_000, "Rechnung R-2, danke")
        assert (book.claim(late).state, book.claim(early).principal_minor) == ("SETTLED", 8_000)
    assert [one.over_minor for one in a_transfer(book, buyer_id, 9_000, external_id="tx-2")] == [1_000]
    with pytest.raises(debtors.NoClaimToPay):
        a_transfer(book, buyer_id, 1, external_id="tx-3")
    book.open(buyer_id=buyer_id)
    with pytest.raises(claims.CurrencyMismatch):
        a_transfer(book, buyer_id, 1, external_id="tx-4", currency="CHF")


def test_a_letter_about_what_is_left_of_a_claim_written_off_adds_up(book):
    """What was written off is shown as not demanded, never as waived: it may still be owed."""
    claim_id = book.open(delivered_on=date(2026, 6, 2))
    book.apply(claim_id, WriteOff("gone"), Refund(1_000, date(2026, 12, 1), "order-event:1"))
    with book.transaction() as session:
        known, booked = facts.load(session, [claim_id])[claim_id], ledger.load(session, [claim_id])[claim_id]
        figures = figures_of(known, booked, OrderSeen(), NOW.date(), store.load(session))
    assert (figures.not_demanded_minor, figures.waived_minor) == (10_000, 0)
    assert (figures.total_minor, figures.adds_up) == (1_000, True)
