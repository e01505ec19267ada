"""Whether a seller's own deferred payment stays outside the law of consumer credit (pure).

Directive (EU) 2023/2225 Art. 2 (2) (h), in force since 20 November 2026; before it §§ 491, 506 BGB.
"""

from dataclasses import dataclass
from datetime import date

from gateway.core.errors import Invalid
from gateway.law.lines import Line, line
from gateway.law.tables import Tables, shipped

_IN_FORCE = date(2026, 11, 20)
SME_INVOICE_DAYS = shipped().at("consumer-credit", "DE/days", _IN_FORCE).whole
INVOICE_DAYS = shipped().at("consumer-credit", "DE/days-large-online", _IN_FORCE).whole
"""Own deferred payment is no consumer credit up to 14 days after delivery, 50 for an SME: what a policy is checked by."""


@dataclass(frozen=True, slots=True)
class Offer:
    """Deferred payment as it is offered; the days are those from delivery to the full payment."""

    seller_is_sme: bool
    sold_online: bool
    days_after_delivery: int
    interest_or_fee: bool
    third_party: bool
    on: date


@dataclass(frozen=True, slots=True)
class Exempt:
    """Whether it is exempt, and a code that says why or why not."""

    exempt: bool
    reason: str
    working: tuple[str, ...]


def consumer_credit(offer: Offer, tables: Tables) -> Exempt:
    """Raises DateOutOfTable, and Invalid for negative days."""
    if offer.days_after_delivery < 0:
        raise Invalid.at("/days_after_delivery", "is not negative")
    rule_set = tables.at("consumer-credit", "DE/rule-set", offer.on)
    reason, told = _new(offer, tables) if rule_set.value == "ccd2" else _old(offer)
    return Exempt(reason.startswith("exempt"), reason, (f"{offer.on}: {rule_set.value} ({rule_set.source})", told))


def _new(offer: Offer, tables: Tables) -> tuple[str, Line]:
    if offer.third_party:
        return "third-party", line(
            "a third party offers or buys the credit", "ein Dritter gewährt oder kauft den Kredit"
        )
    if offer.interest_or_fee:
        return "interest-or-fee", line(
            "it costs the buyer more than the limited cost of paying late",
            "er kostet den Käufer mehr als die begrenzten Kosten der Verspätung",
        )
    strict = offer.sold_online and not offer.seller_is_sme
    most = tables.at("consumer-credit", "DE/days-large-online" if strict else "DE/days", offer.on).whole
    told = line(
        "{days} days after delivery, at most {most} for this seller",
        "{days} Tage nach der Lieferung, höchstens {most} für diesen Verkäufer",
        days=offer.days_after_delivery,
        most=most,
    )
    return ("too-long", told) if offer.days_after_delivery > most else ("exempt", told)


def _old(offer: Offer) -> tuple[str, Line]:
    if offer.interest_or_fee:
        return "interest-or-fee", line(
            "§ 506 (1) BGB: deferred payment against payment is consumer credit",
            "§ 506 Abs. 1 BGB: entgeltlicher Zahlungsaufschub ist Verbraucherkredit",
        )
    return "exempt-free-of-charge", line(
        "§ 506 (1) BGB: deferred payment free of charge is no consumer credit",
        "§ 506 Abs. 1 BGB: unentgeltlicher Zahlungsaufschub ist kein Verbraucherkredit",
    )
