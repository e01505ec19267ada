"""SEPA files: what is written is valid, ours by id and time, and nothing unproven gets into them."""

import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from gateway.payments import sepa
from gateway.payments.sepa import Address, Debit, Message, Ours, SepaInvalid, Transfer

OURS = Ours("Müller & Söhne GmbH", "DE02 3006 0601 0002 4746 89", "", "DE98ZZZ09999999999")
MESSAGE = Message("KZ-20261125-1", datetime(2026, 11, 25, 3, tzinfo=UTC))
DEBIT = Debit(
    end_to_end_id="RE-2026-0001",
    amount_minor=1999,
    name="Jörg Groß",
    iban="DE89370400440532013000",
    mandate_id="MND1",
    mandate_date=date(2026, 1, 5),
    collect_on=date(2026, 12, 1),
    purpose="Rechnung RE-2026-0001 – Größe „M“",
    address=Address("Hamburg", "DE", "Lange Reihe", "7", "20099"),
)
TRANSFER = Transfer("ERST-1", 500, "Erika", "AT611904300234573201", date(2026, 12, 1), "Erstattung")


def texts(content, name):
    root = ET.fromstring(content)
    return [found.text for found in root.iter() if found.tag.endswith(f"}}{name}")]


def faults(refusal):
    return {one["path"] for one in refusal.value.facts["errors"]}


def test_a_file_of_debits_is_written_whole():
    """Our id and time, the sum, one batch per sequence and day, the mandate, a structured address, plain letters."""
    second = replace(DEBIT, end_to_end_id="RE-2026-0002", amount_minor=4550, sequence="FRST", mandate_id="MND2")
    content = sepa.direct_debits(OURS, [DEBIT, second], MESSAGE)
    assert texts(content, "MsgId") == ["KZ-20261125-1"]
    assert texts(content, "CreDtTm") == ["2026-11-25T03:00:00Z"]
    assert texts(content, "PmtInfId") == ["KZ-20261125-1-1", "KZ-20261125-1-2"]
    assert texts(content, "CtrlSum")[0] == "65.49"
    assert texts(content, "SeqTp") == ["RCUR", "FRST"]
    assert texts(content, "MndtId") == ["MND1", "MND2"]
    assert texts(content, "Nm")[0] == "Mueller + Soehne GmbH"
    assert "Joerg Gross" in texts(content, "Nm")
    assert texts(content, "TwnNm") == ["Hamburg", "Hamburg"]
    assert b"AdrLine" not in content
    assert texts(content, "Ustrd")[0] == "Rechnung RE-2026-0001 Groesse M"


def test_the_same_debits_make_the_same_file():
    """Byte by byte: a file that is written again is known to the bank."""
    assert sepa.direct_debits(OURS, [DEBIT], MESSAGE) == sepa.direct_debits(OURS, [DEBIT], MESSAGE)


def test_a_file_of_transfers_is_written_whole():
    """Refunds; a bank that is not named is said to be so."""
    content = sepa.transfers(OURS, [TRANSFER], MESSAGE)
    assert texts(content, "InstdAmt") == ["5.00"]
    assert texts(content, "EndToEndId") == ["ERST-1"]
    assert b"NOTPROVIDED" in content


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"iban": "DE89370400440532013001"}, "iban"),
        ({"iban": "nonsense"}, "iban"),
        ({"bic": "NONSENSE1"}, "bic"),
        ({"amount_minor": 0}, "amount_minor"),
        ({"amount_minor": 10**12}, "amount_minor"),
        ({"end_to_end_id": ""}, "end_to_end_id"),
        ({"end_to_end_id": "x" * 36}, "end_to_end_id"),
        ({"end_to_end_id": "/RE"}, "end_to_end_id"),
        ({"end_to_end_id": "Ä1"}, "end_to_end_id"),
        ({"name": "„“"}, "name"),
        ({"mandate_id": ""}, "mandate_id"),
        ({"mandate_date": date(2027, 1, 1)}, "mandate_date"),
        ({"sequence": "OFTEN"}, "sequence"),
        ({"collect_on": date(2026, 11, 24)}, "date"),
        ({"address": Address("", "DE")}, "address/town"),
        ({"address": Address("Hamburg", "Germany")}, "address/country"),
    ],
)
def test_a_faulty_debit_is_refused_at_its_place(change, path):
    """Sepaxml alone would write an account with wrong check digits."""
    with pytest.raises(SepaInvalid) as refusal:
        sepa.direct_debits(OURS, [replace(DEBIT, end_to_end_id="FIRST"), replace(DEBIT, **change)], MESSAGE)
    assert f"/payments/1/{path}" in faults(refusal)


@pytest.mark.parametrize(
    ("ours", "path"),
    [
        (replace(OURS, creditor_id="DE99ZZZ09999999999"), "/creditor_id"),
        (replace(OURS, creditor_id=""), "/creditor_id"),
        (replace(OURS, iban="DE0230"), "/iban"),
        (replace(OURS, name=" "), "/name"),
    ],
)
def test_our_own_data_are_proven_too(ours, path):
    """A creditor identifier has check digits of its own."""
    with pytest.raises(SepaInvalid) as refusal:
        sepa.direct_debits(ours, [DEBIT], MESSAGE)
    assert path in faults(refusal)


def test_one_payment_is_not_ordered_twice_in_a_file():
    """The bank tells them by their end-to-end ids, and so do we."""
    with pytest.raises(SepaInvalid) as refusal:
        sepa.transfers(OURS, [TRANSFER, TRANSFER], MESSAGE)
    assert faults(refusal) == {"/payments/1/end_to_end_id"}


def test_an_empty_file_is_none():
    """Nor one without end."""
    for number in (0, sepa.MOST + 1):
        with pytest.raises(SepaInvalid):
            sepa.transfers(OURS, [TRANSFER] * number, MESSAGE)
