"""The rules against card testing that a new shop starts with: plain rules of a policy, to tune or to take out (pure).

Each wants two things at once, so that nobody is hidden for sharing a connection: many *different* declined cards, and that
most of what was tried there was declined. A family, an office or a carrier's shared address has the first on a busy day,
never the second. Entries of the merchant's allow list pass. The counts forget within the hour or the day, and with them the
rules end by themselves.
"""

from typing import Any

CARDS, CARDS_3DS = ["card"], ["card", "card_3ds"]
"""`card` is without 3-D Secure: to hide it is to demand 3-D Secure. Both are hidden where testing is beyond doubt."""


def _leaf(field: str, operator: str, value: Any = None) -> dict[str, Any]:
    return {"field": field, "operator": operator, "value": value}


def _and(*rules: dict[str, Any]) -> dict[str, Any]:
    return {"combinator": "and", "rules": list(rules)}


def _or(*rules: dict[str, Any]) -> dict[str, Any]:
    return {"combinator": "or", "rules": list(rules)}


_NOT_TRUSTED = _or(_leaf("listed", "null"), _leaf("listed", "!=", "allow"))
_NEVER_PAID = _or(_leaf("paid_orders", "null"), _leaf("paid_orders", "=", 0))


def _rule(id_: str, hidden: list[str], reason: str, *conditions: dict[str, Any]) -> dict[str, Any]:
    """A known fact comes first: where it is not known, the rule is false instead of a gap in every trace."""
    known = _leaf(conditions[0]["field"], "notNull")
    when = _and(known, *conditions, _NOT_TRUSTED)
    return {"id": id_, "when": when, "then": {"action": "hide", "kinds": hidden}, "reason": reason}


SHIELD_RULES: list[dict[str, Any]] = [
    _rule(
        "shield-ip",
        CARDS,
        "Many different cards declined at one connection within an hour",
        _leaf("declined_percent_ip_1h", ">=", 60),
        _or(
            _leaf("cards_ip_1h", ">=", 6),
            _and(_leaf("declines_ip_1h", ">=", 15), _leaf("declined_percent_ip_1h", ">=", 80)),
        ),
    ),
    _rule(
        "shield-ip-attack",
        CARDS_3DS,
        "Cards are tested at one connection",
        _leaf("declined_percent_ip_1h", ">=", 75),
        _or(_leaf("cards_ip_1h", ">=", 12), _leaf("declines_ip_1h", ">=", 30)),
    ),
    _rule(
        "shield-ip-day",
        CARDS_3DS,
        "Cards are tested slowly at one connection",
        _leaf("declined_percent_ip_24h", ">=", 75),
        _leaf("cards_ip_24h", ">=", 30),
    ),
    _rule(
        "shield-device",
        CARDS,
        "Many different cards declined at one device within a day",
        _leaf("declined_percent_device_24h", ">=", 60),
        _leaf("cards_device_24h", ">=", 5),
    ),
    _rule(
        "shield-device-attack",
        CARDS_3DS,
        "Cards are tested at one device",
        _leaf("declined_percent_device_24h", ">=", 75),
        _leaf("cards_device_24h", ">=", 10),
    ),
    _rule(
        "shield-card",
        CARDS,
        "One card declined at many baskets within a day",
        _leaf("declines_card_24h", ">=", 5),
    ),
    _rule(
        "shield-surge",
        CARDS,
        "Far more declines in the shop than usual, and the buyer has never paid here",
        _leaf("shop_decline_surge", ">=", 20),
        _NEVER_PAID,
    ),
    _rule(
        "shield-surge-small",
        CARDS_3DS,
        "Far more declines in the shop than usual, the buyer has never paid here, and the amount is small",
        _leaf("shop_decline_surge", ">=", 20),
        _leaf("total_minor", "<=", 1_000),
        _NEVER_PAID,
    ),
]
