"""The calculators by name: one contract for `kulanz calc` and `/v1/calculations` (pure)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from marshmallow import ValidationError

from gateway.core.errors import GatewayError, Invalid
from gateway.core.faults import pointers
from gateway.law import calculator_answers as answers
from gateway.law import calculator_schemas as schemas
from gateway.law import calculators
from gateway.law.calculators import Answer, Given
from gateway.law.tables import Tables


class UnknownCalculator(GatewayError):
    """There is no calculator of this name."""

    status = 404


@dataclass(frozen=True, slots=True)
class Calculator:
    """What a calculator takes and does, and one example that runs."""

    about: str
    schema: schemas.Calculation
    answer: answers.Answered
    run: Callable[[Given, Tables, date], Answer]
    example: Given


def calculate(name: str, given: Any, tables: Tables, today: date) -> Answer:
    """The answer of a calculator to decoded JSON. Raises UnknownCalculator, Invalid, Contradictory and the law's errors."""
    if (calculator := CALCULATORS.get(name)) is None:
        raise UnknownCalculator(f"there are {', '.join(CALCULATORS)}")
    try:
        loaded = calculator.schema.load(given)
    except ValidationError as error:
        raise Invalid(errors=pointers(error.normalized_messages())) from error  # type: ignore[no-untyped-call]
    return calculator.run(loaded, tables, today)


CALCULATORS: Mapping[str, Calculator] = {
    "default-interest": Calculator(
        "Default interest over changing rates: first and last day count, rounded once.",
        schemas.InterestSchema(),
        answers.InterestAnswerSchema(),
        calculators.interest_of,
        {
            "country": "DE",
            "debtor": "business",
            "principal_minor": 100_000,
            "currency": "EUR",
            "from": "2025-03-01",
            "through": "2025-03-31",
        },
    ),
    "default-date": Calculator(
        "When a debtor is in default, from when he owes interest, and whether this letter may cost anything.",
        schemas.DefaultDateSchema(),
        answers.DefaultDateAnswerSchema(),
        calculators.default_of,
        {
            "country": "DE",
            "region": "HH",
            "ground": "invoice-30-days",
            "due_and_received": "2025-04-01",
            "consumer": True,
            "consumer_notice": True,
        },
    ),
    "working-day": Calculator(
        "The same day or the next working day where the debtor lives.",
        schemas.WorkingDaySchema(),
        answers.WorkingDayAnswerSchema(),
        calculators.working_day_of,
        {"country": "DE", "region": "BY", "date": "2025-08-15"},
    ),
    "allocation": Calculator(
        "Which parts of a debt a payment pays.",
        schemas.AllocationSchema(),
        answers.AllocationAnswerSchema(),
        calculators.allocation_of,
        {
            "rule": "bgb-367",
            "payment_minor": 10_000,
            "costs_minor": 500,
            "interest_minor": 448,
            "principal_minor": 50_000,
        },
    ),
    "allocation-over-debts": Calculator(
        "Which of several debts a payment pays.",
        schemas.OverDebtsSchema(),
        answers.OverDebtsAnswerSchema(),
        calculators.over_debts_of,
        {
            "payment_minor": 10_000,
            "debts": [{"reference": "R-1", "due": "2025-03-01", "open_minor": 8000}],
            "purpose": "R-1",
        },
    ),
    "account": Calculator(
        "A debt with interest and payments, step by step.",
        schemas.AccountSchema(),
        answers.AccountAnswerSchema(),
        calculators.account_of,
        {
            "country": "DE",
            "debtor": "consumer",
            "principal_minor": 50_000,
            "currency": "EUR",
            "from": "2025-05-01",
            "costs_minor": 0,
            "rule": "bgb-367",
            "payments": [{"date": "2025-06-15", "amount_minor": 10_000}],
            "through": "2025-09-30",
        },
    ),
    "collection-costs": Calculator(
        "What an agency's work may cost the debtor at most.",
        schemas.CollectionCostsSchema(),
        answers.CollectionCostsAnswerSchema(),
        calculators.collection_costs_of,
        {
            "country": "DE",
            "claim_minor": 50_000,
            "factor": "0.9",
            "disputed": False,
            "mandate_date": "2026-01-15",
            "vat_deductible": True,
            "payment_agreement": False,
        },
    ),
    "court-fee": Calculator(
        "The court's fee for a payment order or an action; in Switzerland the cost of the order for payment.",
        schemas.CourtFeeSchema(),
        answers.CourtFeeAnswerSchema(),
        calculators.court_fee_of,
        {"country": "DE", "claim_minor": 50_000, "step": "payment-order", "on": "2026-01-15"},
    ),
    "limitation": Calculator(
        "When a claim is barred by time, and from when to warn.",
        schemas.LimitationSchema(),
        answers.LimitationAnswerSchema(),
        calculators.limitation_of,
        {
            "country": "DE",
            "arose": "2022-02-02",
            "events": [
                {"type": "negotiation", "from": "2024-01-10", "through": "2024-02-10"},
                {"type": "part-payment", "date": "2024-05-05"},
                {"type": "dunning", "date": "2024-06-01"},
            ],
        },
    ),
    "bureau-report": Calculator(
        "Whether an unpaid claim may be told to a credit bureau.",
        schemas.BureauReportSchema(),
        answers.BureauReportAnswerSchema(),
        calculators.bureau_report_of,
        {
            "on": "2026-11-25",
            "first_reminder": "2026-10-01",
            "second_reminder": "2026-10-20",
            "notice_given_on": "2026-10-20",
            "disputed": False,
        },
    ),
    "withdrawal": Calculator(
        "The last day to withdraw from a distance contract, and until when the seller pays back.",
        schemas.WithdrawalSchema(),
        answers.WithdrawalAnswerSchema(),
        calculators.withdrawal_of,
        {"goods_received": "2026-11-02", "instructed": True, "region": "HH"},
    ),
    "retention": Calculator(
        "How long a document is kept.",
        schemas.RetentionSchema(),
        answers.RetentionAnswerSchema(),
        calculators.retention_of,
        {"kind": "voucher", "date": "2026-03-01"},
    ),
    "consumer-credit": Calculator(
        "Whether a seller's own deferred payment is exempt from the law of consumer credit.",
        schemas.ConsumerCreditSchema(),
        answers.ConsumerCreditAnswerSchema(),
        calculators.consumer_credit_of,
        {
            "seller_is_sme": True,
            "sold_online": True,
            "days_after_delivery": 30,
            "interest_or_fee": False,
            "third_party": False,
            "on": "2026-11-25",
        },
    ),
    "instalments": Calculator(
        "A total in equal parts to the cent, with the days on which they fall due.",
        schemas.InstalmentsSchema(),
        answers.InstalmentsAnswerSchema(),
        calculators.instalments_of,
        {"total_minor": 10_000, "count": 3, "first_due": "2026-12-01", "region": "HH"},
    ),
    "effective-rate": Calculator(
        "The effective annual rate of instalments.",
        schemas.EffectiveRateSchema(),
        answers.EffectiveRateAnswerSchema(),
        calculators.effective_rate_of,
        {"price_minor": 30_000, "instalments": [{"month": 1, "amount_minor": 30_300}]},
    ),
    "reference": Calculator(
        "Make or check a creditor reference (RF) or a Swiss QR reference.",
        schemas.ReferenceSchema(),
        answers.ReferenceAnswerSchema(),
        calculators.reference_of,
        {"kind": "rf", "base": "INV1"},
    ),
    "girocode": Calculator(
        "The QR code of a SEPA credit transfer.",
        schemas.GirocodeSchema(),
        answers.GirocodeAnswerSchema(),
        calculators.girocode_of,
        {
            "name": "Muster GmbH",
            "iban": "DE89370400440532013000",
            "amount_minor": 1230,
            "currency": "EUR",
            "text": "Rechnung 4711",
        },
    ),
}
"""Every calculator of the contract."""
