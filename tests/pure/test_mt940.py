"""MT940: every sample of other people's banks is read, and what it says of payers is told apart."""

import logging

import pytest

from gateway.payments import bank_files, mt940
from gateway.payments.bank_entries import BankFileUnreadable
from tests.conftest import SHARED

FIXTURES = SHARED / "fixtures/bank/mt940_tests"
FOUND = {
    # file: statements, entries, sum in minor units (money in is positive), as counted by hand or by the file's own balances
    "ASNB/mt940.txt": (31, 8, None),
    "ASNB/mt940_with_spaces_for_entry_date.txt": (31, 8, None),
    "betterplace/amount_formats.sta": (1, 0, 0),
    "betterplace/currency_in_25.sta": (1, 0, 0),
    "betterplace/empty_entry_date.sta": (1, 1, 5000),
    "betterplace/missing_crlf_at_end.sta": (1, 0, 0),
    "betterplace/sepa_snippet_broken.sta": (1, 1, 5099005),
    "self-provided/account_identification.sta": (2, 0, 0),
    "self-provided/details_60-63.sta": (1, 1, -23315),
    "self-provided/long_statement_number.sta": (1, 0, 0),
    "self-provided/malformed_details.sta": (1, 1, -23315),
    "self-provided/mt942.sta": (1, 1, -42),
    "self-provided/multiline.sta": (1, 2, 11400),
    "self-provided/overly_long_details.sta": (1, 1, -23315),
    "self-provided/transaction_details_wrapped.sta": (1, 1, -600),
    "self-provided/whitespace.sta": (1, 1, -23315),
    "self-provided/wrapped_timestamp.sta": (1, 1, -600),
    "betterplace/sepa_mt9401.sta": (26, 97, None),
    "betterplace/sepa_snippet.sta": (2, 11, None),
    "betterplace/with_binary_character.sta": (2, 4, None),
    "citi/mt940.txt": (1, 5, None),
    "jejik/abnamro.sta": (2, 10, -900 - 1159 - 1163 - 1180 - 1345 - 1549 - 10700 - 14148 - 949 - 1500),
    "jejik/generic.sta": (2, 2, -2000),
    "jejik/ing.sta": (1, 7, -2503 - 303 - 111 - 2000 - 110 + 368 + 100),
    "jejik/knab.sta": (2, 3, 50000 - 726000 + 50000),
    "jejik/postfinance.sta": (2, 4, 7970 + 14950 - 7990 + 1010),
    "jejik/rabobank-iban.sta": (2, 4, -7000),
    "jejik/rabobank.sta": (4, 5, None),
    "jejik/sns.sta": (2, 2, -2500),
    "jejik/triodos.sta": (1, 2, -71570),
    "self-provided/february_30.sta": (1, 1, -600),
    "self-provided/gv_codes.sta": (1, 2, -23315 - 2430),
    "self-provided/raiffeisen-cmi.sta": (1, 7, None),
    "self-provided/raphaelm.sta": (3, 9, None),
    "self-provided/sparkassen.sta": (1, 1, 3000),
}


def fixture(name):
    path = FIXTURES / name
    if not path.is_file():
        pytest.skip(f"../shared/fixtures/bank/mt940_tests/{name} is not here")
    return path.read_bytes()


def signed(entry):
    return entry.booked_minor if entry.credit else -entry.booked_minor


@pytest.mark.parametrize("name", FOUND)
def test_statements_and_entries_of_a_sample_are_all_there(name):
    """Counted, and summed where the sum is known."""
    found = mt940.read(fixture(name))
    statements, entries, total = FOUND[name]
    assert (len(found), sum(len(one.entries) for one in found)) == (statements, entries)
    if total is not None:
        assert sum(signed(entry) for one in found for entry in one.entries) == total


@pytest.mark.parametrize(
    "name", ["betterplace/sepa_mt9401.sta", "jejik/generic.sta", "jejik/rabobank-iban.sta", "ASNB/mt940.txt"]
)
def test_entries_lead_from_the_opening_to_the_closing_balance(name):
    """26 accounts in one file stay 26 statements; the library alone would make them one."""
    for one in mt940.read(fixture(name)):
        assert one.opening.amount_minor + sum(map(signed, one.entries)) == one.closing.amount_minor


def test_every_text_sample_is_read_or_refused_but_never_fails_otherwise():
    """Broken ones, empty ones and fragments among them."""
    if not FIXTURES.is_dir():
        pytest.skip("../shared/fixtures/bank/mt940_tests is not here")
    refused = []
    samples = [path for path in sorted(FIXTURES.rglob("*")) if path.suffix in (".sta", ".txt")]
    for path in samples:
        try:
            assert mt940.read(path.read_bytes())
        except BankFileUnreadable:
            refused.append(path.stem)
    assert refused == ["empty_86", "empty_line", "empty_non_swift", "invalid_statement"]


def test_the_german_text_field_is_taken_apart():
    """Name and account each by itself, references without the bank's line ends."""
    first = mt940.read(fixture("betterplace/sepa_snippet.sta"))[0].entries[0]
    assert (first.party.name, first.party.iban) == ("KARL KAUFMANN", "DE14508800500194785000")
    assert first.end_to_end_id == "EndToEndId TFNR 22 00400001"
    assert first.purpose.startswith("Verw CTSc-01")
    assert (first.credit, first.amount_minor, first.business_code) == (True, 5099005, "166")


def test_a_return_is_known_by_its_key_and_its_reason_only_where_it_is_sure():
    """Text key 914 is MS03 in the bank's own words; most keys tell nothing."""
    entries = [entry for one in mt940.read(fixture("betterplace/sepa_mt9401.sta")) for entry in one.entries]
    returned = [entry for entry in entries if entry.returned]
    assert {entry.return_code for entry in returned} <= {"MS03", "AC01", ""}
    assert any(entry.return_code == "MS03" and "Grund nicht" in entry.return_text for entry in returned)


def test_a_reason_written_out_is_read():
    """`Rueckgabegrund: MD06`, over a line end."""
    text = (
        b":20:X\r\n:25:12345678/1020304050\r\n:28C:1\r\n:60F:C260101EUR100,00\r\n:61:2601050105D13,00N109NONREF\r\n"
        b":86:109?00RETOURE?20EREF+RE-2026-1?21SVWZ+RUECKGABEGRUND?22Rueckgabegrund: MD?2306 Widerspruch?32MAX MUSTER\r\n"
        b":62F:C260105EUR87,00\r\n-"
    )
    (entry,) = mt940.read(text)[0].entries
    assert (entry.return_code, entry.end_to_end_id, entry.party.name) == ("MD06", "RE-2026-1", "MAX MUSTER")


def test_a_return_booked_with_charges_tells_its_own_amount():
    """`/OCMT/EUR10,/CHGS/EUR5,50`: 15.50 left the account, 10.00 came back."""
    text = (
        b":20:X\n:25:1\n:28C:1\n:60F:C260101EUR100,00\n:61:2601050105D15,50N109NONREF//BANKREF\n/OCMT/EUR10,/CHGS/EUR5,50\n"
        b":86:109?00RETOURE?20SVWZ+x\n:62F:C260105EUR84,50\n-"
    )
    (entry,) = mt940.read(text)[0].entries
    assert (entry.amount_minor, entry.booked_minor, entry.charges_minor) == (1000, 1550, 550)


def test_reversed_bookings_go_the_other_way():
    """RC takes a credit back, RD a debit; the R of `CR` is the currency's third letter."""
    text = (
        b":20:X\n:25:1\n:28C:1\n:60F:C260101EUR100,00\n:61:2601050105RC10,00NMSCNONREF\n:61:2601050105RD20,00NMSCNONREF\n"
        b":61:2601050105CR30,00NMSCNONREF\n:62F:C260105EUR140,00\n-"
    )
    (one,) = mt940.read(text)
    assert [(signed(entry), entry.reversal) for entry in one.entries] == [(-1000, True), (2000, True), (3000, False)]


def test_nothing_of_a_statement_reaches_the_log(caplog):
    """The library writes lines it cannot read into it, with names and accounts."""
    with caplog.at_level(logging.DEBUG), pytest.raises(BankFileUnreadable):
        mt940.read(b":20:X\n:25:1\n:61:nonsense DE02300606010002474689 Erika Muster\n")
    assert "Erika" not in caplog.text


def test_a_text_that_names_a_file_is_not_that_file(tmp_path):
    """The library would open it."""
    secret = tmp_path / "statement.sta"
    secret.write_bytes(b":20:X\n:25:1\n:28C:1\n:60F:C260101EUR1,00\n:62F:C260101EUR1,00\n-")
    with pytest.raises(BankFileUnreadable):
        mt940.read(str(secret).encode())


@pytest.mark.parametrize("name", ["jejik/generic.sta", "self-provided/sparkassen.sta", "betterplace/sepa_snippet.sta"])
def test_the_format_is_told_from_the_content(name):
    """Never from the name of the file."""
    assert bank_files.read(fixture(name)).format == "mt940"
