"""Wiring as tables: which blueprint has which guard, who listens to what, which task runs when."""

import logging
from collections.abc import Callable, Iterable
from types import MappingProxyType
from typing import Any
from uuid import UUID

import click
import redis
import structlog
from flask import Blueprint, Flask

from gateway import config
from gateway.checkout import api as checkout_api
from gateway.checkout.decide import Checkout
from gateway.core import events
from gateway.core.crypto import Keyring
from gateway.core.db import Database
from gateway.core.http import Blueprint as ApiBlueprint
from gateway.core.services import Services
from gateway.merchants import guards, merchants

API: tuple[ApiBlueprint, ...] = (checkout_api.blueprint,)
"""Blueprints of the documented API."""

PAGES: tuple[Blueprint, ...] = ()
"""Blueprints of pages, not part of the API's description."""

GUARDS: MappingProxyType[str, Callable[[], Any]] = MappingProxyType(
    {
        "api-docs": guards.public,
        "healthz": guards.public,
        "decisions": guards.api_key,
    },
)
"""Blueprint (or endpoint without one) → guard. What is not here is closed."""

LISTENERS: MappingProxyType[type, tuple[events.Listener, ...]] = MappingProxyType({})
"""Event → listeners, called in this order in the same transaction."""

COMMANDS: tuple[click.Command, ...] = ()
"""Commands of `kulanz` beside its own."""


def add_checkout(app: Flask) -> None:
    app.extensions["kulanz.checkout"] = Checkout(app.extensions["kulanz"])


EXTENSIONS: tuple[Callable[[Flask], None], ...] = (add_checkout,)
"""What is prepared once per application, after services and blueprints are there."""


def install_listeners() -> None:
    events.install(LISTENERS)


def open_services(settings: config.Settings, role: str) -> Services:
    """Services from settings; connections are opened on first use."""
    config.require(settings, "database_url", "redis_url", "master_keys", "session_secret")
    return Services(
        db=Database(settings.database_url, role=role, pool_size=settings.web_threads),
        cache=redis.Redis.from_url(settings.redis_url, socket_timeout=0.25, socket_connect_timeout=0.25),
        keyring=Keyring.parse(settings.master_keys),
        public_url=settings.public_url,
        session_secret=settings.session_secret.encode(),
        allow_private_urls=settings.allow_private_urls,
        mail_url=settings.mail_url,
        mail_from=settings.mail_from,
    )


def merchant_ids(db: Database) -> Iterable[UUID]:
    return merchants.list_ids(db)


def configure_logging(level: str) -> None:
    """JSON lines on standard output; what is logged are ids and codes, never names, addresses or bank data."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping().get(level, logging.INFO)),
    )
