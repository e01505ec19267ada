"""The dunning policy a shop starts with: lawful in Germany, Austria and Switzerland without any configuration (pure).

Reminder → Mahnung, which creates default and is free (§§ 280 (2), 286 (1) BGB) → second Mahnung → final letter. No fee
anywhere: e-mail costs nothing, and what paper costs the merchant must show first (BGH VIII ZR 95/18). Interest runs only
where default is sure; consumers never owe a lump sum (§ 288 (5) BGB, § 458 UGB). The rest of Europe gets three letters
without interest or costs, since its tables are not read.
"""

from typing import Any

EDITION = 1
"""Of the defaults; kept with what was decided by them."""


def _step(key: str, kind: str, delay_days: int, **more: Any) -> dict[str, Any]:
    return {"key": key, "kind": kind, "delay_days": delay_days, "channel": "email", "fallback": "post", **more}


def _letters(*, business: bool) -> list[dict[str, Any]]:
    """Four letters. A company is reminded sooner and owes 40 EUR with default."""
    quick = business
    offers = [] if business else ["instalments", "deferral"]
    return [
        _step("reminder", "reminder", 5 if quick else 7, tone="friendly", deadline_days=7, offers=offers),
        _step("dunning-1", "dunning", 10 if quick else 14, deadline_days=10, offers=offers),
        _step(
            "dunning-2",
            "dunning",
            14,
            tone="neutral",
            deadline_days=10,
            offers=offers,
            interest=True,
            lump_sum=business,
        ),
        _step(
            "final",
            "final",
            14,
            tone="firm",
            deadline_days=14,
            offers=offers,
            interest=True,
            lump_sum=business,
            handover_notice=True,
        ),
    ]


def _without_costs(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [step | {"interest": False, "lump_sum": False} for step in steps]


def _track(id_: str, countries: list[str], debtor: str, steps: list[dict[str, Any]]) -> dict[str, Any]:
    return {"id": id_, "segment": {"countries": countries, "debtor": debtor}, "steps": steps}


def _swiss(*, business: bool) -> list[dict[str, Any]]:
    """5 % interest (Art. 104 OR); no lump sum is known there."""
    return [step | {"lump_sum": False} for step in _letters(business=business)]


def _cautious() -> list[dict[str, Any]]:
    """For countries whose law is not in the tables: three letters, principal only, and more time."""
    reminder, first, _, final = _without_costs(_letters(business=False))
    return [reminder | {"delay_days": 10}, first | {"delay_days": 21}, final | {"delay_days": 21}]


DEFAULT_DUNNING: dict[str, Any] = {
    "tracks": [
        _track("de-consumer", ["DE"], "consumer", _letters(business=False)),
        _track("de-business", ["DE"], "business", _letters(business=True)),
        _track("at-consumer", ["AT"], "consumer", _letters(business=False)),
        _track("at-business", ["AT"], "business", _letters(business=True)),
        _track("ch-consumer", ["CH", "LI"], "consumer", _swiss(business=False)),
        _track("ch-business", ["CH", "LI"], "business", _swiss(business=True)),
        _track("elsewhere", [], "any", _cautious()),
    ],
}
