"""What a connector brings to the gateway: readers of its platform's documents, found by entry point (`gateway.shops`)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import Any

ENTRY_POINTS = "gateway.shops"


@dataclass(frozen=True, slots=True)
class Beside:
    """What a shop's request knows beside the platform's document. Empty means: as the document says.

    `methods` are the platform's ids of the methods that could be shown; `kinds` is the merchant's own table from such
    an id to a kind of ours, which wins over the connector's proposal.
    """

    reference: str = ""
    ip: str = ""
    user_agent: str = ""
    customer_reference: str = ""
    guest: bool | None = None
    language: str = ""
    methods: Sequence[str] = ()
    kinds: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


Reader = Callable[[Any, Beside], dict[str, Any]]
"""From a platform's document to the JSON question of `POST /v1/decisions`. Raises a GatewayError with the place."""


@dataclass(frozen=True, slots=True)
class ShopAdapter:
    """One platform. `kinds` proposes a kind of payment method for the platform's own id or name of it."""

    name: str
    formats: Mapping[str, Reader]
    kinds: Callable[[str], str]
    order_reference: Callable[[Any], str]
    order_put: Callable[[Any, Beside], dict[str, Any]]
    """The body of `PUT /v1/orders/{reference}`."""
    order_events: Callable[[Any], list[dict[str, Any]]]
    """Bodies of `POST /v1/orders/{reference}/events`, the oldest first. An event keeps its `external_id` in every
    document of the same order, but some moments are known only as "when it was first seen": tell each id once."""


def installed() -> dict[str, ShopAdapter]:
    """Every connector of this installation by name; a third party adds one without touching this repository."""
    return {point.name: point.load() for point in entry_points(group=ENTRY_POINTS)}
