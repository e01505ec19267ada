"""The demo merchant: made once, found again on every later start, with everything in it marked as synthetic."""

import json
import secrets as random
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from gateway.checkout import documents
from gateway.core import turns
from gateway.core.services import Services
from gateway.core.work import enqueue
from gateway.demo import history, scenes
from gateway.merchants import merchants, policies, senders, users
from gateway.merchants.auth import SCOPES, NewKey, create_key, find_principal
from gateway.merchants.models import Merchant, Role
from gateway.risk import bureaus, lists
from gateway.risk.bureaus import Book, NewBureau
from gateway.shops import shops
from gateway.shops.orders import Orders
from gateway.shops.shops import NewShop, Platform, ShopFacts

DEMO_MERCHANT = UUID("019a0000-0000-7000-8000-00000000de30")
"""The demo merchant of every installation, so that each start and the demo shop's page find it without a look-up."""
ADMIN_EMAIL = "admin@demo.example"
AUTHOR = "demo"
STORY = "demo.story"
"""The task that tells what happened after the sale, while the first visitor still reads."""
STORY_AFTER_S = 2.0
"""Web and worker load first."""
SENDER = {
    "legal_name": "Fernweh Demo GmbH (synthetisch)",
    "street": "Musterweg",
    "house_number": "1",
    "postcode": "20099",
    "city": "Hamburg",
    "country": "DE",
    "email": "rechnung@fernweh.example",
    "phone": "+49 40 66969100",
    "website": "https://fernweh.example",
    "iban": "DE89370400440532013000",
    "swiss_iban": "CH9300762011623852957",
}
"""Invented; the accounts are the examples of the IBAN registry."""
BUREAU = "sandbox"
BUREAU_POLICY: dict[str, Any] = {
    "kinds": ["invoice", "sepa_debit"],
    "from_minor": 2_000,
    "deadline_ms": 1_500,
    "cache_days": 30,
    "cost_minor": 65,
    "budget_minor_per_month": 20_000,
    "decline_below": 250,
    "deposit_below": 500,
    "deposit_percent": 30,
}
"""What the demo merchant asks of the sandbox bureau."""


@dataclass(frozen=True, slots=True)
class Demo:
    """The demo merchant and what opens it. The caller keeps key and password; we store their hashes only."""

    merchant_id: UUID
    shop_id: UUID
    api_key: str = field(repr=False)
    admin_email: str
    admin_password: str = field(repr=False)


def seed(services: Services, now: datetime, known: Mapping[str, str] | None = None) -> Demo:
    """The demo merchant, made when it is missing. `known` is what `shown` told last time: what still works is kept.

    Doing it again changes nothing; a lost key or password is replaced by a new one.
    """
    known = known or {}
    principal = find_principal(services.db, known.get("api_key", ""))
    with services.db.transaction(DEMO_MERCHANT) as session:
        turns.take(session, "demo", DEMO_MERCHANT)
        shop = _found(session, services, now)
        mine = principal is not None and principal.shop_id == shop.id
        _connect_bureau(session, services, shop, now)
        _begin_story(session, services, now)
        api_key = known["api_key"] if mine else _new_key(session, shop, now)
        password = _admin(session, services, known, now)
    return Demo(DEMO_MERCHANT, shop.id, api_key, ADMIN_EMAIL, password)


def shown(demo: Demo) -> dict[str, str]:
    """What `kulanz run` prints and keeps in its private file."""
    return {
        "api_key": demo.api_key,
        "admin_login": demo.admin_email,
        "admin_password": demo.admin_password,
        "example": json.dumps(example(), ensure_ascii=False),
    }


def find_shop(session: Session) -> ShopFacts | None:
    """The demo shop, when this installation has one that is open."""
    merchant = session.get(Merchant, DEMO_MERCHANT)
    if merchant is None or merchant.closed_at is not None:
        return None
    open_ones = (shop for shop in shops.list_shops(session) if shop.platform == Platform.DEMO and not shop.closed_at)
    return next(open_ones, None)


def example() -> dict[str, Any]:
    """A checkout to try the API with: a regular buyer of the demo shop, as JSON."""
    asked = scenes.question(scenes.Scene(persona="regular"), "de")
    told = asdict(asked) | {"reference": "cart-1001"}
    trimmed: dict[str, Any] = _without_blanks(told)
    return trimmed


def _found(session: Session, services: Services, now: datetime) -> ShopFacts:
    shop = find_shop(session)
    if shop is not None:
        return shop
    if session.get(Merchant, DEMO_MERCHANT) is None:
        merchants.found(session, services.keyring, "Demo", "DE", now)
    new = NewShop("Fernweh (Demo)", Platform.DEMO, live=False, holds_orders=True)
    shop = shops.create(session, services.keyring, new, now)
    history.tell(Orders(session, services.keyring, shop), now)
    blocked = scenes.PERSONAS["blocked"].buyer.email
    entry = lists.NewEntry("block", "email", blocked, "synthetic: three unpaid invoices elsewhere", live=False)
    lists.add(session, services.keyring, entry, AUTHOR, now)
    return shop


def _connect_bureau(session: Session, services: Services, shop: ShopFacts, now: datetime) -> None:
    """The sandbox bureau, and a policy that asks it, where a sandbox runs; what somebody has changed since stays."""
    if not services.sandbox_url:
        return
    if not bureaus.history(session, BUREAU):
        new = NewBureau(BUREAU, BUREAU, live=False, body={})
        Book.of(services).connect(session, new, AUTHOR, now)
    if policies.find_live(session, shop.id, "checkout") is None:
        body = {**documents.DEFAULT_CHECKOUT, "bureau": BUREAU_POLICY}
        version = policies.save(session, shop.id, "checkout", body, AUTHOR, "synthetic: with the sandbox bureau", now)
        policies.activate(session, shop.id, "checkout", version, now, AUTHOR)


def _begin_story(session: Session, services: Services, now: datetime) -> None:
    """Who letters come from, and the unpaid orders; the worker tells them after the start, which stays as fast as before."""
    if senders.find(session, services.keyring) is None:
        senders.save(session, services.keyring, SENDER, AUTHOR, now)
        enqueue(session, STORY, merchant_id=DEMO_MERCHANT, args={}, delay_s=STORY_AFTER_S, unique=STORY)


def _new_key(session: Session, shop: ShopFacts, now: datetime) -> str:
    return create_key(session, NewKey(shop.id, shop.live, "demo", SCOPES), now)[1]


def _admin(session: Session, services: Services, known: Mapping[str, str], now: datetime) -> str:
    """The password of the demo's owner: the known one while it may still be his, else a new one."""
    found = users.list_users(session, services.keyring)
    admin = next((user for user in found if user.email == ADMIN_EMAIL), None)
    if admin and admin.has_password and known.get("admin_login") == ADMIN_EMAIL and known.get("admin_password"):
        return known["admin_password"]
    invited = users.NewUser(ADMIN_EMAIL, "Demo", Role.OWNER)
    user_id = admin.id if admin else users.invite(session, services.keyring, invited, now, AUTHOR).user_id
    password = random.token_urlsafe(12)
    users.set_password(session, services.keyring, user_id, password, now, actor=AUTHOR)
    return password


def _without_blanks(told: Any) -> Any:
    """JSON without what is empty, as a shop would send it."""
    if isinstance(told, dict):
        kept = {name: _without_blanks(value) for name, value in told.items()}
        return {name: value for name, value in kept.items() if value is False or value not in ("", None, 0, {}, [])}
    if isinstance(told, list | tuple):
        return [_without_blanks(value) for value in told]
    return told
