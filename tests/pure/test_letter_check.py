"""What must never leave: one line per rule, each a lawful letter with one thing wrong."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from gateway.receivables.figures import Cost, CostKind, Default, DefaultGround, InterestSpan
from gateway.receivables.letter_check import unlawful
from gateway.receivables.letter_model import (
    Answer,
    BureauNotice,
    Channel,
    HandoverNotice,
    Kind,
    Language,
    Outcome,
)
from tests.letters import FACTS, figures, in_default, letter

DAY = date(2026, 11, 25)


def codes(model, facts=FACTS):
    return {finding.code for finding in unlawful(model, facts)}


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize(
    ("country", "language"), [("DE", "de"), ("DE", "en"), ("AT", "de"), ("CH", "fr"), ("CH", "it")]
)
def test_a_lawful_letter_of_every_kind_may_leave(kind, country, language):
    assert unlawful(letter(kind, country, language), FACTS) == []


def final(**claim):
    return letter(Kind.FINAL, claims=(in_default(**claim),))


def cost(minor=110, kind=CostKind.DUNNING, proven=110, on=date(2026, 11, 10), cause="Porto"):
    return Cost(kind, cause, minor, on, proven)


WRONG = {
    "a fee in the letter that creates default": (
        letter(Kind.DUNNING, claims=(figures(costs=(cost(),)),)),
        "cost-before-default",
    ),
    "a fee of a letter before default": (final(costs=(cost(on=date(2026, 10, 20)),)), "cost-before-default"),
    "a fee above its proof": (final(costs=(cost(proven=76),)), "cost-not-proven"),
    "a fee nobody proved": (final(costs=(cost(proven=None),)), "cost-not-proven"),
    "a fee above what courts accept": (final(costs=(cost(500, proven=500),)), "cost-above-cap"),
    "a fee for nothing": (final(costs=(cost(cause=" "),)), "cost-without-cause"),
    "a fee for an e-mail": (
        replace(final(costs=(cost(on=DAY),)), channel=Channel.EMAIL),
        "fee-without-paper",
    ),
    "a fee in a friendly reminder": (letter(claims=(in_default(interest=(), interest_minor=0),)), "cost-in-reminder"),
    "interest in a friendly reminder": (letter(claims=(in_default(costs=()),)), "interest-in-reminder"),
    "40 EUR of a consumer": (
        final(costs=(cost(4000, CostKind.LUMP_SUM, None),)),
        "lump-sum-to-consumer",
    ),
    "40 EUR twice": (
        final(costs=(cost(4000, CostKind.LUMP_SUM, None), cost(4000, CostKind.LUMP_SUM, None))),
        "lump-sum-twice",
    ),
    "a lump sum that no law knows": (
        replace(
            final(costs=(cost(5000, CostKind.LUMP_SUM, None),)),
            recipient=replace(letter().recipient, consumer=False),
        ),
        "lump-sum-unknown",
    ),
    "interest before default": (
        final(
            interest=(InterestSpan(date(2026, 10, 20), date(2026, 11, 24), 7_000, Decimal("6.52"), Decimal("45.0")),),
            interest_minor=45,
        ),
        "interest-before-default",
    ),
    "nine points of a consumer": (
        final(
            interest=(InterestSpan(date(2026, 11, 1), date(2026, 11, 24), 7_000, Decimal("10.52"), Decimal(48)),),
            interest_minor=48,
        ),
        "rate-above-statutory",
    ),
    "interest on days of which no rate is known": (
        final(
            interest=(InterestSpan(date(2026, 11, 1), date(2027, 1, 24), 7_000, Decimal("6.52"), Decimal(106)),),
            interest_minor=106,
        ),
        "rate-unknown",
    ),
    "interest on interest": (
        final(
            interest=(InterestSpan(date(2026, 11, 1), date(2026, 11, 24), 17_000, Decimal("6.52"), Decimal(73)),),
            interest_minor=73,
        ),
        "interest-base-too-high",
    ),
    "a default by a date nobody agreed": (
        final(default=Default(date(2026, 10, 1), DefaultGround.AGREED_DATE)),
        "default-without-ground",
    ),
    "thirty days for a consumer without the notice in the invoice": (
        final(default=Default(date(2026, 11, 1), DefaultGround.INVOICE_30_DAYS)),
        "default-without-ground",
    ),
    "a default by a letter that never left": (final(steps=("reminder",)), "default-without-letter"),
    "a default before the due date": (
        final(default=Default(date(2026, 9, 30), DefaultGround.REFUSAL)),
        "default-before-due",
    ),
    "a last letter without default": (letter(Kind.FINAL, claims=(figures(),)), "default-missing"),
    "a deadline on a Sunday": (letter(deadline=date(2026, 12, 13)), "deadline-no-working-day"),
    "a deadline on a holiday": (letter(deadline=date(2026, 12, 25)), "deadline-no-working-day"),
    "a deadline too soon for paper": (letter(deadline=DAY + timedelta(days=7)), "deadline-too-short"),
    "no deadline": (letter(deadline=None), "deadline-missing"),
    "a total that is not the sum": (letter(total_minor=7_001), "total-does-not-add-up"),
    "figures that do not add up": (letter(claims=(figures(open_principal_minor=8_000),)), "does-not-add-up"),
    "two currencies": (letter(claims=(figures(), figures(currency="CHF"))), "currencies-mixed"),
    "a plan that costs something": (letter(Kind.PLAN, total_minor=6_900), "plan-does-not-add-up"),
    "a claim that is disputed": (letter(claims=(figures(disputed=True),)), "claim-disputed"),
    "a claim that is not due": (letter(claims=(figures(due_date=DAY),)), "not-due"),
    "nothing that is open": (letter(total_minor=0), "nothing-open"),
    "a bureau in the first letter": (letter(bureau=BureauNotice("Auskunftei", True, True)), "bureau-too-early"),
    "a bureau without conditions": (
        letter(Kind.FINAL, bureau=BureauNotice("Auskunftei", False, True)),
        "bureau-without-conditions",
    ),
    "a bureau that hides that disputing stops it": (
        letter(Kind.FINAL, bureau=BureauNotice("Auskunftei", True, False)),
        "bureau-hides-dispute",
    ),
    "a bureau in Austria": (
        letter(Kind.FINAL, "AT", bureau=BureauNotice("Auskunftei", True, True)),
        "bureau-law-unknown",
    ),
    "a handover before the last letter": (
        letter(Kind.DUNNING, handover=HandoverNotice("Inkasso")),
        "handover-too-early",
    ),
    "costs as a threat": (letter(Kind.FINAL, handover=HandoverNotice("Inkasso", 50_000)), "handover-threat"),
    "a threat in the merchant's words": (
        letter(Kind.OBJECTION_ANSWER, answer=Answer(Outcome.REJECTED, "Sonst erstatten wir Strafanzeige.")),
        "threat",
    ),
    "a language nobody there reads": (letter(language="it"), "language-mismatch"),
    "costs of a law we do not know": (
        replace(final(), recipient=replace(letter().recipient, country="PL"), language=Language.EN),
        "law-unknown",
    ),
    "no account to pay to": (
        letter(sender=replace(letter().sender, account=replace(letter().sender.account, iban=""))),
        "missing",
    ),
    "no page on which to object": (letter(link=""), "missing"),
    "no reference": (letter(reference=""), "missing"),
    "no address on paper": (letter(recipient=replace(letter().recipient, place=None)), "missing"),
    "no name of what was bought": (
        letter(claims=(figures(),)) and replace(letter(), claims=(replace(letter().claims[0], goods=()),)),
        "missing",
    ),
}


@pytest.mark.parametrize("case", list(WRONG))
def test_it_never_leaves(case):
    model, code = WRONG[case]
    assert code in codes(model), case


def test_what_a_bank_took_for_a_returned_debit_needs_no_default():
    taken = cost(300, CostKind.BANK_RETURN, 300, cause="Rücklastschrift")
    assert codes(letter(claims=(figures(costs=(taken,)),))) == set()


@pytest.mark.parametrize("kind", [Kind.DEFERRAL, Kind.OBJECTION_RECEIVED])
def test_a_day_that_demands_nothing_may_be_a_sunday_and_soon(kind):
    assert codes(letter(kind, deadline=date(2026, 11, 29))) == set()


def test_a_finding_says_where_it_is():
    (finding,) = unlawful(letter(reference=""), FACTS)
    assert (finding.path, finding.message) == ("/reference", "the letter lacks the payment reference")
