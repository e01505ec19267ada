"""Which open item a transfer pays: what people write, what may be booked without asking, and what may not."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import bank_statements
from gateway.payments import matching_text
from gateway.payments.bank_entries import BankEntry, Party
from gateway.payments.matching import match, match_all
from gateway.payments.matching_case import Aliases, Policy
from gateway.payments.matching_index import Index, OpenItem
from tests import bank_accounts

ERIKA = "Erika Mustermann"
IBAN = "DE02120300000000202051"
RF = "RF18539007547034"


def an_item(number=1, **overrides):
    facts = {
        "id": f"clm_{number}",
        "debtor_id": "erika",
        "currency": "EUR",
        "open_minor": 11950,
        "references": (f"RE-2026-{number:06}", f"B{4_000_000 + number * 137}"),
        "due_date": date(2026, 3, 1),
        "names": (matching_text.normal_name(ERIKA),),
    }
    return OpenItem(**{**facts, **overrides})


OTHER = an_item(
    977, id="clm_other", debtor_id="paul", names=(matching_text.normal_name("Paul Schmidt"),), open_minor=4900
)


def an_entry(purpose="", **overrides):
    facts = {
        "credit": True,
        "amount_minor": 11950,
        "currency": "EUR",
        "booked_on": date(2026, 3, 5),
        "party": Party(ERIKA, IBAN),
        "purpose": purpose,
    }
    return BankEntry(**{**facts, **overrides})


def answer(entry, *items, **options):
    return match(entry, Index([*items, OTHER], bank_accounts.digest), **options)


def paid(found):
    return {assignment.item_id: assignment.amount_minor for assignment in found.assignments}


@pytest.mark.parametrize(
    "purpose",
    [
        "Rechnung RE-2026-004711",
        "re2026004711 danke",
        "2026004711",
        "RE 2026 / 004711",
        "Rg.Nr.RE-2026-0047\n11 vom 01.03.2026",
        "RE-2026-00 4711",
        "RE-2026-4711",
        "RE-2026-04711",
        "RE-2O26-OO47ll",
        "zu Rechnung RE-2026-0O47I1, Kd 20931, Tel. 0171 2345678",
        "RE 26/004711",
        "RE-2026-004771",
        "RE-2026-04711 und Danke",
        "RE-2026-0004711",
        "Bestellung B4645407",
        "4645407",
        "Rechnung 4711",
        "Mustermann Rechnungsnr 004711 EUR 119,50",
        "IBAN DE02300606010002474689 RE-2026-004711",
    ],
)
def test_what_people_write_finds_the_invoice(purpose):
    """Blanks, line ends, missing zeros, letters for digits, slips: with the payer's name and the exact amount it is sure."""
    found = answer(an_entry(purpose), an_item(4711))
    assert (found.certainty, paid(found)) == ("sure", {"clm_4711": 11950})


@pytest.mark.parametrize("field", ["creditor_reference", "end_to_end_id", "purpose"])
def test_a_reference_is_found_wherever_the_bank_puts_it(field):
    """A creditor reference with its check digits, here of a stranger who pays only a part."""
    entry = an_entry(**{field: RF}, amount_minor=5000, party=Party("Karla Fremd"))
    found = answer(entry, an_item(references=(RF,)))
    assert (found.certainty, paid(found)) == ("sure", {"clm_1": 5000})
    assert found.why == ("check-digits", "part")


def test_a_qr_reference_is_found_in_groups():
    """As Swiss slips print it."""
    entry = an_entry("21 00000 00003 13947 14300 09017", currency="CHF", party=Party("Karla Fremd"))
    found = answer(entry, an_item(references=("210000000003139471430009017",), currency="CHF"))
    assert (found.certainty, found.why[0]) == ("sure", "check-digits")


def test_a_reference_whose_check_digits_fail_is_not_proven():
    """One wrong digit: found near, so the amount and the payer must agree."""
    found = answer(an_entry(RF.replace("539", "538")), an_item(references=(RF,)))
    assert (found.certainty, found.why[0]) == ("sure", "near-reference")
    stranger = answer(an_entry(RF.replace("539", "538"), party=Party("Karla Fremd")), an_item(references=(RF,)))
    assert stranger.certainty == "probable"


def test_nothing_is_sure_on_the_amount_alone():
    """The only item with this amount, and nobody named."""
    found = answer(an_entry("Danke", party=Party("Karla Fremd")), an_item())
    assert found.certainty == "none"


@pytest.mark.parametrize(
    "name",
    [
        "MUSTERMANN ERIKA",
        "Mustermann, Erika",
        "E. Mustermann",
        "Dr. Erika Mustermann",
        "Max und Erika Mustermann",
        "Max Mustermann",
    ],
)
def test_a_payer_of_the_buyers_name_speaks_for_a_slip(name):
    """Order, titles, joint accounts, a relative."""
    found = answer(an_entry("RE-2026-004771", party=Party(name)), an_item(4711))
    assert found.certainty == "sure"


def test_umlauts_are_the_same_in_every_spelling():
    """Banks write ä as ae, a or not at all."""
    assert (
        len(
            {
                matching_text.normal_name(name)
                for name in ("Jörg Müller", "JOERG MUELLER", "Jorg Muller", "Müller, Jörg")
            }
        )
        == 1
    )


def test_a_stranger_may_pay_with_the_exact_number_and_amount():
    """A friend, the company, the parents."""
    found = answer(an_entry("RE-2026-004711", party=Party("Karla Fremd")), an_item(4711))
    assert (found.certainty, found.why) == ("sure", ("reference", "amount"))


def test_a_strangers_number_is_a_question_where_a_slip_would_lead_to_the_same_amount():
    """4711 is open, and so is 4771 with the same amount: which one did he mean?"""
    twin = an_item(4771, debtor_id="anna", names=(matching_text.normal_name("Anna Berg"),))
    found = answer(an_entry("RE-2026-004711", party=Party("Karla Fremd")), an_item(4711), twin)
    assert (found.certainty, found.why[-1]) == ("probable", "rival")


def test_a_slip_that_hits_anothers_invoice_is_seen_through():
    """Erika writes Paul's number; her own is one digit away and fits."""
    paul = replace(OTHER, references=("RE-2026-004771",), id="clm_paul")
    found = answer(an_entry("RE-2026-004771"), an_item(4711), paul)
    assert (found.certainty, paid(found)) == ("sure", {"clm_4711": 11950})


def test_several_invoices_in_one_transfer_are_each_paid():
    """Written out, or the later ones cut short: what a large provider once sent to a collector."""
    items = [an_item(number, open_minor=number * 10) for number in (4711, 5822, 6933)]
    total = sum(item.open_minor for item in items)
    for purpose in ("RE-2026-004711, RE-2026-005822 und RE-2026-006933", "RE-2026-004711, 5822, 6933 Mustermann"):
        found = answer(an_entry(purpose, amount_minor=total), *items)
        assert (found.certainty, paid(found)) == ("sure", {item.id: item.open_minor for item in items})


def test_more_is_paid_than_is_named_when_the_sum_is_exact():
    """One number, the amount of two of the three."""
    items = [an_item(number, open_minor=number * 10) for number in (4711, 5822, 6933)]
    found = answer(an_entry("RE-2026-004711", amount_minor=47110 + 69330), *items)
    assert (found.certainty, paid(found)) == ("sure", {"clm_4711": 47110, "clm_6933": 69330})


def test_a_sum_that_can_be_made_up_in_two_ways_is_not_guessed():
    """Two items of the same amount, one paid, none named."""
    items = [an_item(4711), an_item(5822)]
    assert answer(an_entry("Danke"), *items).certainty != "sure"


@pytest.mark.parametrize(
    ("amount_minor", "certainty"),
    [(11592, "sure"), (11949, "sure"), (12000, "sure"), (6000, "sure"), (30000, "probable")],
)
def test_less_or_more_than_was_open_is_taken_within_what_the_policy_allows(amount_minor, certainty):
    """Three per cent of discount, a cent, a round sum, half; two and a half times is a question."""
    found = answer(an_entry("RE-2026-004711", amount_minor=amount_minor), an_item(4711))
    assert found.certainty == certainty
    assert sum(paid(found).values()) + found.surplus_minor == amount_minor
    assert max(paid(found).values()) <= 11950


def test_a_part_paid_by_a_stranger_is_a_question():
    """Number and nothing else."""
    found = answer(an_entry("RE-2026-004711", amount_minor=6000, party=Party("Karla Fremd")), an_item(4711))
    assert found.certainty == "probable"


def test_another_amount_that_was_asked_for_is_exact():
    """With the fee of the last letter."""
    found = answer(an_entry("RE-2026-004711", amount_minor=12450), an_item(4711, asked_minor=(12450,)))
    assert (found.certainty, found.why[1], found.surplus_minor) == ("sure", "amount", 500)


def test_the_account_somebody_paid_from_before_is_enough_with_the_amount():
    """No number, another name."""
    known = an_item(4711, iban_digests=frozenset({bank_accounts.digest(IBAN)}))
    found = answer(an_entry("Danke", party=Party("Karla Fremd", IBAN)), known)
    assert (found.certainty, found.why) == ("sure", ("account", "amount"))
    assert answer(an_entry("Danke", party=Party("Karla Fremd", IBAN), amount_minor=5000), known).certainty == "probable"


def test_a_payer_once_assigned_is_known_from_then_on():
    """Learned from a person's click, by account and by name."""
    entry = an_entry("Danke", party=Party("Karla Fremd", IBAN))
    assert answer(entry, an_item(4711)).certainty == "none"
    learned = Aliases().learn(entry, bank_accounts.digest(IBAN), "erika")
    assert answer(entry, an_item(4711), aliases=learned).certainty == "sure"
    other_account = replace(entry, party=Party("Karla Fremd", "DE89370400440532013000"))
    assert answer(other_account, an_item(4711), aliases=learned).certainty == "sure"


def test_a_number_of_ours_that_is_not_open_forbids_to_guess_by_name():
    """Erika pays an old invoice a second time; her new one has the same amount."""
    found = answer(an_entry("RE-2026-004000"), an_item(8311))
    assert found.certainty == "probable"


def test_the_end_of_another_number_is_not_taken_for_a_short_one():
    """RE-2026-264711 was paid long ago; 264711 is not number 4711 of the year 26."""
    found = answer(an_entry("Rechnung RE-2026-264711", party=Party("Karla Fremd")), an_item(4711), an_item(264712))
    assert found.certainty != "sure"


def test_full_name_and_exact_amount_are_enough_unless_the_policy_forbids():
    """No number at all, one bearer of the name."""
    assert answer(an_entry("Danke"), an_item()).certainty == "sure"
    assert answer(an_entry("Danke"), an_item(), policy=Policy(name_alone=False)).certainty == "probable"


@pytest.mark.parametrize(
    "entry",
    [
        {"party": Party("Kanzlei Fremd", ultimate=ERIKA)},
        {"party": Party("Karla Fremd"), "purpose": "fuer Erika Mustermann, danke"},
        {"party": Party(), "purpose": "Erika Mustermann"},
    ],
)
def test_the_name_of_whom_somebody_pays_for_is_a_name_too(entry):
    """In its own field, or in the text."""
    assert answer(an_entry(**entry), an_item()).certainty == "sure"
    assert answer(an_entry(**entry, amount_minor=5000), an_item()).certainty == "probable"


def test_two_of_the_same_name_are_not_told_apart_by_a_common_amount():
    """A namesake with another debt."""
    namesake = an_item(5822, debtor_id="erika2", open_minor=2500)
    assert answer(an_entry("Danke"), an_item(4711), namesake).certainty == "probable"


@pytest.mark.parametrize(
    "change",
    [
        {"credit": False},
        {"returned": True},
        {"reversal": True},
        {"status": "PDNG"},
        {"status": "INFO"},
        {"currency": "USD"},
    ],
)
def test_what_is_no_booked_payment_in_pays_nothing(change):
    """Debits, returns, announcements, another currency."""
    assert answer(an_entry("RE-2026-004711", **change), an_item(4711)).certainty == "none"


def test_a_second_payment_of_the_same_invoice_is_not_booked_on_it():
    """The first one closed it; the second is a question."""
    index = Index([an_item(4711), OTHER], bank_accounts.digest)
    first, second = match_all([an_entry("RE-2026-004711")] * 2, index)
    assert (first.certainty, second.certainty) == ("sure", "none")
    assert second.why == ("unknown-reference",)


def test_dates_amounts_and_accounts_in_the_text_are_no_references():
    """`2026-03-04` and `01.03.2026` are days, `119,50` is money."""
    found = matching_text.windows("vom 01.03.2026 / 2026-03-04 EUR 1.119,50 DE02300606010002474689", frozenset())
    assert found == []


@given(st.text(max_size=200), st.text(max_size=80), st.integers(1, 10**9))
def test_no_text_breaks_matching_and_every_cent_is_somewhere(purpose, name, amount_minor):
    """Assignments and surplus always make up the entry; nothing is assigned beyond what is open."""
    items = [an_item(4711), an_item(5822, open_minor=100)]
    found = answer(an_entry(purpose, party=Party(name, IBAN), amount_minor=amount_minor), *items)
    if found.certainty != "none":
        assert sum(paid(found).values()) + found.surplus_minor == amount_minor
        assert all(part <= 11950 for part in paid(found).values())


@pytest.mark.parametrize("seed", [1, 3])
def test_a_synthetic_statement_is_assigned_without_a_single_error(seed):
    """Labelled entries with the noise of `bench/bank_statements.py`; the full 20,000 are measured by `make bench`."""
    found = bank_accounts.outcome(bank_statements.generate(seed, entries=1_500, open_items=8_000))
    assert found.wrong == []
    assert found.share >= 0.985, found.left.most_common()


@pytest.mark.slow
def test_the_full_synthetic_statement_is_assigned_to_99_per_cent_without_a_single_error():
    """20,000 entries against 100,000 open items; this seed once found an error that others had not."""
    found = bank_accounts.outcome(bank_statements.generate(303, entries=20_000, open_items=100_000))
    assert found.wrong == []
    assert found.share >= 0.99, found.left.most_common()
