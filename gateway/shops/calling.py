"""The shop whose key calls, in one transaction: what routes about its policies work with."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, TypeVar

from flask import Response, request
from marshmallow import Schema
from sqlalchemy.orm import Session

from gateway.core import clock
from gateway.core.http import services
from gateway.core.services import Services
from gateway.merchants import audit, repeats
from gateway.merchants.guards import current
from gateway.shops import shops
from gateway.shops.shops import ShopFacts

Shop = TypeVar("Shop", bound="CallingShop")


@dataclass(frozen=True, slots=True)
class CallingShop:
    """The calling shop; `scope` keeps the idempotency keys of one set of routes apart from those of others."""

    scope: ClassVar[str]
    session: Session
    services: Services
    shop: ShopFacts
    actor: str
    now: datetime

    def note(self, action: str, **facts: Any) -> None:
        """What was done to the shop, for its log."""
        act = audit.Act(self.actor, action, "shop", self.shop.id, facts)
        audit.record(self.session, self.services.keyring, act, self.now)

    def once(self, what: str, schema: Schema, status: int, act: Callable[[], dict[str, Any]]) -> Response:
        """Do it, or answer what was answered before under the same `Idempotency-Key`."""
        scope, told = f"{self.scope}/{what}", request.get_data()
        return repeats.once(self.session, scope, told, status, lambda: dumped(schema, act()))


@contextmanager
def calling(kind: type[Shop]) -> Iterator[Shop]:
    """The shop that calls, until the transaction ends."""
    who, opened = current(), services()
    with opened.db.transaction(who.merchant_id) as session:
        yield kind(session, opened, shops.get(session, who.shop_id), who.actor, clock.now())


def dumped(schema: Schema, value: dict[str, Any]) -> bytes:
    """As bytes for an answer. Not by orjson: documents hold ids of their editors, which may be numbers beyond 64 bits."""
    return json.dumps(schema.dump(value), ensure_ascii=False).encode()
