"""Every recorded payload of a provider or bank is read with the facts that belong to it; a new file is noticed."""

import json
import os
import re
from pathlib import Path

import pytest

from gateway.payments import bank_files
from gateway.payments.bank_entries import BankFileUnreadable
from tests.conftest import SHARED
from tests.provider_messages import GOLDENS

FIXTURES = SHARED / "fixtures"
PROVIDERS = ("adyen", "gocardless", "klarna", "mollie", "paypal", "stripe", "unzer")
PARTS = {
    "adyen/disputes/post-": "answers of the interface for disputes: test_adyen asks with them",
    "adyen/util/": "signatures: test_adyen proves each",
    "gocardless/events": "events by themselves: test_gocardless reads each kind",
    "gocardless/idempotent_creation_conflict_error": "an answer of the interface: test_gocardless",
    "gocardless/mandates": "mandates are no money",
    "gocardless/payments": "what is fetched for an event: test_gocardless",
    "gocardless/payouts": "payouts are no buyer's money",
    "gocardless/refunds": "what is fetched for an event: test_gocardless",
    "gocardless/validation_failed_error": "an answer of the interface: test_gocardless",
    "gocardless/webhook_body": "the signed body: test_gocardless proves it",
    "mollie/chargebacks_list": "the same as inside of a payment: test_mollie compares them",
    "mollie/customer_mandate_single": "mandates are no money",
    "mollie/methods_list": "no payment",
    "mollie/payment_chargeback": "inside of the golden payments of test_mollie",
    "mollie/refund_single": "inside of the golden payments of test_mollie",
    "stripe/fixtures3": "Stripe's objects: test_stripe wraps each in its event",
    "stripe/triggers/": "what Stripe's tool sends, no message: test_stripe looks at each",
    "unzer/chargeback": "a part without its payment: test_unzer refuses it",
}
"""Files that are no message by themselves, and what they are."""
BANK = GOLDENS / "bank.json"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_no_payload_of_a_provider_is_left_out(provider):
    """Each has a golden, or stands above with its reason."""
    folder = FIXTURES / provider
    if not folder.is_dir():
        pytest.skip(f"../shared/fixtures/{provider} is not here")
    golden = json.loads((GOLDENS / f"{provider}.json").read_text())
    names = [path.relative_to(FIXTURES).as_posix() for path in folder.rglob("*.json")]
    told = {Path(name).name for name in golden} | {f"{name}.json" for name in golden}
    left = [name for name in names if Path(name).name not in told and not name.startswith(tuple(PARTS))]
    assert names
    assert not left


def bank_samples():
    found = [path for path in FIXTURES.glob("bank/**/*") if path.suffix in (".xml", ".sta", ".txt", ".csv")]
    return sorted(path.relative_to(FIXTURES).as_posix() for path in found) or ["bank/absent"]


def as_told(content):
    """What a file says, short: entries by direction with their sums, returns, answers; or that it is refused."""
    try:
        contents = bank_files.read(content)
    except BankFileUnreadable:
        return "refused"
    entries = [entry for one in contents.statements for entry in one.entries]
    sides = {
        name: [len(found), sum(entry.amount_minor for entry in found), sum(entry.charges_minor for entry in found)]
        for name, credit in (("in", True), ("out", False))
        if (found := [entry for entry in entries if entry.credit is credit])
    }
    returns = sorted(entry.return_code for entry in entries if entry.returned)
    answers = sorted(f"{one.end_to_end_id} {one.status} {one.reason_code}".strip() for one in contents.statuses)
    told = {"format": contents.format, **sides, "returns": returns, "answers": answers}
    return {name: value for name, value in told.items() if value}


@pytest.mark.parametrize("name", bank_samples())
def test_every_file_of_a_bank_is_read_with_its_sums(name):
    """Ours were written by this reader and looked at; the banks' own balances below are the independent proof."""
    path = FIXTURES / name
    if not path.exists():
        pytest.skip("../shared/fixtures/bank is not here")
    golden = json.loads(BANK.read_text()) if BANK.exists() else {}
    if os.environ.get("KULANZ_WRITE_GOLDENS"):
        golden[name] = as_told(path.read_bytes())
        BANK.write_text(json.dumps(dict(sorted(golden.items())), indent=1, ensure_ascii=False) + "\n")
    assert as_told(path.read_bytes()) == golden[name]


UNEVEN = {"bank/camt053/failed_debit_with_charges_02.xml", "bank/camt053/mixed_examples_08.xml"}
"""Examples put together by hand, whose balances do not add up."""
LINE = re.compile(rb"^:61:\d{6}[\d ]{0,4}(R?[CD])[A-Z]?\s*(\d+,?\d{0,2})", re.MULTILINE)


@pytest.mark.parametrize("name", [name for name in bank_samples() if name.endswith(".xml")] or ["bank/absent"])
def test_what_was_read_leads_from_the_opening_balance_to_the_closing_one(name):
    """Wherever a statement has both: nothing was overlooked and no sign is wrong."""
    statements = [one for one in read(name).statements if one.opening and one.closing]
    wrong = [one.reference for one in statements if moved([one]) != difference(one)]
    assert bool(wrong) is (name in UNEVEN), wrong


@pytest.mark.parametrize("name", [name for name in bank_samples() if "mt940" in name] or ["bank/absent"])
def test_what_was_read_of_mt940_is_what_its_lines_say(name):
    """Counted apart from our reader, by one expression; many of these samples have balances that do not add up."""
    statements = read(name).statements
    lines = LINE.findall((FIXTURES / name).read_bytes())
    # A reversed credit goes out, a reversed debit comes in.
    signs = {b"C": 1, b"RD": 1, b"D": -1, b"RC": -1}
    said = sum(signs[sign] * cents(amount) for sign, amount in lines)
    assert (sum(len(one.entries) for one in statements), moved(statements)) == (len(lines), said)


def read(name):
    path = FIXTURES / name
    if not path.exists():
        pytest.skip("../shared/fixtures/bank is not here")
    try:
        return bank_files.read(path.read_bytes())
    except BankFileUnreadable:
        pytest.skip("refused, as the golden says")


def cents(amount):
    whole, _, part = amount.partition(b",")
    return int(whole + part.ljust(2, b"0"))


def difference(statement):
    return statement.closing.amount_minor - statement.opening.amount_minor


def moved(statements):
    """What was booked on the account."""
    entries = [entry for one in statements for entry in one.entries]
    return sum((1 if entry.credit else -1) * entry.booked_minor for entry in entries)
