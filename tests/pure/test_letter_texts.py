"""What letters say in four languages: the same sentences with the same data, and the whole text of one letter each."""

import string
from dataclasses import replace
from datetime import date

import pytest

from gateway.receivables.figures import Booking, Default, DefaultGround
from gateway.receivables.letter_mail import html_of, text_of
from gateway.receivables.letter_model import Answer, Channel, Kind, Language, Outcome, Tone
from gateway.receivables.letter_text import compose, grouped
from gateway.receivables.letter_words import Words, language_for, laws, sentences
from tests.letters import DEBTORS, figures, in_default, letter

GERMAN = """Guten Tag Ada Müller,

vielen Dank für Ihren Einkauf bei Kaffeehaus Nord. Zu Rechnung R-2026-1001
vom 16. September 2026 haben wir noch keine vollständige Zahlung gefunden.
Vielleicht ist sie untergegangen: Bitte zahlen Sie 70,00 € bis zum 9.
Dezember 2026.

DAS IST OFFEN
Rechnung: R-2026-1001 vom 16.09.2026
Bestellung: 1001 vom 14.09.2026
Ware: 1 × Espressomühle, 2 × Filterpapier
Geliefert am: 16.09.2026
Fällig am: 30.09.2026
Rechnungsbetrag: 100,00 €
Zahlung vom 10.10.2026: −30,00 €
Offen: 70,00 €
"""


def names(sentence):
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


@pytest.mark.parametrize("language", [Language.EN, Language.FR, Language.IT])
def test_every_language_says_every_sentence_with_the_same_data(language):
    german, other = sentences(Language.DE), sentences(language)
    assert set(german) == set(other)
    assert {key: names(text) for key, text in german.items()} == {key: names(text) for key, text in other.items()}


def test_a_german_reminder_reads_as_it_was_approved():
    assert text_of(compose(letter())).replace("\N{NO-BREAK SPACE}", " ").startswith(GERMAN)


@pytest.mark.parametrize(
    ("country", "language", "said"),
    [
        ("DE", "de", "Sobald Sie dieses Schreiben erhalten, sind Sie mit der Zahlung in Verzug (§ 286 Abs. 1 BGB)."),
        ("DE", "en", "you are in default of payment (section 286 (1) of the German Civil Code, BGB)"),
        ("CH", "fr", "vous êtes en demeure de payer (art. 102 CO)"),
        ("CH", "it", "Lei è in mora con il pagamento (art. 102 CO)"),
        ("AT", "de", "sind Sie mit der Zahlung in Verzug. Dann"),
    ],
)
def test_a_dunning_letter_cites_the_debtors_law_and_only_what_is_certain(country, language, said):
    assert said in html_of(compose(letter(Kind.DUNNING, country, language)))


def test_swiss_german_has_no_sharp_s_but_names_keep_theirs():
    model = letter(Kind.FINAL, "CH", "de")
    model = replace(model, recipient=replace(model.recipient, name="Beat Groß"))
    text = text_of(compose(model))
    assert "Freundliche Grüsse" in text
    assert "Beat Groß" in text
    assert text.count("ß") == 1


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize(("country", "language"), [("DE", "de"), ("DE", "en"), ("CH", "fr"), ("IT", "it")])
def test_every_kind_is_written_in_every_language_without_a_gap(kind, country, language):
    page = compose(letter(kind, country, language))
    text = text_of(page, "PDF")
    assert "{" not in text
    assert "None" not in text
    assert page.title


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind.demands])
def test_a_demand_says_how_to_pay_how_to_object_and_to_ignore_it_when_paid(kind):
    text = text_of(compose(letter(kind)))
    assert "DE89 3704 0044 0532 0130 00" in text
    assert "SIE SIND NICHT EINVERSTANDEN?" in text
    assert "Haben Sie inzwischen gezahlt?" in text
    assert "kostenlos" in text


def test_the_notice_about_a_bureau_says_that_disputing_stops_it():
    text = text_of(compose(letter(Kind.FINAL)))
    assert "Wenn Sie die Forderung bestreiten, melden wir sie nicht." in text.replace("\n", " ")


def test_a_regular_customer_is_spoken_to_as_one():
    assert compose(letter(tone=Tone.REGULAR)).opening.startswith("Sie kaufen schon länger")


def test_many_claims_stand_at_a_glance_and_one_by_one_at_the_end():
    page = compose(letter(Kind.FINAL, claims=tuple(in_default(invoice_number=f"R-{n}") for n in range(4))))
    assert page.title == "Letzte Mahnung: 4 Rechnungen"
    assert [table.heading for table in page.statement] == [f"Rechnung R-{n}" for n in range(4)]


def test_reserved_interest_is_said_without_an_amount():
    text = text_of(compose(letter(Kind.FINAL, claims=(in_default(interest=(), interest_minor=None),))))
    assert "behalten wir uns vor" in text.replace("\n", " ")
    assert "Verzugszinsen:" not in text


def test_every_ground_of_default_is_told_in_words():
    for ground in DefaultGround:
        claim = in_default(default=Default(date(2026, 11, 1), ground, "Bestellung 1001"))
        assert "in Verzug" in text_of(compose(letter(Kind.FINAL, claims=(claim,))))


@pytest.mark.parametrize("outcome", list(Outcome))
def test_an_objection_is_answered_in_the_merchants_words(outcome):
    answer = Answer(outcome, "Das Paket kam zurück.")
    assert "Das Paket kam zurück." in text_of(compose(letter(Kind.OBJECTION_ANSWER, answer=answer)))


def test_nothing_is_demanded_after_the_last_cent_came():
    paid = figures(open_principal_minor=0, payments=(Booking(date(2026, 10, 10), 10_000),))
    text = text_of(compose(letter(Kind.RECEIPT, claims=(paid,))))
    assert "Damit ist nichts mehr offen." in text
    assert "SO ZAHLEN SIE" not in text


@pytest.mark.parametrize(
    ("country", "wished", "written"),
    [
        ("DE", "de", "de"),
        ("DE", "en", "en"),
        ("DE", "fr", "de"),
        ("CH", "it", "it"),
        ("CH", "", "de"),
        ("FR", "", "fr"),
        ("PL", "pl", "en"),
        ("PL", "de", "de"),
    ],
)
def test_a_debtor_is_written_to_in_a_language_that_can_be_expected_of_him(country, wished, written):
    assert language_for(country, wished) == written


def test_the_first_of_a_month_is_written_as_french_and_italians_do():
    assert Words(Language.FR, "CH").day(date(2026, 12, 1)) == "1er décembre 2026"
    assert Words(Language.IT, "IT").day(date(2026, 12, 1)) == "1º dicembre 2026"


def test_references_are_grouped_for_the_eye():
    assert grouped("RF18539007547034") == "RF18 5390 0754 7034"
    assert grouped("210000000003139471430009017") == "21 00000 00003 13947 14300 09017"
    assert grouped("Bestellung 7") == "Bestellung 7"


def test_every_citation_has_a_source_and_all_four_languages():
    for topics in laws().values():
        for entry in topics.values():
            assert set(entry) == {"certain", "source", "de", "en", "fr", "it"}


def test_markup_in_names_and_goods_stays_text_in_an_e_mail():
    bad = '<script>alert("x")</script>'
    model = letter(channel=Channel.EMAIL)
    line = replace(model.claims[0], goods=(bad,))
    model = replace(model, claims=(line,), recipient=replace(DEBTORS["DE"], name=bad))
    html = html_of(compose(model))
    assert "<script" not in html
    assert html.count("&lt;script&gt;") == 2
