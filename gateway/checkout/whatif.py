"""What would have changed a decision: one thing the buyer can influence at a time, decided again (pure).

Only what stands in `CHANGES` is tried. How often somebody tried lately, list entries and the hour are not: saying how
to get around them would help nobody but those they are meant for. Every search ends after a fixed number of decisions.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Facts = Mapping[str, Any]
Decide = Callable[[dict[str, Any]], dict[str, Any]]
"""A record, changed or not → `score` and `choice` in stored form (`records.replay`)."""
MOST_SEARCHES, STEP_MINOR, LEAST_PERCENT = 8, 500, 10
"""Methods whose amount is searched for, in steps of 5 euros, never below a tenth of the order."""
MOST_HALVINGS = 24
PAID_ORDERS = (1, 2, 3, 5)
OWED = ("open_minor", "overdue_minor", "overdue_days")
"""Facts about what is owed; of who has not ordered yet they are about others who share his phone, mailbox or address."""


@dataclass(frozen=True, slots=True)
class WhatIf:
    """With this change these methods are offered: id → deposit in percent. `value` is an amount or a number."""

    code: str
    value: int | None
    methods: dict[str, int]


def what_ifs(record: Mapping[str, Any], decide: Decide) -> list[WhatIf]:
    """The smallest changes of each kind that would have shown a method, or shown it with less paid before."""
    before = record["choice"]["offers"]
    found: list[WhatIf] = []
    for code, value, facts in _changes(record["facts"]):
        if any(one.code == code for one in found):
            continue  # the smallest change of a kind is enough
        better = _better(before, _offers(record, facts, decide))
        if better:
            found.append(WhatIf(code, value, better))
    return _without_repeats([*found, *_smaller_orders(record, decide)])


def _changes(facts: Facts) -> Iterator[tuple[str, int | None, dict[str, Any]]]:
    """Every single change that applies to these facts, the smaller ones of a kind first."""
    for code, fact, is_now, instead in _SIMPLE:
        if facts.get(fact) is is_now:
            known = {name: value for name, value in instead.items() if name == fact or facts.get(name) is not None}
            yield code, None, {**facts, **known}
    if facts.get("gift_card_percent"):
        yield "no_gift_cards", None, {**facts, "gift_card_percent": 0}
    yield from _payments(facts)


_SIMPLE: tuple[tuple[str, str, bool, dict[str, Any]], ...] = (
    ("same_address", "same_address", False, {"same_address": True, "same_country": True, "parcel_locker": False}),
    ("no_locker", "parcel_locker", True, {"parcel_locker": False}),
    ("account", "guest", True, {"guest": False}),
    ("phone", "phone_given", False, {"phone_given": True}),
    ("email", "email_given", False, {"email_given": True}),
    ("lasting_email", "email_disposable", True, {"email_disposable": False}),
)


def _payments(facts: Facts) -> Iterator[tuple[str, int | None, dict[str, Any]]]:
    owed = {} if facts.get("orders") == 0 else facts
    open_minor, overdue_minor = owed.get("open_minor") or 0, owed.get("overdue_minor") or 0
    nothing_late = {"overdue_minor": 0, "overdue_days": 0}
    if overdue_minor:
        yield "overdue_paid", overdue_minor, {**facts, **nothing_late, "open_minor": max(0, open_minor - overdue_minor)}
    if open_minor > overdue_minor:
        yield "open_paid", open_minor, {**facts, **nothing_late, "open_minor": 0}
    paid = facts.get("paid_orders", PAID_ORDERS[-1])  # nothing is known of who did not say who he is
    for number in PAID_ORDERS:
        if number > paid:
            orders = max(number, facts.get("orders") or 0)
            yield "paid_orders", number, {**facts, "paid_orders": number, "orders": orders, "known_buyer": True}


def _smaller_orders(record: Mapping[str, Any], decide: Decide) -> Iterator[WhatIf]:
    """For each method that is not offered as it is, the largest order that would have had it; halving finds it."""
    before = record["choice"]["offers"]
    wanted = [offer["method"] for offer in before if not offer["show"] or offer["deposit_percent"]][:MOST_SEARCHES]
    by_amount: dict[int, dict[str, int]] = {}
    for method in wanted:
        if (amount := _largest(record, method, decide)) is not None:
            better = _better(before, _offers(record, _with_total(record["facts"], amount), decide))
            by_amount.setdefault(amount, {})[method] = better.get(method, 0)
    yield from (WhatIf("amount", amount, methods) for amount, methods in sorted(by_amount.items(), reverse=True))


def _largest(record: Mapping[str, Any], method: str, decide: Decide) -> int | None:
    total = int(record["facts"]["total_minor"])
    low, high = max(1, total * LEAST_PERCENT // 100 // STEP_MINOR), total // STEP_MINOR

    def good(steps: int) -> bool:
        offers = _offers(record, _with_total(record["facts"], steps * STEP_MINOR), decide)
        return method in _better(record["choice"]["offers"], offers)

    if low * STEP_MINOR >= total or not good(low):
        return None
    for _ in range(MOST_HALVINGS):
        if high - low <= 1:
            break
        middle = (low + high) // 2
        low, high = (middle, high) if good(middle) else (low, middle)
    return low * STEP_MINOR


def _with_total(facts: Facts, total_minor: int) -> dict[str, Any]:
    dearest = facts.get("dearest_minor")
    smaller = {} if dearest is None else {"dearest_minor": min(dearest, total_minor)}
    return {**facts, **smaller, "total_minor": total_minor}


def _offers(record: Mapping[str, Any], facts: Facts, decide: Decide) -> list[dict[str, Any]]:
    offers: list[dict[str, Any]] = decide({**record, "facts": dict(facts)})["choice"]["offers"]
    return offers


def _better(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> dict[str, int]:
    """Methods that are shown now and were not, or that ask for less before.

    The last resort is no improvement, nor is to pay all of it before: that is offered by other names.
    """
    was = {offer["method"]: offer["deposit_percent"] if offer["show"] else 101 for offer in before}
    return {
        offer["method"]: offer["deposit_percent"]
        for offer in after
        if offer["show"]
        and offer["deposit_percent"] < min(100, was[offer["method"]])
        and not any(reason.startswith("last_resort") for reason in offer["reasons"])
    }


def _without_repeats(found: list[WhatIf]) -> list[WhatIf]:
    """Paying all that is open is left out where paying what is late already does the same."""
    late = next((one.methods for one in found if one.code == "overdue_paid"), None)
    return [one for one in found if one.code != "open_paid" or one.methods != late]
