"""CSV exports: the banks we know, and a merchant's own by a mapping document. All rows here are invented."""

from datetime import date

import pytest

from gateway.payments import bank_csv, bank_files
from gateway.payments.bank_csv import MappingInvalid
from gateway.payments.bank_entries import BankFileUnreadable

OWN = "DE02300606010002474689"
EXPORTS = {
    "sparkasse": (
        (
            '"Auftragskonto";"Buchungstag";"Valutadatum";"Buchungstext";"Verwendungszweck";"Glaeubiger ID";"Mandatsreferenz";'
            '"Kundenreferenz (End-to-End)";"Sammlerreferenz";"Lastschrift Ursprungsbetrag";"Auslagenersatz Ruecklastschrift";'
            '"Beguenstigter/Zahlungspflichtiger";"Kontonummer/IBAN";"BIC (SWIFT-Code)";"Betrag";"Waehrung";"Info"\n'
            f'"{OWN}";"05.01.26";"05.01.26";"GUTSCHR. UEBERWEISUNG";"Rechnung RE-2026-000123";"";"";"NOTPROVIDED";"";"";"";'
            '"Müller, Erika";"DE02120300000000202051";"BYLADEM1001";"1.119,50";"EUR";"Umsatz gebucht"\n'
        ),
        "cp1252",
    ),
    "volksbank": (
        (
            "Bezeichnung Auftragskonto;IBAN Auftragskonto;BIC Auftragskonto;Bankname Auftragskonto;Buchungstag;Valutadatum;"
            "Name Zahlungsbeteiligter;IBAN Zahlungsbeteiligter;BIC (SWIFT-Code) Zahlungsbeteiligter;Buchungstext;"
            "Verwendungszweck;Betrag;Waehrung;Saldo nach Buchung\n"
            f"Konto;{OWN};BIC;Bank;05.01.2026;05.01.2026;Müller, Erika;DE02120300000000202051;X;Gutschrift;"
            "Rechnung RE-2026-000123;1119,50;EUR;2000,00\n"
        ),
        "utf-8",
    ),
    "dkb": (
        (
            f'"Girokonto";"{OWN}"\n""\n"Kontostand vom 10.10.2026:";"1.234,56 €"\n""\n'
            '"Buchungsdatum";"Wertstellung";"Status";"Zahlungspflichtige*r";"Zahlungsempfänger*in";"Verwendungszweck";'
            '"Umsatztyp";"IBAN";"Betrag (€)";"Gläubiger-ID";"Mandatsreferenz";"Kundenreferenz"\n'
            '"05.01.26";"05.01.26";"Gebucht";"Müller, Erika";"Laden";"Rechnung RE-2026-000123";"Eingang";'
            '"DE02120300000000202051";"1.119,50 €";"";"";""\n'
        ),
        "utf-8-sig",
    ),
    "ing": (
        (
            "Umsatzanzeige;Datei erstellt am: 22.01.2026 18:23\n\nIBAN;DE02 3006 0601 0002 4746 89\nSaldo;1.000,00;EUR\n\n"
            "Buchung;Wertstellungsdatum;Auftraggeber/Empfänger;Buchungstext;Verwendungszweck;Saldo;Währung;Betrag;Währung\n"
            "05.01.2026;05.01.2026;Müller, Erika;Gutschrift;Rechnung RE-2026-000123;2.000,00;EUR;1.119,50;EUR\n"
        ),
        "cp1252",
    ),
    "commerzbank": (
        (
            "Buchungstag;Wertstellung;Umsatzart;Buchungstext;Betrag;Währung;IBAN Kontoinhaber;Kategorie\n"
            "05.01.2026;05.01.2026;Gutschrift;Müller, Erika Rechnung RE-2026-000123 End-to-End-Ref.: E2E-1 Mandatsref: M-9 x;"
            f"1119,5;EUR;{OWN};\n"
        ),
        "utf-8-sig",
    ),
    "comdirect": (
        (
            '"Umsätze Girokonto";"Zeitraum: 10 Tage";\n"Neuer Kontostand";"1,00 EUR";\n\n'
            '"Buchungstag";"Wertstellung (Valuta)";"Vorgang";"Buchungstext";"Umsatz in EUR";\n'
            '"05.01.2026";"05.01.2026";"Übertrag / Überweisung";"Auftraggeber: Müller, ErikaKto/IBAN: DE02120300000000202051 '
            'BLZ/BIC: BYLADEM1001 Buchungstext: Rechnung RE-2026-000123 End-to-End-Ref.: nicht angegeben Ref. H8/1";"1.119,50";\n'
            '\n"Alter Kontostand";"0,00";\n'
        ),
        "cp1252",
    ),
    "n26": (
        (
            '"Booking Date","Value Date","Partner Name","Partner Iban",Type,"Payment Reference","Account Name","Amount (EUR)"\n'
            '2026-01-05,2026-01-05,"Müller, Erika",DE02120300000000202051,"Credit Transfer",Rechnung RE-2026-000123,Main,1119.5\n'
        ),
        "utf-8",
    ),
}
OWN_MAPPING = {
    "recognised_by": ["Datum", "Haben", "Soll"],
    "columns": {"booked_on": "Datum", "purpose": "Text", "credit": "Haben", "debit": "Soll", "name": "Wer"},
    "currency": "CHF",
}


def one(name):
    text, encoding = EXPORTS[name]
    (statement,) = bank_files.read(text.encode(encoding)).statements
    (entry,) = statement.entries
    return statement, entry


@pytest.mark.parametrize("name", EXPORTS)
def test_the_same_payment_is_read_from_every_bank_we_know(name):
    """Amount, day and number, in each bank's own way of writing."""
    statement, entry = one(name)
    assert (entry.credit, entry.amount_minor, entry.currency) == (True, 111950, "EUR")
    assert (entry.booked_on, entry.value_on) == (date(2026, 1, 5), date(2026, 1, 5))
    assert "RE-2026-000123" in entry.purpose
    assert statement.account == ("" if name in ("comdirect", "n26") else OWN)


@pytest.mark.parametrize("name", sorted(set(EXPORTS) - {"commerzbank"}))
def test_the_payer_is_named(name):
    """Commerzbank writes him into the text without a mark."""
    assert one(name)[1].party.name == "Müller, Erika"


def test_what_a_bank_hides_in_the_text_is_found():
    """By the words that stand before it."""
    assert one("commerzbank")[1].end_to_end_id == "E2E-1"
    assert one("commerzbank")[1].mandate_id == "M-9"
    assert one("comdirect")[1].party.iban == "DE02120300000000202051"
    assert one("comdirect")[1].end_to_end_id == ""


def test_every_shipped_mapping_is_tested_here():
    """A new bank brings an example."""
    assert {mapping.name for mapping in bank_csv.shipped()} == set(EXPORTS)


def test_a_returned_debit_is_told_without_its_charges():
    """Savings banks write the original amount and what they took beside it."""
    head = EXPORTS["sparkasse"][0].split("\n")[0]
    row = f'"{OWN}";"06.01.26";"06.01.26";"RUECKLASTSCHRIFT";"Grund AM04";"";"M1";"E-1";"";"10,00";"3,00";"Max";"X";"X";"-13,00";"EUR";"gebucht"'
    (statement,) = bank_csv.read(f"{head}\n{row}\n".encode("cp1252"))
    (entry,) = statement.entries
    assert (entry.amount_minor, entry.booked_minor, entry.charges_minor) == (1000, 1300, 300)
    assert (entry.returned, entry.return_code) == (True, "AM04")


def test_what_is_only_announced_is_not_booked():
    """`Umsatz vorgemerkt` may never happen."""
    text = EXPORTS["sparkasse"][0].replace("Umsatz gebucht", "Umsatz vorgemerkt")
    assert bank_csv.read(text.encode("cp1252"))[0].entries[0].status == "PDNG"


def test_a_merchant_brings_his_own_bank():
    """A mapping document of the same form as ours."""
    mine = bank_csv.mapping("mine", OWN_MAPPING)
    text = "Datum;Wer;Text;Soll;Haben\n5.1.2026;Erika;RE-1;;10,00\n6.1.2026;Post;Porto;3,50;\n"
    (statement,) = bank_csv.read(text.encode(), [mine])
    assert [(entry.credit, entry.amount_minor, entry.currency) for entry in statement.entries] == [
        (True, 1000, "CHF"),
        (False, 350, "CHF"),
    ]
    with pytest.raises(BankFileUnreadable):
        bank_csv.read(text.encode())


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"colums": {}}, "/colums"),
        ({"columns": {"booked_on": "Datum"}}, "/columns"),
        ({"columns": {"booked_on": "Datum", "amount": "B", "colour": "C"}}, "/columns/colour"),
        ({"date_order": "DDMM"}, "/date_order"),
        ({"recognised_by": []}, "/recognised_by"),
        ({"inside_purpose": {"colour": {"after": ["x"], "before": ["y"]}}}, "/inside_purpose/colour"),
        ({"inside_purpose": {"name": "x"}}, "/inside_purpose/name"),
    ],
)
def test_a_faulty_mapping_is_refused_with_the_place_of_the_fault(change, path):
    """When it is saved, not when the first statement comes."""
    with pytest.raises(MappingInvalid) as refusal:
        bank_csv.mapping("mine", {**OWN_MAPPING, **change})
    assert refusal.value.facts["errors"][0]["path"] == path


@pytest.mark.parametrize("cell", ["", "abc", "0,00", "1,2345"])
def test_a_row_without_an_amount_names_its_place(cell):
    """Nothing of the file is taken then."""
    text = EXPORTS["n26"][0].replace("1119.5", f'"{cell}"')
    with pytest.raises(BankFileUnreadable) as refusal:
        bank_csv.read(text.encode())
    assert "row 1" in refusal.value.detail


def test_the_same_rows_in_a_longer_export_have_the_same_keys():
    """Exports overlap; a second identical payment on a day is a second one."""
    head, row = EXPORTS["n26"][0].splitlines()
    other = row.replace("2026-01-05,2026-01-05", "2026-01-06,2026-01-06")
    short, long = ("\n".join(lines).encode() for lines in ([head, row], [head, other, row, row]))
    keys = {entry.key for entry in bank_csv.read(short)[0].entries}
    assert keys < {entry.key for entry in bank_csv.read(long)[0].entries}
    assert len({entry.key for entry in bank_csv.read(long)[0].entries}) == 3


@pytest.mark.parametrize("content", [b"", b"   ", b"a;b;c\n1;2;3\n", b"\x00\x00\x00", b'"unclosed', b"\xff\xfe"])
def test_what_is_no_bank_file_is_refused(content):
    """With the one error there is for it."""
    with pytest.raises(BankFileUnreadable):
        bank_files.read(content)
