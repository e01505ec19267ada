"""The dunning policy as a form and back: what the desk posts becomes a document, to be checked like any other (pure)."""

import copy
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from gateway.core.errors import Invalid
from gateway.receivables.dunning_policy import CHANNELS, KINDS, OFFERS, TONES

NUMBERS = ("delay_days", "deadline_days")
AMOUNTS = ("fee_minor", "minimum_minor")
CHOICES: Mapping[str, tuple[str, ...]] = {
    "kind": KINDS,
    "channel": CHANNELS,
    "fallback": ("", *CHANNELS),
    "tone": TONES,
}
SWITCHES = ("interest", "lump_sum", "bureau_notice", "handover_notice")
TRACK_NUMBERS = ("undo_hours", "bank_lag_days", "resume_days", "stale_bank_days")
TRACK_SWITCHES = ("delivered_required", "probable_payment_brake")
_PLACES = 2


def edited(body: Mapping[str, Any], posted: Mapping[str, str]) -> dict[str, Any]:
    """The document with what was posted put in; `t0.s1.delay_days` names a field. Raises Invalid for what is no number."""
    made = copy.deepcopy(dict(body))
    for place, track in enumerate(made["tracks"]):
        at = f"t{place}"
        if f"{at}.here" not in posted:
            continue
        _track(track, posted, at, f"/tracks/{place}")
        steps = [
            _step(step, posted, f"{at}.s{number}", f"/tracks/{place}/steps/{number}")
            for number, step in enumerate(track["steps"])
            if f"{at}.s{number}.remove" not in posted
        ]
        track["steps"] = [*steps, *_added(track, posted.get(f"{at}.add", ""))]
    return made


def _track(track: dict[str, Any], posted: Mapping[str, str], at: str, path: str) -> None:
    track["minimum_minor"] = _amount(posted.get(f"{at}.minimum_minor", ""), f"{path}/minimum_minor")
    for name in TRACK_NUMBERS:
        text = posted.get(f"{at}.{name}", "").strip()
        track[name] = None if name == "stale_bank_days" and not text else _number(text, f"{path}/{name}")
    for name in TRACK_SWITCHES:
        track[name] = f"{at}.{name}" in posted


def _step(step: dict[str, Any], posted: Mapping[str, str], at: str, path: str) -> dict[str, Any]:
    if f"{at}.here" not in posted:
        return step
    changed: dict[str, Any] = {name: _number(posted.get(f"{at}.{name}", ""), f"{path}/{name}") for name in NUMBERS}
    changed |= {name: _amount(posted.get(f"{at}.{name}", ""), f"{path}/{name}") for name in AMOUNTS}
    changed |= {name: posted.get(f"{at}.{name}", "") for name in ("kind", "channel", "tone", "fee_proof")}
    changed |= {name: f"{at}.{name}" in posted for name in SWITCHES}
    changed["fallback"] = posted.get(f"{at}.fallback") or None
    changed["offers"] = [name for name in OFFERS if f"{at}.offer.{name}" in posted]
    return step | changed


def _added(track: Mapping[str, Any], kind: str) -> list[dict[str, Any]]:
    """A new last step of that kind, with a key nobody has."""
    if kind not in KINDS:
        return []
    taken = {step["key"] for step in track["steps"]}
    key = next(name for number in range(1, 99) if (name := f"{kind}-{number}") not in taken)
    channel = kind if kind in ("call", "callback") else "email"
    return [{"key": key, "kind": kind, "delay_days": 14, "channel": channel}]


def _number(text: str, path: str) -> int:
    text = text.strip()
    if not (text.isascii() and text.isdecimal() and len(text) <= 6):
        raise Invalid.at(path, "is a whole number")
    return int(text)


def _amount(text: str, path: str) -> int:
    """`1,20` or `1.20` in minor units."""
    try:
        amount = Decimal(text.strip().replace(",", ".") or "0")
        minor = amount.scaleb(_PLACES)
        whole = int(minor)
    except (InvalidOperation, ValueError, OverflowError) as error:
        raise Invalid.at(path, "is an amount such as 1.20") from error
    if not amount.is_finite() or whole != minor or not 0 <= whole < 10**12:
        raise Invalid.at(path, "is an amount such as 1.20")
    return whole
