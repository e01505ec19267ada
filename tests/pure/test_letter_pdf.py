"""Paper: the same bytes for the same letter, text that stays text, codes that scan, a bill a bank accepts."""

import json
from dataclasses import replace

import pypdfium2
import pytest

from gateway.receivables import letter_codes
from gateway.receivables.letter_model import Account, ClaimLine, Kind
from gateway.receivables.letter_pdf import document_of, render
from gateway.receivables.letter_text import compose
from tests.letters import figures, in_default, letter

EVIL = '#panic("x") $ #eval("1") *b* _i_ `r` [#read("/etc/passwd")] <label> @ref \\ "q" // c'


def text_of(pdf):
    with pypdfium2.PdfDocument(pdf) as opened:
        return "\n".join(page.get_textpage().get_text_range() for page in opened)


def pages_of(pdf):
    with pypdfium2.PdfDocument(pdf) as opened:
        return len(opened)


def flat(text):
    return "".join(text.split())


def test_the_same_letter_is_the_same_file():
    assert render(letter()) == render(letter())


@pytest.mark.parametrize("field", ["name", "goods", "shop", "invoice", "answer"])
def test_markup_of_typst_in_data_is_shown_and_never_run(field):
    model = letter(Kind.OBJECTION_ANSWER) if field == "answer" else letter()
    line = model.claims[0]
    model = {
        "name": lambda: replace(model, recipient=replace(model.recipient, name=EVIL)),
        "goods": lambda: replace(model, claims=(replace(line, goods=(EVIL[:58],)),)),
        "shop": lambda: replace(model, shop_name=EVIL),
        "invoice": lambda: replace(model, claims=(ClaimLine(figures(invoice_number=EVIL), line.goods),)),
        "answer": lambda: replace(model, answer=replace(model.answer, words=EVIL)),
    }[field]()
    assert flat(EVIL[:40]) in flat(text_of(render(model)))


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize(("country", "language"), [("DE", "en"), ("CH", "it")])
def test_a_letter_can_be_read_by_a_screen_reader(kind, country, language):
    """Typst refuses what would break PDF/UA-1."""
    assert render(letter(kind, country, language), standards=["ua-1"]).startswith(b"%PDF-")


def test_the_file_says_its_title_and_language():
    with pypdfium2.PdfDocument(render(letter(Kind.DUNNING, "CH", "fr"))) as opened:
        assert opened.get_metadata_value("Title") == "Mise en demeure : Facture R-2026-1001"
        assert opened.is_tagged()


def test_a_claim_of_its_own_page_each_does_not_fit_ten_on_the_first():
    many = tuple(in_default(invoice_number=f"R-{n}") for n in range(10))
    pdf = render(letter(Kind.FINAL, claims=many))
    assert pages_of(pdf) >= 3
    assert "R-9" in text_of(pdf)


def test_a_letter_in_euros_carries_a_girocode_and_no_swiss_bill():
    assert "<svg" in letter_codes.girocode(letter())
    assert letter_codes.payment_part(letter()) == ""


def test_a_letter_in_francs_carries_a_payment_part_with_a_structured_address():
    model = letter(Kind.DUNNING, "CH", "fr")
    assert letter_codes.girocode(model) == ""
    part = letter_codes.payment_part(model)
    assert "Section paiement" in part
    assert "Récépissé" in text_of(render(model))


def test_a_qr_iban_is_used_with_a_qr_reference_only():
    model = letter(Kind.DUNNING, "CH", "fr")
    account = Account("Bergkaffee AG", "CH9300762011623852957", "", "CH4431999123000889012")
    model = replace(model, sender=replace(model.sender, account=account))
    assert "CH93" in letter_codes.payment_part(model)
    qrr = replace(model, reference="210000000003139471430009017")
    assert "CH44" in letter_codes.payment_part(qrr)


def test_the_payment_part_escapes_what_it_is_told():
    model = letter(Kind.DUNNING, "CH", "fr")
    model = replace(model, recipient=replace(model.recipient, name="<image href='x'/>"))
    assert "<image" not in letter_codes.payment_part(model)


def test_the_window_is_where_the_debtors_country_has_it():
    assert document_of(compose(letter()))["window"] == "left"
    assert document_of(compose(letter(Kind.REMINDER, "CH")))["window"] == "right"


def test_what_typst_reads_is_plain_data():
    document = document_of(compose(letter(Kind.FINAL)))
    assert json.loads(json.dumps(document))["blocks"][0]["type"] == "section"
