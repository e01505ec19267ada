"""Wiring as tables: which blueprint has which guard, who listens to what, which task runs when."""

import logging
from collections.abc import Callable, Iterable
from types import MappingProxyType
from typing import Any
from uuid import UUID

import redis
import structlog
from flask import Blueprint, Flask
from sqlalchemy.orm import Session

from gateway import chores, config
from gateway.admin import routes as desk_routes
from gateway.admin import session as desk_session
from gateway.chargebacks import api as chargebacks_api
from gateway.chargebacks import commands as chargeback_commands
from gateway.chargebacks import erasing as chargeback_erasing
from gateway.chargebacks import heed as chargeback_heed
from gateway.chargebacks import tasks as chargeback_tasks
from gateway.checkout import attempts, backtests, explain_api, policy_api, records, selection_records
from gateway.checkout.decide import Checkout
from gateway.checkout.linking import check_decision
from gateway.checkout.models import Decision
from gateway.checkout.selection import Selections
from gateway.checkout.selection_models import Selection
from gateway.core import delivery, events, inbox, pages
from gateway.core.anchors import Origin, Trail
from gateway.core.crypto import Keyring
from gateway.core.db import Database
from gateway.core.expiry import NIGHTLY, expiry_tasks
from gateway.core.http import Blueprint as ApiBlueprint
from gateway.core.outbox import MailParked, MailSent
from gateway.core.rotation import WrappedColumn
from gateway.core.schedule import Entry
from gateway.core.services import Services
from gateway.core.work import Task
from gateway.demo import mailbox, shop, story
from gateway.docs_pages import pages as apidocs
from gateway.law import api as law_api
from gateway.merchants import callbacks, guards, merchants, policies, secrets
from gateway.merchants.auth import Principals
from gateway.merchants.models import PolicyVersion
from gateway.payments import asking, bank_api
from gateway.payments import intake as provider_intake
from gateway.payments.events import FraudReported
from gateway.portal import pay
from gateway.portal import views as portal
from gateway.privacy import api as privacy_api
from gateway.receivables import (
    calls,
    dunning,
    dunning_api,
    dunning_tasks,
    erasing,
    follow,
    follow_payments,
    letter_job,
    letter_sending,
    letters_api,
    objections_api,
    plan_tasks,
    terms_api,
)
from gateway.receivables.events import ClaimOpened, ClaimSettled, PaymentAllocated, PaymentReversed
from gateway.receivables.letter_events import LetterBounced, LetterSent, LetterWithdrawn
from gateway.returns import api as returns_api
from gateway.returns import following as returns_following
from gateway.risk import api as models_api
from gateway.risk import bureau_records, champions, surges
from gateway.risk.bureaus import Book
from gateway.risk.models import ScoreModel
from gateway.risk.shield import Shield
from gateway.shops import api as shops_api
from gateway.shops import buyers, connections, erasure, intake, shops
from gateway.shops.events import BuyerForgotten, OrderChanged, OrderPlaced

API: tuple[ApiBlueprint, ...] = (
    explain_api.blueprint,
    attempts.blueprint,
    policy_api.blueprint,
    dunning_api.blueprint,
    shops_api.blueprint,
    models_api.blueprint,
    intake.blueprint,
    provider_intake.blueprint,
    privacy_api.blueprint,
    terms_api.blueprint,
    letters_api.blueprint,
    objections_api.blueprint,
    law_api.calculations,
    law_api.blueprint,
    bank_api.blueprint,
    chargebacks_api.blueprint,
    returns_api.blueprint,
)
"""Blueprints of the documented API; on that of the decisions hang selections and explanations, on that of the claims terms."""

PAGES: tuple[Blueprint, ...] = (
    pages.assets,
    shop.blueprint,
    mailbox.blueprint,
    desk_routes.blueprint,
    desk_session.blueprint,
    apidocs.blueprint,
    portal.blueprint,
    pay.blueprint,
)
"""Blueprints of pages, not part of the API's description."""

GUARDS: MappingProxyType[str, Callable[[], Any]] = MappingProxyType(
    {
        "api-docs": guards.public,
        "healthz": guards.public,
        "decisions": guards.api_key,
        "policies": guards.api_key,
        "dunning": guards.api_key,
        "attempts": guards.api_key,
        "orders": guards.api_key,
        "models": guards.api_key,
        "privacy": guards.api_key,
        "claims": guards.api_key,
        "letters": guards.api_key,
        "calculations": guards.api_key,
        "law": guards.api_key,
        "bank": guards.api_key,
        "chargebacks": guards.api_key,
        "returns": guards.api_key,
        "assets": guards.public,
        "apidocs": guards.public,
        "bootstrap": guards.public,
        "in": guards.public,
        "providers": guards.public,
        "demo": shop.guard,
        "mailbox": mailbox.guard,
        "admin": desk_routes.guard,
        "login": desk_session.guard,
        "portal": portal.guard,
        "pay": pay.guard,
        "objections": guards.api_key,
    },
)
"""Blueprint (or endpoint without one) → guard. What is not here is closed."""


def forget_answers(session: Session, event: BuyerForgotten) -> None:
    bureau_records.forget_buyer(session, event.buyer_id)


LISTENERS: MappingProxyType[type, tuple[events.Listener, ...]] = MappingProxyType(
    {
        OrderPlaced: (check_decision,),
        **dict.fromkeys(follow.FOLLOWED, (follow.heed,)),
        **dict.fromkeys(follow_payments.FOLLOWED, (follow_payments.heed,)),
        # The claim by itself as well: what goes wrong with a return keeps it from no credit.
        **dict.fromkeys(returns_following.HEEDED, (follow.heed, returns_following.heed)),
        **dict.fromkeys(returns_following.BESIDE, (follow.heed, returns_following.heed_beside)),
        ClaimOpened: (returns_following.heed_claim,),
        OrderChanged: (check_decision, follow.heed),
        merchants.MerchantClosed: (shops.close_all,),
        BuyerForgotten: (forget_answers, erasing.forget, chargeback_erasing.forget),
        MailSent: (letter_sending.mail_sent,),
        MailParked: (letter_sending.mail_parked,),
        LetterSent: (dunning.letter_sent,),
        ClaimSettled: (calls.settled,),
        **dict.fromkeys((PaymentAllocated, PaymentReversed), (plan_tasks.heed,)),
        LetterWithdrawn: (dunning.letter_undone,),
        LetterBounced: (dunning.letter_undone,),
        **dict.fromkeys(chargeback_heed.HEEDED, (chargeback_heed.heed,)),
        FraudReported: (chargeback_heed.warned,),
        asking.RequestEnded: (chargeback_commands.heed_request,),
    },
)
"""Event → listeners, called in this order in the same transaction."""


WRAPPED: tuple[WrappedColumn, ...] = (
    *secrets.WRAPPED,
    *buyers.WRAPPED,
    *shops.WRAPPED,
    *connections.WRAPPED,
    *callbacks.WRAPPED,
)
"""Columns that hold keys under the master key: what a rotation must visit."""

INBOX: MappingProxyType[str, inbox.Handler] = MappingProxyType({**intake.HANDLERS, **provider_intake.handlers()})
"""Kind of connection → what is done with its messages."""

OBJECTIONS: tuple[erasure.Objects, ...] = (
    erasure.orders_object,
    erasing.claims_object,
    chargeback_erasing.chargebacks_object,
)
"""Who may refuse that a buyer is erased."""

SCHEDULE: tuple[Entry, ...] = (
    NIGHTLY,
    *chores.SCHEDULE,
    *surges.SCHEDULE,
    *dunning_tasks.SCHEDULE,
    *plan_tasks.SCHEDULE,
    *chargeback_tasks.SCHEDULE,
    *returns_following.SCHEDULE,
)
"""What runs when."""


def trail(services: Services) -> Trail:
    """What is anchored: histories, and the rows of other tables that carry a digest of themselves."""
    return Trail(
        key_of=_data_key(services),
        origins=(
            Origin("decision", Decision, records.digest),
            Origin("policy", PolicyVersion, policies.digest),
            Origin("model", ScoreModel, champions.digest),
            Origin("selection", Selection, selection_records.digest),
        ),
    )


def tasks(services: Services) -> list[Task]:
    """Everything the worker can do."""
    key_of = _data_key(services)
    return [
        inbox.handling_task(key_of, INBOX),
        delivery.delivery_task(key_of, callbacks.resolver(services.keyring)),
        *expiry_tasks(chores.all_merchants),
        *chores.tasks(trail(services)),
        *backtests.TASKS,
        follow.FOLLOWING,
        follow_payments.FOLLOWING,
        surges.WATCHING,
        *dunning_tasks.TASKS,
        *plan_tasks.TASKS,
        *chargeback_tasks.TASKS,
        *returns_following.TASKS,
        letter_job.RENDERING,
        asking.ASKING,
        story.TELLING,
    ]


def _data_key(services: Services) -> Callable[[Session], bytes]:
    return lambda session: secrets.get_key(session, services.keyring, "data")


def add_checkout(app: Flask) -> None:
    opened = app.extensions["kulanz"]
    app.extensions["kulanz.checkout"] = checkout = Checkout(opened)
    app.extensions["kulanz.selections"] = Selections(opened, checkout, Book.of(opened))
    app.extensions["kulanz.shield"] = Shield(opened.cache)


def add_objections(app: Flask) -> None:
    app.extensions["kulanz.objections"] = OBJECTIONS


def add_keys(app: Flask) -> None:
    app.extensions["kulanz.keys"] = Principals(app.extensions["kulanz"].db)


KEPT: tuple[Callable[[Flask], None], ...] = (
    add_keys,
    add_checkout,
    add_objections,
    intake.install,
    provider_intake.install,
)
"""What an application keeps that was made from its services."""

EXTENSIONS: tuple[Callable[[Flask], None], ...] = (
    pages.install,
    desk_routes.install,
)
"""What is prepared once per application, after blueprints are there."""


def install_listeners() -> None:
    events.install(LISTENERS)


def open_services(settings: config.Settings, role: str, pool_size: int = 0) -> Services:
    """Services from settings; connections are opened on first use."""
    config.require(settings, "database_url", "redis_url", "master_keys", "session_secret")
    return Services(
        db=Database(settings.database_url, role=role, pool_size=pool_size or settings.web_threads),
        cache=redis.Redis.from_url(settings.redis_url, socket_timeout=0.25, socket_connect_timeout=0.25),
        keyring=Keyring.parse(settings.master_keys),
        public_url=settings.public_url,
        session_secret=settings.session_secret.encode(),
        allow_private_urls=settings.allow_private_urls,
        sandbox_url=settings.sandbox_url,
        threads=settings.web_threads,
        mail_url=settings.mail_url,
        mail_from=settings.mail_from,
    )


def merchant_ids(db: Database) -> Iterable[UUID]:
    """Every merchant, closed ones too: their keys rotate, their histories are proven and anchored."""
    return merchants.list_ids(db, with_closed=True)


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
