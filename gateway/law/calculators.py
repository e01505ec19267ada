"""What each calculator does: loaded input in, an answer with lines that a person can check out (pure)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from gateway.core.errors import Contradictory, Invalid
from gateway.core.remittance import Transfer, epc_payload, epc_svg, is_qrr, is_rf, qr_reference, rf_reference
from gateway.law import (
    allocation,
    bureau_report,
    calendars,
    consumer_credit,
    default_date,
    effective_rate,
    fees,
    instalments,
    interest,
    limitation,
    retention,
    withdrawal,
)
from gateway.law.account import PAYMENT, Entry, Movement, account, opening
from gateway.law.allocation import Debt
from gateway.law.interest import Terms
from gateway.law.lines import Line, in_language, joined, line
from gateway.law.periods import euros, percent
from gateway.law.tables import Tables

Answer = dict[str, Any]
Given = Mapping[str, Any]


def _terms(given: Given) -> Terms:
    if given["through"] < given["first"]:
        raise Contradictory("through lies before from")
    if given["contract_date"] and given["contract_date"] > given["first"]:
        raise Contradictory("the contract is younger than the interest on it")
    names = ("country", "debtor", "currency", "contract_date", "day_count", "basis")
    return Terms(**{name: given[name] for name in names})


def interest_of(given: Given, tables: Tables, _: date) -> Answer:
    first, through = given["first"], given["through"]
    accrual = interest.accrue(_terms(given), [(first, given["principal_minor"])], first, through, tables)
    total = line(
        "sum, rounded half up once: {sum} {currency}",
        "Summe, einmal kaufmännisch gerundet: {sum} {currency}",
        sum=euros(accrual.interest_minor),
        currency=given["currency"],
    )
    return {
        "interest_minor": accrual.interest_minor,
        "days": accrual.days,
        "periods": [
            {
                "from": one.first.isoformat(),
                "through": one.through.isoformat(),
                "days": one.days,
                "rate_percent": percent(one.rate_percent),
                "year_days": one.year_days,
            }
            for one in accrual.periods
        ],
        "working": _working(given, [*accrual.working, total]),
    }


def account_of(given: Given, tables: Tables, _: date) -> Answer:
    terms, first, through = _terms(given), given["first"], given["through"]
    if any(one["date"] > through for one in given["payments"]):
        raise Contradictory("a payment lies behind the last day counted")
    paid = [Movement(PAYMENT, one["date"], one["amount_minor"]) for one in given["payments"]]
    begun = opening(given["principal_minor"], _before(first, paid), given["costs_minor"])
    found = account(terms, [*begun, *paid], first, through, given["rule"], tables)
    return {
        "entries": [_entry(one) for one in found.entries],
        "rest": _parts(found.rest),
        "total_minor": found.total_minor,
        "overpaid_minor": found.overpaid_minor,
        "working": _working(given, found.working),
    }


def _before(first: date, paid: Sequence[Movement]) -> date:
    """The debt is there before the first payment on it."""
    return min([first, *(one.day for one in paid)])


def _entry(entry: Entry) -> Answer:
    return {
        "date": entry.date.isoformat(),
        "days": entry.days,
        "accrued_minor": entry.accrued_minor,
        "applied": _parts(entry.applied),
        "rest": _parts(entry.rest),
    }


def _parts(debt: Debt) -> Answer:
    return {
        "costs_minor": debt.costs_minor,
        "interest_minor": debt.interest_minor,
        "principal_minor": debt.principal_minor,
    }


_GROUNDS: Mapping[str, tuple[Callable[..., default_date.Case], tuple[str, ...], tuple[str, ...]]] = {
    "invoice-30-days": (default_date.InvoiceThirtyDays, ("due_and_received", "consumer"), ("consumer_notice",)),
    "agreed-date": (default_date.AgreedDate, ("date",), ()),
    "after-event": (default_date.AfterEvent, ("event_date",), ("days", "months")),
    "reminder": (default_date.Reminder, ("received",), ()),
}
"""Ground → its case, what it needs and what it may be told."""
_ASKED = ("due_and_received", "consumer", "consumer_notice", "date", "event_date", "days", "months", "received")


def default_of(given: Given, tables: Tables, _: date) -> Answer:
    case, needed, optional = _GROUNDS[given["ground"]]
    told = {name: given[name] for name in _ASKED if given[name] is not None}
    for name in needed:
        if name not in told:
            raise Invalid.at(f"/{name}", f"is needed for the ground {given['ground']}")
    if strange := sorted(told.keys() - {*needed, *optional}):
        raise Contradictory(f"{', '.join(strange)} does not belong to the ground {given['ground']}")
    found = default_date.default_date(case(given["country"], _region(given), **told), tables)
    return {
        "in_default": found.in_default,
        "last_day_to_pay": _iso(found.last_day_to_pay),
        "default_from": _iso(found.default_from),
        "interest_from": _iso(found.interest_from),
        "fee_allowed_for_this_letter": found.fee_allowed_for_this_letter,
        "working": _working(given, found.working),
    }


def _region(given: Given) -> str | None:
    return calendars.place(given["region"], assumption_day=given["assumption_day"])


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def working_day_of(given: Given, tables: Tables, _: date) -> Answer:
    found, reason = calendars.working_day(given["country"], _region(given), given["date"], tables)
    [told] = _working(given, [reason])
    return {"date": found.isoformat(), "reason": told, "working": told.split("; ")}


def allocation_of(given: Given, _: Tables, __: date) -> Answer:
    debt = Debt(given["costs_minor"], given["interest_minor"], given["principal_minor"])
    found = allocation.allocate(given["rule"], given["payment_minor"], debt)
    parts = allocation.RULES[given["rule"]]
    order = line(
        "{rule}: {order}", "{rule}: {order}", rule=given["rule"], order=joined(" → ", [_PART[part] for part in parts])
    )
    return {
        "applied": _parts(found.applied),
        "rest": _parts(found.rest),
        "overpaid_minor": found.overpaid_minor,
        "working": _working(given, [order, *(_subtraction(part, debt, found) for part in parts)]),
    }


_PART = {
    "costs_minor": line("costs", "Kosten"),
    "interest_minor": line("interest", "Zinsen"),
    "principal_minor": line("principal", "Hauptforderung"),
}


def _subtraction(part: str, debt: Debt, found: allocation.Allocated) -> Line:
    owed, paid, left = (euros(getattr(one, part)) for one in (debt, found.applied, found.rest))
    text = "{part}: {owed} − {paid} = {left}"
    return line(text, text, part=_PART[part], owed=owed, paid=paid, left=left)


def _working(given: Given, lines: Iterable[str]) -> list[str]:
    """The lines in the language asked for."""
    return in_language(given["language"], lines)


def over_debts_of(given: Given, _: Tables, __: date) -> Answer:
    debts = [allocation.OpenDebt(one["reference"], one["due"], one["open_minor"]) for one in given["debts"]]
    paid, rule = allocation.over_debts(given["payment_minor"], debts, given["purpose"] or "")
    applied = {debt.reference: paid.get(debt.reference, 0) for debt in debts}
    left_minor = given["payment_minor"] - sum(paid.values())
    return {
        "applied": applied,
        "rule": rule,
        "overpaid_minor": left_minor,
        "working": _working(
            given,
            [
                line("{rule}: {why}", "{rule}: {why}", rule=rule, why=_WHY[rule]),
                *(f"{reference}: {euros(minor)}" for reference, minor in applied.items()),
                line("left over: {left}", "übrig: {left}", left=euros(left_minor)),
            ],
        ),
    }


_WHY = {
    allocation.BY_PURPOSE: line("the purpose names what it pays", "der Verwendungszweck nennt, was bezahlt wird"),
    allocation.BY_LAW: line(
        "due earlier first, equals in proportion", "früher Fälliges zuerst, Gleiches im Verhältnis"
    ),
}


def collection_costs_of(given: Given, tables: Tables, _: date) -> Answer:
    mandate = fees.Mandate(
        country=given["country"],
        claim_minor=given["claim_minor"],
        factor=Decimal(given["factor"]),
        disputed=given["disputed"],
        mandate_date=given["mandate_date"],
        vat_deductible=given["vat_deductible"],
        payment_agreement=given["payment_agreement"],
        lump_sum_minor=given["lump_sum_minor"] or 0,
    )
    costs = fees.collection_costs(mandate, tables)
    return {
        "items": [
            {
                "code": item.code,
                "factor": None if item.factor is None else str(item.factor),
                "fee_minor": item.fee_minor,
                "amount_minor": item.amount_minor,
            }
            for item in costs.items
        ],
        "net_minor": costs.net_minor,
        "vat_minor": costs.vat_minor,
        "gross_minor": costs.gross_minor,
        "lump_sum_credited_minor": costs.lump_sum_credited_minor,
        "working": _working(given, costs.working),
    }


def court_fee_of(given: Given, tables: Tables, today: date) -> Answer:
    day = given["on"] or today
    fee_minor = fees.court_fee(given["country"], given["claim_minor"], given["step"], day, tables)
    told = line(
        "{country}, {step} on {day}, value {value}: {fee}",
        "{country}, {step} am {day}, Wert {value}: {fee}",
        country=given["country"],
        step=_STEP[given["step"]],
        day=day,
        value=euros(given["claim_minor"]),
        fee=euros(fee_minor),
    )
    return {"fee_minor": fee_minor, "working": _working(given, [told])}


_STEP = {"payment-order": line("payment order", "Mahnbescheid"), "action": line("action", "Klage")}


_EVENTS: Mapping[str, Callable[[Given], limitation.Event]] = {
    "negotiation": lambda told: limitation.Negotiation(told["first"], told["through"]),
    "part-payment": lambda told: limitation.PartPayment(told["date"]),
    "dunning": lambda told: limitation.Dunning(told["date"]),
    "title": lambda told: limitation.Title(told["date"]),
}


def limitation_of(given: Given, tables: Tables, _: date) -> Answer:
    events = tuple(_EVENTS[told["type"]](told) for told in given["events"])
    claim = limitation.Claim(given["country"], given["arose"], given["kind"] or "standard", events)
    found = limitation.limitation(claim, tables)
    return {
        "ends": found.ends.isoformat(),
        "cautious_end": found.cautious_end.isoformat(),
        "warn_from": found.warn_from.isoformat(),
        "working": _working(given, found.working),
    }


def bureau_report_of(given: Given, tables: Tables, _: date) -> Answer:
    names = ("on", "first_reminder", "second_reminder", "notice_given_on", "disputed")
    found = bureau_report.bureau_report(bureau_report.Report(**{name: given[name] for name in names}), tables)
    return {
        "allowed": found.allowed,
        "earliest": _iso(found.earliest),
        "rule_set": found.rule_set,
        "missing": list(found.missing),
        "working": _working(given, found.working),
    }


def withdrawal_of(given: Given, tables: Tables, _: date) -> Answer:
    answer: Answer = {"working": []}
    if given["goods_received"] is None and given["declared_on"] is None:
        raise Invalid.at("/goods_received", "is needed, or declared_on")
    if (given["goods_received"] is None) != (given["instructed"] is None):
        raise Invalid.at("/instructed", "and goods_received are needed together")
    region = _region(given)
    calendars.check_place("DE", region)
    if given["goods_received"] is not None:
        last = withdrawal.last_day(
            given["goods_received"], instructed=given["instructed"], region=region, tables=tables
        )
        answer |= {"last_day": last.day.isoformat(), "working": _working(given, last.working)}
    if given["declared_on"] is not None:
        refund = withdrawal.refund_until(given["declared_on"], tables)
        answer |= {
            "refund_until": refund.day.isoformat(),
            "working": [*answer["working"], *_working(given, refund.working)],
        }
    return answer


def retention_of(given: Given, tables: Tables, _: date) -> Answer:
    found = retention.retention(given["kind"], given["date"], tables)
    return {"keep_until": found.keep_until.isoformat(), "working": _working(given, found.working)}


def consumer_credit_of(given: Given, tables: Tables, _: date) -> Answer:
    names = ("seller_is_sme", "sold_online", "days_after_delivery", "interest_or_fee", "third_party", "on")
    found = consumer_credit.consumer_credit(consumer_credit.Offer(**{name: given[name] for name in names}), tables)
    return {"exempt": found.exempt, "reason": found.reason, "working": _working(given, found.working)}


def instalments_of(given: Given, tables: Tables, _: date) -> Answer:
    parts = instalments.split(given["total_minor"], given["count"])
    region, due = _region(given), []
    calendars.check_place(given["country"], region)
    if given["first_due"] is not None:
        due = instalments.due_dates(given["first_due"], given["count"], given["country"], region, tables)
    days: list[date | None] = [*due] if due else [None] * len(parts)
    lines = [_instalment_line(number, part, day) for number, (part, day) in enumerate(zip(parts, days, strict=True), 1)]
    total = line("sum {total}", "Summe {total}", total=euros(sum(parts)))
    return {
        "instalments_minor": parts,
        "due": [day.isoformat() for day in due],
        "working": _working(given, [*lines, total]),
    }


def _instalment_line(number: int, part_minor: int, day: date | None) -> str:
    told = f"{number}. {euros(part_minor)}"
    return told if day is None else line("{told} on {day}", "{told} am {day}", told=told, day=day)


def effective_rate_of(given: Given, _: Tables, __: date) -> Answer:
    paid = [effective_rate.Instalment(one["month"], one["amount_minor"]) for one in given["instalments"]]
    rate = effective_rate.effective_rate(given["price_minor"], paid)
    terms = " + ".join(f"{euros(one.amount_minor)} / (1 + i)^({one.month}/12)" for one in paid)
    return {"rate_percent": str(rate), "working": [f"{euros(given['price_minor'])} = {terms}", f"i = {rate} %"]}


_REFERENCES: Mapping[str, tuple[Callable[[str], str], Callable[[str], bool], str]] = {
    "rf": (rf_reference, is_rf, "ISO 11649, modulo 97-10"),
    "qrr": (qr_reference, is_qrr, "QR reference, modulo 10 recursive"),
}


def reference_of(given: Given, _: Tables, __: date) -> Answer:
    make, holds, method = _REFERENCES[given["kind"]]
    if given["base"] is not None and given["check"] is not None:
        raise Contradictory("give a base to make a reference of, or a reference to check")
    if given["base"] is not None:
        return {"reference": make(given["base"]), "working": [method]}
    if given["check"] is None:
        raise Invalid.at("/base", "is needed, or check")
    return {"valid": holds(given["check"]), "working": [method]}


def girocode_of(given: Given, _: Tables, __: date) -> Answer:
    names = ("name", "iban", "amount_minor", "currency")
    told = {name: given[name] for name in names} | {name: given[name] or "" for name in ("reference", "text")}
    payload = epc_payload(Transfer(**told))
    size = len(payload.encode())
    working = [f"EPC069-12 version 002, UTF-8, level M, {size} of 331 bytes", *payload.split("\n")]
    return {"payload": payload, "svg": epc_svg(payload), "working": working}
