"""Champion and challengers of a shop: files kept for good, a pointer that says which one acts, and who moved it when.

Every decision is scored by all of them; only the champion acts. A shop without a champion of its own has the expert card.
"""

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session

from gateway.core import chain, turns
from gateway.core.db import merchant_of
from gateway.core.errors import Invalid, NotFound, Refused
from gateway.core.hot import HotStatement, Link
from gateway.core.ids import new_id
from gateway.risk import card as cards
from gateway.risk.model_file import MAX_BYTES, Card, load
from gateway.risk.models import ModelRole, ModelRoleChange, ScoreModel
from gateway.risk.panel import Panel

CHAMPION, CHALLENGER, RETIRED = ROLES = ("champion", "challenger", "retired")
MAX_CHALLENGERS, MAX_MODELS, MAX_REASON = 2, 200, 300
"""Two challengers are what a decision's time has room for."""
MAX_KEPT_BYTES = 20 * MAX_BYTES
"""Of all files of a shop: who lists its models reads every one."""
PANELS_KEPT = 40
TRAINED = ("trees", "additive")
"""Outputs that learned something new and have to show that it is better."""

log = structlog.get_logger(__name__)


class ModelUnknown(NotFound):
    """There is no such model in this shop."""


class ModelNameTaken(Refused):
    """Another model of this shop has this id; a changed model needs an id of its own."""


class TooManyModels(Refused):
    """This shop has as many models as it may have."""


class TooManyChallengers(Refused):
    """Two challengers at most score beside the champion; retire one first."""


class NotProven(Refused):
    """The training report does not show that this model is better by more than chance; say so with `force` and a reason."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A stored model and the part it plays."""

    id: UUID
    name: str
    content_hash: str
    body: str
    """The file; `note` and `report` stand in it."""
    note: str
    report: Mapping[str, Any] | None
    author: str
    created_at: datetime
    role: str
    """`champion`, `challenger`, or `retired` when it plays none."""
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Change:
    """When a model got a part, from whom and why."""

    model_id: UUID
    name: str
    role: str
    author: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Act:
    """Who does something to a model, when and why."""

    author: str
    now: datetime
    reason: str = ""
    force: bool = False


def add(session: Session, shop_id: UUID, file: str | bytes, act: Act) -> Kept:
    """Keep a model file for this shop; it plays no part yet. The same file again is the same model.

    Raises Invalid for what is no model for the checkout, ModelNameTaken, TooManyModels.
    """
    card = load(file)
    body = file if isinstance(file, str) else file.decode()
    if card.domain != "checkout":
        raise Invalid.at("/domain", "only a model for the checkout can score one")
    turns.take(session, "models", shop_id)
    same = session.scalar(select(ScoreModel).where(*_of(ScoreModel, session, shop_id), ScoreModel.name == card.id))
    if same is not None:
        if same.content_hash != card.digest:
            raise ModelNameTaken(id=card.id)
        return get(session, shop_id, same.id)
    if (session.scalar(select(func.count()).where(*_of(ScoreModel, session, shop_id))) or 0) >= MAX_MODELS:
        raise TooManyModels(limit=MAX_MODELS)
    stored = session.scalar(
        select(func.sum(func.octet_length(ScoreModel.body))).where(*_of(ScoreModel, session, shop_id))
    )
    if (stored or 0) + len(body.encode()) > MAX_KEPT_BYTES:
        raise TooManyModels(limit_bytes=MAX_KEPT_BYTES)
    row = ScoreModel(
        merchant_id=merchant_of(session),
        id=new_id(),
        shop_id=shop_id,
        name=card.id,
        content_hash=card.digest,
        body=body,
        author=act.author,
        created_at=act.now,
    )
    row.digest = digest(row)
    session.add(row)
    session.flush()
    return _kept(row, {})


def assign(session: Session, shop_id: UUID, model_id: UUID, role: str, act: Act) -> Kept:
    """Give a model its part from now on; `retired` takes it away.

    Whoever was champion becomes a challenger where there is room, so that both can be compared, and is retired otherwise.
    Raises ModelUnknown, TooManyChallengers, NotProven.
    """
    turns.take(session, "models", shop_id)
    model = get(session, shop_id, model_id)
    if role == CHAMPION and not act.force and not proven(model.report, model.content_hash):
        raise NotProven(id=model.name)
    parts = roles(session, shop_id)
    others = [one for one, part in parts.items() if part == CHALLENGER and one != model_id]
    if role == CHALLENGER and len(others) >= MAX_CHALLENGERS:
        raise TooManyChallengers(limit=MAX_CHALLENGERS)
    before = next((one for one, part in parts.items() if part == CHAMPION and one != model_id), None)
    if role == CHAMPION and before is not None:
        _move(session, shop_id, before, CHALLENGER if len(others) < MAX_CHALLENGERS else RETIRED, act)
    _move(session, shop_id, model_id, role, act)
    return get(session, shop_id, model_id)


def proven(report: Mapping[str, Any] | None, content_hash: str) -> bool:
    """Whether every output that learned from data did better than before by more than its bootstrap error.

    A model written by hand has nothing to show, except the expert card itself.
    """
    if report is None:
        return content_hash == cards.expert().digest
    learned = [part["metrics"] for part in report["outputs"].values() if part["kind"] in TRAINED]
    return all(one.get("gain", 0.0) > one.get("gain_error", 0.0) for one in learned)


def get(session: Session, shop_id: UUID, model_id: UUID) -> Kept:
    """A stored model of this shop. Raises ModelUnknown."""
    row = session.scalar(select(ScoreModel).where(*_of(ScoreModel, session, shop_id), ScoreModel.id == model_id))
    if row is None:
        raise ModelUnknown
    return _kept(row, _parts(session, shop_id))


def find_named(session: Session, shop_id: UUID, name: str) -> Kept | None:
    """The model whose file says this id, or None."""
    row = session.scalar(select(ScoreModel).where(*_of(ScoreModel, session, shop_id), ScoreModel.name == name))
    return None if row is None else _kept(row, _parts(session, shop_id))


def list_models(session: Session, shop_id: UUID) -> list[Kept]:
    """Every model of this shop, the newest first."""
    rows = session.scalars(
        select(ScoreModel).where(*_of(ScoreModel, session, shop_id)).order_by(ScoreModel.id.desc()).limit(MAX_MODELS)
    )
    parts = _parts(session, shop_id)
    return [_kept(row, parts) for row in rows]


def changes(session: Session, shop_id: UUID, limit: int = 100) -> list[Change]:
    """Who played which part from when on, the newest first."""
    rows = session.execute(
        select(ModelRoleChange, ScoreModel.name)
        .join(
            ScoreModel,
            (ScoreModel.merchant_id == ModelRoleChange.merchant_id) & (ScoreModel.id == ModelRoleChange.model_id),
        )
        .where(*_of(ModelRoleChange, session, shop_id))
        .order_by(ModelRoleChange.id.desc())
        .limit(limit)
    )
    return [Change(row.model_id, name, row.role, row.author, row.reason, row.at) for row, name in rows]


def roles(session: Session, shop_id: UUID) -> dict[UUID, str]:
    """Which model plays which part now."""
    return {one: row.role for one, row in _parts(session, shop_id).items()}


def digest(row: Any) -> bytes:
    """What a stored model is, in 32 bytes: anchors hold it, so that a file changed later is found by the audit."""
    columns = (row.merchant_id, row.id, row.shop_id, row.name, row.content_hash, row.body, row.author, row.created_at)
    return chain.digest("kulanz model 1", *columns)


def find_card(connection: Connection, merchant_id: UUID, shop_id: UUID, name: str, content_hash: str) -> Card | None:
    """The model a decision names, shipped or stored; None when it cannot be had as it was."""
    if (shipped := cards.shipped_as(name, content_hash)) is not None:
        return shipped
    body = connection.execute(
        select(ScoreModel.body).where(
            ScoreModel.merchant_id == merchant_id,
            ScoreModel.shop_id == shop_id,
            ScoreModel.name == name,
            ScoreModel.content_hash == content_hash,
        )
    ).scalar_one_or_none()
    return None if body is None else _readable(name, body)


class Panels:
    """The compiled models of each shop, made once per process and parts: a stored model never changes.

    One panel per shop: it may take tens of megabytes, and whoever moves the parts about would fill the memory of all.
    """

    def __init__(self) -> None:
        self._expert = Panel((cards.expert(),))
        """What every shop begins with."""
        self._kept: dict[tuple[UUID, UUID], tuple[Mapping[str, str], Panel]] = {}
        self._lock = threading.Lock()

    def get(self, link: Link, shop: tuple[UUID, UUID], models: Mapping[str, str]) -> Panel:
        """The panel of a shop (merchant, shop) with these parts (model id → role).

        The first time costs one statement on this link.
        """
        if not models:
            return self._expert
        parts, panel = self._kept.get(shop, ({}, self._expert))
        if parts != models:
            panel = Panel(_cards(link, shop[0], models))
            with self._lock:
                self._kept.pop(shop, None)
                if len(self._kept) >= PANELS_KEPT:  # the oldest goes
                    self._kept.pop(next(iter(self._kept)))
                self._kept[shop] = models, panel
        return panel


def _cards(link: Link, merchant_id: UUID, models: Mapping[str, str]) -> list[Card]:
    """The champion first. One that this program cannot read any more does not score: the expert takes its place."""
    rows = _BODIES.rows(link, {"merchant": merchant_id, "ids": [UUID(one) for one in models]})
    read = [(models[str(id_)], _readable(name, body)) for id_, name, body in rows]
    champion = next((card for role, card in read if role == CHAMPION and card is not None), cards.expert())
    return [champion, *(card for role, card in read if role == CHALLENGER and card is not None)]


_BODIES = HotStatement(
    text(
        "SELECT id, name, body FROM score_model"
        " WHERE merchant_id = :merchant AND id = ANY(CAST(:ids AS uuid[])) ORDER BY id"
    )
)


@lru_cache(maxsize=16)
def _readable(name: str, body: str) -> Card | None:
    """The model of a stored file; replaying many decisions reads it once."""
    try:
        return load(body)
    except Invalid as error:
        log.warning("a stored model cannot be read", model=name, faults=error.facts.get("errors"))
        return None


def _move(session: Session, shop_id: UUID, model_id: UUID, role: str, act: Act) -> None:
    key = {"merchant_id": merchant_of(session), "shop_id": shop_id, "model_id": model_id}
    if role == RETIRED:
        session.execute(
            delete(ModelRole).where(*_of(ModelRole, session, shop_id), ModelRole.model_id == model_id),
        )
    else:
        session.execute(
            insert(ModelRole)
            .values(**key, role=role, since=act.now)
            .on_conflict_do_update(index_elements=list(key), set_={"role": role, "since": act.now})
        )
    session.add(ModelRoleChange(**key, role=role, author=act.author, reason=act.reason, at=act.now))
    session.flush()


def _parts(session: Session, shop_id: UUID) -> dict[UUID, ModelRole]:
    found = select(ModelRole).where(*_of(ModelRole, session, shop_id)).execution_options(populate_existing=True)
    return {row.model_id: row for row in session.scalars(found)}


def _kept(row: ScoreModel, parts: Mapping[UUID, ModelRole]) -> Kept:
    part = parts.get(row.id)
    role, since = (part.role, part.since) if part else (RETIRED, None)
    said = json.loads(row.body)  # it was read to the last field when it came; reading it so again takes long
    return Kept(
        id=row.id,
        name=row.name,
        content_hash=row.content_hash,
        body=row.body,
        note=said.get("note", ""),
        report=said.get("report"),
        author=row.author,
        created_at=row.created_at,
        role=role,
        since=since,
    )


def _of(table: type[ScoreModel | ModelRole | ModelRoleChange], session: Session, shop_id: UUID) -> tuple[Any, ...]:
    return table.merchant_id == merchant_of(session), table.shop_id == shop_id
