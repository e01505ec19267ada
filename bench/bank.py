"""A bank statement read and matched against open claims; beside the XML read alone. The account is synthetic."""

import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from io import BytesIO

from bench.bank_statements import Account, generate
from bench.figures import Figure, Section
from gateway.payments import camt, matching, matching_text
from gateway.payments.matching_case import Certainty, Match
from gateway.payments.matching_index import Index, OpenItem

ENTRIES, OPEN = 20_000, 100_000
_HOW = """Seconds of processor time, since the work is one thread's. Ours reads a camt.053 file, builds the index of all open
claims and matches every entry. Floor: the standard library's `iterparse` over the same bytes, entry by entry, nothing
taken out. The account is invented (`bench/bank_statements.py` says how its payers deviate from what they were asked to
write); what it pays is known, so that right and wrong are counted."""


def section(rounds: int, *, quick: bool) -> Section:
    """Time, share assigned without asking, and errors."""
    entries, items = (2_000, 10_000) if quick else (ENTRIES, OPEN)
    account = generate(seed=11, entries=entries, open_items=items)
    xml, owed = account.camt(), [_item(invoice) for invoice in account.invoices]
    taken = [(_seconds(lambda: _ours(xml, owed)), _seconds(lambda: _floor(xml))) for _ in range(rounds)]
    share, wrong = _judged(account, _ours(xml, owed))
    what = f"{entries:,} entries against {items:,} open claims"
    return Section(
        "Bank statements",
        _HOW,
        [
            Figure(what, "s", [ours for ours, _ in taken], [floor for _, floor in taken], at_most=10),
            Figure("the same, absolute", "s", [ours for ours, _ in taken], orientation=20.0),
            Figure("assigned without asking", "%", [share * 100], lowest=99.0),
            Figure("assigned wrongly", "", [float(wrong)], orientation=0.0),
        ],
    )


def _item(invoice) -> OpenItem:
    customer = invoice.customer
    return OpenItem(
        id=invoice.id,
        debtor_id=customer.number,
        currency="EUR",
        open_minor=invoice.amount_minor,
        references=(invoice.number, invoice.order, invoice.creditor_reference),
        due_date=invoice.due_date,
        names=(matching_text.normal_name(customer.name),),
        iban_digests=frozenset({customer.iban.encode()}) if invoice.knows_iban else frozenset(),
    )


def _ours(xml: bytes, owed: list[OpenItem]) -> list[Match]:
    (statement,) = camt.read(xml)
    return matching.match_all(statement.entries, Index(owed))


def _floor(xml: bytes) -> None:
    for _, element in ET.iterparse(BytesIO(xml)):
        if element.tag.endswith("}Ntry"):
            element.clear()


def _seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def _judged(account: Account, answers: list[Match]) -> tuple[float, int]:
    """Share of entries that pay something and were assigned rightly without asking; number assigned wrongly."""
    right = wrong = 0
    for transfer, answer in zip(account.transfers, answers, strict=True):
        if answer.certainty is Certainty.SURE:
            same = sorted(map(tuple, answer.assignments)) == sorted(transfer.pays)
            right, wrong = right + same, wrong + (not same)
    return right / sum(bool(transfer.pays) for transfer in account.transfers), wrong
