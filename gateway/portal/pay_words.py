"""What the debtor's page says beyond its templates: codes, states and problems in plain words, in four languages."""

from collections.abc import Mapping
from types import MappingProxyType

from gateway.core.errors import GatewayError, Invalid
from gateway.core.pages import day, language, money, say
from gateway.receivables.debtor_claims import DebtorClaim

LANGUAGES = ("de", "en", "fr", "it")


def mark(text: str) -> str:
    """Puts a sentence into the catalogue; `say` finds it there."""
    return text


CATEGORIES: Mapping[str, str] = MappingProxyType(
    {
        "not_ordered": mark("I did not order this"),
        "not_received": mark("The goods did not arrive"),
        "returned": mark("I sent the goods back"),
        "defective": mark("The goods are damaged or wrong"),
        "wrong_amount": mark("The amount is wrong"),
        "already_paid": mark("I have already paid"),
        "not_my_debt": mark("This is not my debt; somebody used my name"),
        "too_young": mark("The buyer was under age, or has a legal guardian"),
        "other": mark("Something else"),
    }
)
LETTERS: Mapping[str, str] = MappingProxyType(
    {
        "reminder": mark("Payment reminder"),
        "dunning": mark("Demand for payment"),
        "final": mark("Last demand for payment"),
        "plan": mark("Payment in instalments"),
        "plan_lapsed": mark("Instalments: a payment is missing"),
        "deferral": mark("More time to pay"),
        "confirmation": mark("Confirmation of a payment"),
        "payment_not_found": mark("Your proof of payment: no payment found"),
        "objection_received": mark("Your objection has arrived"),
        "objection_answer": mark("Answer to your objection"),
        "reversal": mark("A demand is taken back"),
    }
)
STATES: Mapping[str, str] = MappingProxyType(
    {
        "COLLECTION": mark(
            "This invoice is with a collection partner. Please pay to the account in the partner's letter."
        ),
        "SOLD": mark("This invoice was sold. Please ask the new creditor."),
        "SETTLED": mark("This invoice is paid. Nothing is left to do."),
        "WRITTEN_OFF": mark("The shop does not pursue this invoice any more."),
    }
)
HOLDS: Mapping[str, str] = MappingProxyType(
    {
        "probable_payment": mark("We are checking your proof of payment. Until then you get no reminder."),
        "promise": mark("You promised to pay by %(day)s. Until then you get no reminder."),
        "deferral": mark("You have time until %(day)s. Until then you get no reminder."),
        "return_under_way": mark("Your return is on its way. Until it is counted you get no reminder."),
        "hardship": mark("You told us that you cannot pay at the moment. Until %(day)s you get no reminder."),
        "pause": mark("You get no reminder until %(day)s."),
        "insolvency": mark("Insolvency proceedings are noted. You get no reminder."),
        "death": mark("A death is noted. No reminder is sent."),
        "guardianship": mark("A legal guardian is noted. No reminder is sent."),
    }
)
DEBIT_RETURNED = mark("A payment for this invoice was returned by the bank, so the amount is open again.")
PROBLEMS = (
    mark("Paying online does not work at the moment; please pay by transfer, or try again later."),
    mark("This link is not valid; use the link of the newest letter, or ask the shop for a new one."),
    mark("This link has ended; use the link of the newest letter, or ask the shop for a new one."),
    mark("This page opens with your postcode or the number of an invoice."),
    mark("The form has expired; open the page again."),
    mark("Too many requests; try again later."),
    mark("There is no such thing here."),
    mark("Claims in different currencies cannot be paid in one plan."),
    mark("Nothing is owed that could be paid in instalments."),
    mark("A plan that costs something, or comes before default, is consumer credit; this gateway does not arrange it."),
    mark("A claim that is disputed, in another plan, handed over or closed cannot be put into a plan."),
    mark(
        "This claim has had as many promises or deferrals as the merchant allows; pay in instalments, or ask for a call."
    ),
    mark("This claim is disputed already; the answer to that objection comes first."),
    mark("Only PDF, PNG, JPEG and HEIC files are taken, five at most, ten megabytes each."),
    mark("The request cannot be carried out in the current state."),
    mark("The request is larger than allowed."),
    mark("A part of the service is not available for the moment; nothing was recorded, try again."),
    mark("This buyer was erased; his personal data is not taken again for an old order."),
)
"""Titles of errors a debtor can meet."""
_PLAN_LATER = mark(
    "Instalments are possible as soon as the payment is in default. Until then you can promise a date or get more time."
)
_UNREADABLE = mark("Please check what you filled in. Nothing was sent.")


def sentence(error: GatewayError) -> str:
    """An error for the debtor."""
    if error.code == "plan-is-credit":
        return say(_PLAN_LATER)
    if isinstance(error, Invalid) and type(error) is Invalid:
        return say(_UNREADABLE)
    return say(error.title) if error.title in PROBLEMS else say(_UNREADABLE)


def category(code: str) -> str:
    return say(CATEGORIES.get(code, code))


def letter(kind: str) -> str:
    return say(LETTERS.get(kind, mark("Letter")))


def status(claim: DebtorClaim) -> list[str]:
    """How a claim stands, in sentences."""
    told = [say(STATES[claim.row.state])] if claim.row.state in STATES else []
    if claim.objection is not None:
        until = day(claim.objection.due_on)
        told.append(
            say(
                "Your objection is being looked at; you get an answer by %(day)s. Until then nothing is demanded.",
                day=until,
            )
        )
    return told + [hold(one.reason, day(one.until_on)) for one in claim.holds]


def hold(reason: str, until: str) -> str:
    text = HOLDS.get(reason, reason)
    return say(text, day=until) if "%(day)s" in text else say(text)


def name(claim: DebtorClaim) -> str:
    """How an invoice is called: by its number, or the order's."""
    if claim.invoice_number:
        return say("Invoice %(number)s", number=claim.invoice_number)
    if claim.order_reference:
        return say("Order %(number)s", number=claim.order_reference)
    return say("Invoice of %(day)s", day=day(claim.row.invoice_date or claim.row.contract_date))


def choice(claim: DebtorClaim) -> str:
    return f"{name(claim)} · {money(claim.row.principal_minor, claim.row.currency)}"


INTEREST_NOTE = mark(
    "Who pays late owes interest by law: counted by the day on what was open, without interest on interest."
)
RESERVED = mark("Further interest may be owed; its rate is not known yet.")
FEE_NOTE = mark("Only what paper, envelope and postage really cost.")
_FAULTS: Mapping[str, str] = MappingProxyType(
    {
        "rates": mark("Please choose fewer instalments: each would be too small."),
        "first_due": mark("Please choose a day after today and within the next weeks."),
        "pay_on": mark("Please choose a day after today and within the next weeks."),
        "until_on": mark("Please choose a day after today and within the next weeks."),
        "amount": mark("Please write an amount above zero and not above what is owed."),
        "files": mark("Only PDF, PNG, JPEG and HEIC files are taken, five at most, ten megabytes each."),
        "phone": mark("Please check the telephone number."),
        "email": mark("Please check the e-mail address."),
    }
)


def fault(field: str, error: Invalid) -> str:
    """What is wrong with a field, for the debtor."""
    if error.title in PROBLEMS:
        return say(error.title)
    return say(_FAULTS.get(field, _UNREADABLE))


def please_choose() -> str:
    return say("Please choose")


def point() -> str:
    """Between francs and centimes, as the reader writes it."""
    return "." if language() == "en" else ","
