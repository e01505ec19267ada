"""Reading what a provider sent: every value is checked for its type, since anybody may have written it."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from gateway.core.errors import BadRequest, Invalid
from gateway.core.money import ISO_4217, MAX_MINOR, exponent
from gateway.core.strict_json import decode_json

MOST_ITEMS = 250
"""Of one message or answer: what GoCardless puts into a batch; more than that is refused, not cut off."""
MAX_ID = 200
MAX_URL = 4000
_FAR = 4_102_444_800
"""2100-01-01: no date of a payment lies beyond."""
_FRACTION = re.compile(r"(?<=\d)\.(\d+)")
_ZONE = re.compile(r"([+-]\d\d)[:+]?(\d\d)$")


class Unreadable(BadRequest):
    """The message is not in the form of this provider."""


def document(body: bytes) -> dict[str, Any]:
    """A JSON object. Raises Unreadable."""
    try:
        read = decode_json(body)
    except (BadRequest, Invalid) as error:
        raise Unreadable(reason=error.code) from error
    if not isinstance(read, dict):
        raise Unreadable(reason="no-object")
    return read


def part(of: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """The object at this path; empty where there is none."""
    found: Any = of
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def parts(of: Mapping[str, Any], *names: str) -> list[dict[str, Any]]:
    """The objects of the list at this path. Raises Unreadable when there are too many, or one is no object."""
    found = part(of, *names[:-1]).get(names[-1])
    listed = found if isinstance(found, list) else []
    if len(listed) > MOST_ITEMS or not all(isinstance(each, dict) for each in listed):
        raise Unreadable(reason=f"bad-list-{names[-1]}")
    return listed


def text(of: Mapping[str, Any], *names: str) -> str:
    """The text at this path, stripped; empty where there is none or something else."""
    found = part(of, *names[:-1]).get(names[-1])
    return found.strip()[:MAX_ID] if isinstance(found, str) else ""


def identifier(of: Mapping[str, Any], *names: str) -> str:
    """An id, or the id of an object that was put in its place. Raises Unreadable when there is none, or a too long one."""
    last = part(of, *names[:-1]).get(names[-1])
    found = last.get("id") if isinstance(last, dict) else last
    if not isinstance(found, str) or not 0 < len(found) <= MAX_ID:
        raise Unreadable(reason=f"no-{'-'.join(names)}")
    return found


def url(of: Mapping[str, Any], *names: str) -> str:
    """An address to send a buyer to. Raises Unreadable."""
    found = part(of, *names[:-1]).get(names[-1])
    if not isinstance(found, str) or len(found) > MAX_URL or not found.startswith(("https://", "http://127.0.0.1")):
        raise Unreadable(reason="bad-url")
    return found


def currency(of: Mapping[str, Any], *names: str) -> str:
    """An ISO 4217 code. Raises Unreadable."""
    found = text(of, *names).upper()
    if found not in ISO_4217:
        raise Unreadable(reason="bad-currency")
    return found


def integer(of: Mapping[str, Any], *names: str) -> int:
    """A whole number that is not negative. Raises Unreadable."""
    found = part(of, *names[:-1]).get(names[-1])
    if type(found) is not int or not 0 <= found <= MAX_MINOR:
        raise Unreadable(reason=f"bad-{'-'.join(names)}")
    return found


def minor(of: Mapping[str, Any], unit: str, *names: str) -> int:
    """A decimal text as minor units, its sign taken off. Raises Unreadable when it is none or finer than the currency."""
    try:
        scaled = abs(Decimal(text(of, *names))).scaleb(exponent(unit))
        whole = int(scaled)
    except (InvalidOperation, ValueError, OverflowError):
        raise Unreadable(reason="bad-amount") from None
    if whole != scaled or whole > MAX_MINOR:
        raise Unreadable(reason="bad-amount")
    return whole


def decimal(amount_minor: int, unit: str) -> str:
    """Minor units as providers write decimals: `12.50`."""
    return f"{Decimal(amount_minor).scaleb(-exponent(unit)):f}"


def rescaled(amount: int, unit: str, digits: int | None) -> int:
    """An amount in a provider's own minor units (`digits` where they differ from ISO 4217) in ours. Raises Unreadable."""
    scaled = Decimal(amount) if digits is None else Decimal(amount).scaleb(exponent(unit) - digits)
    if scaled != int(scaled):
        raise Unreadable(reason="bad-amount")
    return int(scaled)


def unscaled(amount_minor: int, unit: str, digits: int) -> int:
    """Our minor units in a provider's own. Raises Unreadable when it has coarser ones."""
    scaled = Decimal(amount_minor).scaleb(digits - exponent(unit))
    if scaled != int(scaled):
        raise Unreadable(reason="bad-amount")
    return int(scaled)


def moment(of: Mapping[str, Any], *names: str) -> datetime:
    """An ISO 8601 time; one without a zone is UTC. Raises Unreadable."""
    return parsed(text(of, *names))


def parsed(written: str) -> datetime:
    """An ISO 8601 time in UTC. Raises Unreadable."""
    short = _FRACTION.sub(lambda match: f".{match[1][:6]:0<6}", written)
    try:
        at = datetime.fromisoformat(_ZONE.sub(r"\1:\2", short))
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        return at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Unreadable(reason="bad-time") from None


def unix(of: Mapping[str, Any], *names: str) -> datetime:
    """Seconds since 1970. Raises Unreadable."""
    seconds = integer(of, *names)
    if seconds > _FAR:
        raise Unreadable(reason="bad-time")
    return datetime.fromtimestamp(seconds, UTC)
