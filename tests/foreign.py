"""What tests of connectors share: recorded documents, decisions through the application, orders through the real door."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import strategies as st

from connectors.reading import MappingError
from gateway.shops import shops
from gateway.shops.listing import get_order
from gateway.shops.orders import Orders
from gateway.shops.platform import Beside
from gateway.shops.schemas import EventTellSchema, OrderTellSchema
from tests.conftest import SHARED

LATER = datetime(2026, 12, 1, tzinfo=UTC)
ODD = st.sampled_from(
    [
        *(None, "", 0, -1, True, False, 1.5, -0.01, 10**30, [], {}, [[]], [None], {"id": 1}, ["a", 3]),
        *("x", "-3.50", "1e9", "NaN", "Infinity", "\0", "\ud800", "2026-13-45", "9" * 400, "0.0.0.0", "DEU", "ä" * 999),
    ],
)
"""Values that a field of somebody else's document may suddenly have."""


def recorded(folder: str, *names: str) -> list[Any]:
    """Recorded documents; skips where they are not at hand."""
    place = SHARED / "fixtures" / folder
    if not place.is_dir():
        pytest.skip(f"recorded documents of {folder} are not at hand")
    return [json.loads((place / name).read_text()) for name in names]


def decided(app, auth: dict[str, str], question: dict[str, Any]) -> dict[str, Any]:
    """The answer of the real application."""
    answer = app.test_client().post("/v1/decisions", json=question, headers=auth)
    assert answer.status_code == 201, answer.json
    return answer.json


def tell(services, world, adapter, document: Any) -> dict[str, Any]:
    """Tell an order and its events the way a connector does, each event id once; what is then known of the order."""
    body, reference = OrderTellSchema().load(adapter.order_put(document, Beside())), adapter.order_reference(document)
    with services.db.transaction(world.merchant_id) as session:
        mine = Orders(session, services.keyring, shops.get(session, world.shop_id))
        mine.put(reference, body, LATER)
        for event in adapter.order_events(document):
            if mine._find_event(mine.get(reference), event["external_id"]) is None:
                mine.add_event(reference, EventTellSchema().load(event), LATER)
        return get_order(session, services.keyring, mine.shop, reference)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value in a document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for name, one in inner for place in places(one, (*path, name)))]


@st.composite
def mutated(draw, document: Any) -> Any:
    """The document with up to four values dropped or replaced by odd ones."""
    spoiled = json.loads(json.dumps(document))
    for path in draw(st.lists(st.sampled_from(places(document)[1:]), min_size=1, max_size=4)):
        *way, last = path
        try:
            parent = spoiled
            for name in way:
                parent = parent[name]
            if draw(st.booleans()) and isinstance(parent, dict):
                del parent[last]
            else:
                parent[last] = draw(ODD)
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took this place away
    return spoiled


def read_or_refused(read: Callable[[Any], Any], document: Any) -> Any:
    """What the connector reads, or None when it refuses the document naming the place. Nothing else may happen."""
    try:
        return read(document)
    except MappingError as refused:
        if not all(fault["path"].startswith("/") for fault in refused.facts["errors"]):
            raise
        return None


def sum_of_parts(question: dict[str, Any]) -> int:
    """What the parts of a question add up to."""
    goods = sum(item["quantity"] * item["unit_minor"] for item in question.get("items", []))
    charges = sum(question.get(name, 0) for name in ("shipping_minor", "fees_minor", "tax_minor"))
    return goods + charges - question.get("discount_minor", 0)
