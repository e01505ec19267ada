"""Put the facts together: from the request, from the buyer's history, from the counters. Missing ones say why (pure)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from gateway.risk.basket import Item, basket_facts, disposable, parcel_locker
from gateway.risk.facts import LEAST_DELIVERED, Facts
from gateway.shops.identity import Address


@dataclass(frozen=True, slots=True)
class Told:
    """What the request says, as far as facts are made of it."""

    currency: str
    total_minor: int
    items: Sequence[Item]
    discount_minor: int
    email: str
    phone: str
    business: bool
    guest: bool | None
    billing: Address | None
    delivery: Address | None


@dataclass(frozen=True, slots=True)
class Known:
    """What was found: history facts, counts (None when the cache did not answer), list entry, the buyer's objection."""

    history: Mapping[str, Any]
    counts: Mapping[str, int] | None
    listed: str | None
    digests: Mapping[str, bytes]
    bureau: "Heard | None" = None
    """What a bureau said of this person before and is still true."""
    objected: bool = False


class Heard(Protocol):
    """An answer of a bureau on record."""

    @property
    def score(self) -> int | None: ...

    @property
    def answered_at(self) -> datetime: ...


def gather(told: Told, known: Known, now: datetime, timezone: str) -> Facts:
    """The facts of this checkout. Of a buyer who objects, only the basket and what people wrote into the lists."""
    if known.objected:
        return _of_basket(told, known)
    missing: dict[str, str] = {}
    if not told.items:
        missing["basket"] = "no lines were sent"
    if not known.history:
        missing["history"] = "neither e-mail nor phone was sent"
    elif known.history.get("delivered_orders", LEAST_DELIVERED) < LEAST_DELIVERED:
        missing["returns"] = f"fewer than {LEAST_DELIVERED} orders were delivered"
    if known.counts is None:
        missing["velocity"] = "the counters do not answer"
    if known.bureau is None or known.bureau.score is None:
        missing["bureau"] = "no answer is on record" if known.bureau is None else "the bureau does not know this person"
    found: dict[str, Any] = {
        "local_hour": now.astimezone(ZoneInfo(timezone)).hour,
        "listed": known.listed,
        **basket_facts(told.items, told.discount_minor),
        **_buyer_facts(told),
        **_address_facts(told, known.digests),
        **known.history,
        **(known.counts or {}),
        **_bureau_facts(known.bureau, now),
    }
    return Facts(told.currency, told.total_minor, missing=missing, **found)


def _bureau_facts(heard: Heard | None, now: datetime) -> dict[str, Any]:
    if heard is None or heard.score is None:
        return {}
    return {"bureau_score": heard.score, "bureau_age_days": max(0, (now - heard.answered_at).days)}


def _of_basket(told: Told, known: Known) -> Facts:
    """Art. 21 (1) GDPR: no assessment of the person. `missing` says so, and the policy acts on it."""
    delivery = told.delivery or told.billing
    missing = {"profiling": OBJECTED, "history": OBJECTED, "velocity": OBJECTED}
    found = {"b2b": told.business, "listed": known.listed, **basket_facts(told.items, told.discount_minor)}
    country = delivery.country or None if delivery else None
    return Facts(told.currency, told.total_minor, country=country, missing=missing, **found)


OBJECTED = "the buyer objected to being assessed"


def _buyer_facts(told: Told) -> dict[str, Any]:
    return {
        "b2b": told.business,
        "guest": told.guest,
        "email_given": bool(told.email),
        "phone_given": bool(told.phone),
        "email_disposable": disposable(told.email) if told.email else None,
    }


def _address_facts(told: Told, digests: Mapping[str, bytes]) -> dict[str, Any]:
    billing, delivery = told.billing, told.delivery or told.billing
    if delivery is None:
        return {}
    both = told.billing is not None and told.delivery is not None
    comparable = "billing" in digests and "delivery" in digests
    return {
        "country": delivery.country or None,
        "same_address": digests["billing"] == digests["delivery"] if comparable else (None if both else True),
        "same_country": billing.country == delivery.country if billing is not None else None,
        "parcel_locker": parcel_locker((delivery.line1, delivery.line2, delivery.company)),
    }
