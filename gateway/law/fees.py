"""What may be asked beside principal and interest: collection costs, court fees, lump sum, the fee of a letter (pure).

Sources: § 13e RDG with RVG (VV 2300, 1000, 7002, §§ 2, 13, 31b, 60); § 34 GKG (KV 1100, 1210); § 288 (5) BGB;
§ 458 UGB; Art. 27 (3), 68 SchKG; BGH VIII ZR 95/18.
"""

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

from gateway.core.errors import Invalid
from gateway.law.calendars import EU, UnknownCountry
from gateway.law.kinds import bracketed, stepped
from gateway.law.lines import line
from gateway.law.periods import euros, half_up
from gateway.law.tables import Tables

STEPS = ("payment-order", "action")
CHANNELS = ("email", "letter")
MOST_CLAIM_MINOR = 3_000_000_000
"""30 million: the most for which a fee is taken (§ 22 (2) RVG, § 39 (2) GKG)."""


@dataclass(frozen=True, slots=True)
class Mandate:
    """An agency's or lawyer's work on one claim. The value is the claim without interest and costs."""

    country: str
    claim_minor: int
    factor: Decimal
    disputed: bool
    mandate_date: date
    vat_deductible: bool
    payment_agreement: bool = False
    lump_sum_minor: int = 0


@dataclass(frozen=True, slots=True)
class Item:
    """One number of the fee schedule: the full fee, the factor, and what comes out of both."""

    code: str
    factor: Decimal | None
    fee_minor: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Costs:
    """Collection costs the debtor owes. `lump_sum_credited_minor` is what the 40 EUR already paid of them."""

    items: tuple[Item, ...]
    net_minor: int
    vat_minor: int
    gross_minor: int
    lump_sum_credited_minor: int
    working: tuple[str, ...]


def collection_costs(mandate: Mandate, tables: Tables) -> Costs:
    """At most what a lawyer could ask (§ 13e (1) RDG). Raises UnknownCountry, DateOutOfTable and Invalid."""
    if mandate.country == "CH":
        told = line(
            "Art. 27 (3) SchKG: what an agency costs is not the debtor's to pay",
            "Art. 27 Abs. 3 SchKG: was ein Inkassobüro kostet, zahlt nicht der Schuldner",
        )
        return Costs((), 0, 0, 0, 0, (told,))
    if mandate.country != "DE":
        raise UnknownCountry("collection costs are known for DE and CH", country=mandate.country)
    _check(mandate, tables)
    items = [_basic(mandate, tables), *_agreement(mandate, tables)]
    items.append(_expenses(sum(item.amount_minor for item in items), mandate.mandate_date, tables))
    net_minor = sum(item.amount_minor for item in items)
    vat_minor = 0 if mandate.vat_deductible else _vat(net_minor, mandate.mandate_date, tables)
    gross_minor = net_minor + vat_minor
    credited_minor = min(mandate.lump_sum_minor, gross_minor)
    costs = Costs(tuple(items), net_minor, vat_minor, gross_minor, credited_minor, ())
    return replace(costs, working=_lines(costs, mandate, tables))


def _check(mandate: Mandate, tables: Tables) -> None:
    if not 0 < mandate.claim_minor <= MOST_CLAIM_MINOR:
        raise Invalid.at("/claim_minor", "is more than nothing and at most 30 million")
    if mandate.lump_sum_minor < 0:
        raise Invalid.at("/lump_sum_minor", "is not negative")
    least = _rule("least", mandate.mandate_date, tables)
    most = _rule("disputed-most" if mandate.disputed else "undisputed-most", mandate.mandate_date, tables)
    if not least <= mandate.factor <= most:
        raise Invalid.at("/factor", f"is from {least} to {most} for this claim (VV 2300 RVG)")


def _rule(name: str, day: date, tables: Tables) -> Decimal:
    return tables.at("lawyer-fee-rule", f"DE/{name}", day).number


def _basic(mandate: Mandate, tables: Tables) -> Item:
    """VV 2300; an undisputed claim of at most 50 EUR has a step of its own (§ 13 (2) RVG)."""
    fee_minor = lawyer_fee(mandate.claim_minor, mandate.mandate_date, tables)
    small = tables.find("lawyer-fee-rule", "DE/small-fee", mandate.mandate_date)
    limit = tables.find("lawyer-fee-rule", "DE/small-limit", mandate.mandate_date)
    if small and limit and not mandate.disputed and mandate.claim_minor <= limit.minor:
        fee_minor = small.minor
    return _item("VV 2300", mandate.factor, fee_minor, mandate.mandate_date, tables)


def _agreement(mandate: Mandate, tables: Tables) -> list[Item]:
    """VV 1000 no. 2: an agreement on payment, on a share of the claim (§ 31b RVG)."""
    if not mandate.payment_agreement:
        return []
    factor, share = (_rule(name, mandate.mandate_date, tables) for name in ("agreement-factor", "agreement-share"))
    value_minor = max(half_up(Fraction(mandate.claim_minor) * Fraction(share) / 100), 1)
    fee_minor = lawyer_fee(value_minor, mandate.mandate_date, tables)
    return [_item("VV 1000", factor, fee_minor, mandate.mandate_date, tables)]


def _item(code: str, factor: Decimal, fee_minor: int, day: date, tables: Tables) -> Item:
    """Rounded half up to the cent (§ 2 (2) RVG), and never less than the minimum."""
    least_minor = tables.at("lawyer-fee-rule", "DE/minimum", day).minor
    return Item(code, factor, fee_minor, max(least_minor, half_up(fee_minor * Fraction(factor))))


def _expenses(fees_minor: int, day: date, tables: Tables) -> Item:
    """VV 7002: a share of the fees, once, up to a limit."""
    percent = _rule("expenses-percent", day, tables)
    limit_minor = tables.at("lawyer-fee-rule", "DE/expenses-limit", day).minor
    return Item("VV 7002", None, fees_minor, min(half_up(fees_minor * Fraction(percent) / 100), limit_minor))


def _vat(net_minor: int, day: date, tables: Tables) -> int:
    return half_up(net_minor * Fraction(tables.at("vat-rate", "DE", day).number) / 100)


def _lines(costs: Costs, mandate: Mandate, tables: Tables) -> tuple[str, ...]:
    lines = [_item_line(item, mandate.mandate_date, tables) for item in costs.items]
    deducted = line("the creditor deducts it", "zieht der Gläubiger ab")
    lines.append(
        line(
            "net {net}, value added tax: {vat}, gross {gross}",
            "netto {net}, Umsatzsteuer: {vat}, brutto {gross}",
            net=euros(costs.net_minor),
            vat=deducted if mandate.vat_deductible else euros(costs.vat_minor),
            gross=euros(costs.gross_minor),
        )
    )
    if mandate.lump_sum_minor:
        lines.append(
            line(
                "§ 288 (5) BGB: {credited} of the lump sum count towards these costs",
                "§ 288 Abs. 5 BGB: {credited} der Pauschale werden auf diese Kosten angerechnet",
                credited=euros(costs.lump_sum_credited_minor),
            )
        )
    return tuple(lines)


def _item_line(item: Item, day: date, tables: Tables) -> str:
    fee, amount = euros(item.fee_minor), euros(item.amount_minor)
    if item.factor is not None:
        return f"{item.code}: {fee} × {item.factor} = {amount}"
    return line(
        "{code}: {fee}, {percent} %, at most {limit} = {amount}",
        "{code}: {fee}, {percent} %, höchstens {limit} = {amount}",
        code=item.code,
        fee=fee,
        percent=_rule("expenses-percent", day, tables),
        limit=_rule("expenses-limit", day, tables),
        amount=amount,
    )


def lawyer_fee(value_minor: int, day: date, tables: Tables) -> int:
    """The full fee (1.0) of a value by § 13 (1) RVG. Raises DateOutOfTable."""
    return stepped(tables.at("lawyer-fee-steps", "DE", day).value, value_minor)


def court_fee(country: str, claim_minor: int, step: str, day: date, tables: Tables) -> int:
    """Payment order or action in DE; what the order for payment costs in CH. Raises UnknownCountry, DateOutOfTable, Invalid."""
    if step not in STEPS:
        raise Invalid.at("/step", f"is one of {', '.join(STEPS)}")
    if not 0 < claim_minor <= MOST_CLAIM_MINOR:
        raise Invalid.at("/claim_minor", "is more than nothing and at most 30 million")
    if country == "CH":
        return _enforcement(claim_minor, step, day, tables)
    if country != "DE":
        raise UnknownCountry("court fees are known for DE and CH", country=country)
    full_minor = stepped(tables.at("court-fee-steps", "DE", day).value, claim_minor)
    fee_minor = half_up(full_minor * Fraction(tables.at("court-fee-rule", f"DE/{step}", day).number))
    least = tables.at("court-fee-rule", "DE/payment-order-least", day) if step == "payment-order" else None
    return max(fee_minor, least.minor if least else 0)


def _enforcement(claim_minor: int, step: str, day: date, tables: Tables) -> int:
    if step != "payment-order":
        raise Invalid.at("/step", "is payment-order in CH: each canton has its own fees for an action")
    return bracketed(tables.at("enforcement-cost", "CH", day).value, claim_minor)


def lump_sum(country: str, debtor: str, arose: date, tables: Tables) -> int:
    """What a business in default owes at once (§ 288 (5) BGB and its like); a consumer and a Swiss debtor owe none."""
    if debtor != "business" or country not in EU:
        return 0
    own = f"{country}/business"
    key = own if tables.run("lump-sum", own) else "EU/late-payment"
    row = tables.find("lump-sum", key, arose)
    return row.minor if row else 0


@dataclass(frozen=True, slots=True)
class DunningLetter:
    """A letter whose fee is asked about. `level` counts from 0 (friendly reminder); CH: what was agreed to the cent."""

    country: str
    debtor: str
    channel: str
    level: int
    creates_default: bool
    day: date
    agreed_minor: int = 0
    proven_cost_minor: int | None = None


@dataclass(frozen=True, slots=True)
class FeeAllowed:
    """The most this letter may cost, and the reason as a code and as a sentence."""

    most_minor: int
    code: str
    reason: str


def fee_allowed(letter: DunningLetter, tables: Tables) -> FeeAllowed:
    """The lawful fee of a letter: cautious defaults, more only for proven cost of print, envelope and postage.

    Raises UnknownCountry, DateOutOfTable and Invalid.
    """
    if letter.channel not in CHANNELS:
        raise Invalid.at("/channel", f"is one of {', '.join(CHANNELS)}")
    if letter.creates_default or letter.level < 1:
        return FeeAllowed(0, "before-default", "the cost of a letter before or into default is not the debtor's")
    if letter.country == "CH":
        return FeeAllowed(letter.agreed_minor, "as-agreed", "only what the contract names to the cent")
    if letter.country not in ("DE", "AT"):
        raise UnknownCountry("the fee of a letter is known for DE, AT and CH", country=letter.country)
    if letter.debtor == "business":
        return FeeAllowed(0, "lump-sum-instead", "a business owes the lump sum instead")
    if letter.level < 2:
        return FeeAllowed(0, "first-letter-free", "the first letter is free by default")
    return _by_channel(letter, tables)


def _by_channel(letter: DunningLetter, tables: Tables) -> FeeAllowed:
    usual = tables.at("dunning-fee", f"{letter.country}/{letter.channel}", letter.day)
    if letter.proven_cost_minor is None or not usual.minor:
        return FeeAllowed(usual.minor, "usual-cost", usual.source)
    most = tables.at("dunning-fee", f"{letter.country}/most", letter.day)
    return FeeAllowed(min(letter.proven_cost_minor, most.minor), "proven-cost", most.source)
