"""Decisions at the desk: the list with its filters, and one with everything that led to it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.admin import desk, search
from gateway.admin.present import missing_reason
from gateway.admin.search import Wanted
from gateway.checkout import api, explanations, selection_records
from gateway.checkout.models import Decision
from gateway.checkout.replay import CardMissing, Replayed, replay_decision
from gateway.core.http import services
from gateway.core.ids import to_public
from gateway.core.pages import language
from gateway.risk.facts import CATALOGUE
from gateway.shops import shops
from gateway.shops.shops import ShopFacts

OUTCOMES = ("allow", "review", "decline")


@dataclass(frozen=True, slots=True)
class Line:
    """A decision in the list."""

    id: str
    row: Any
    shop: str
    default: float
    shown: list[str]
    """Kinds on the menu, in its order."""
    review: bool


def home() -> ResponseReturnValue:
    return redirect(url_for("admin.decisions"))


def index() -> ResponseReturnValue:
    """The list. Filters come from the address, so that a search can be kept as a bookmark."""
    with desk.transaction() as session:
        known = {shop.id: shop for shop in shops.list_shops(session)}
        wanted = _wanted(known)
        found = search.decisions(session, services().keyring, wanted)
    lines = [_line(row, known) for row in found.rows]
    older = lines[-1].id if found.more else None
    return render_template(
        "admin/decisions.html",
        lines=lines,
        shops=known.values(),
        outcomes=OUTCOMES,
        filtered=any(request.args.get(name) for name in ("outcome", "shop", "reference", "buyer", "since", "until")),
        next_url=desk.next_url(older),
    )


def show(decision_id: str) -> ResponseReturnValue:
    with desk.transaction() as session:
        known = explanations.get(session, services().keyring, desk.id_of("dec", decision_id))
        row = known.row
        shop = shops.get(session, row.shop_id)
        choices = selection_records.told_of(session, row, language())
    record = json.loads(row.record)
    return render_template(
        "admin/decision.html",
        row=row,
        shop=shop,
        record=record,
        answer=api.answer(_columns(row), record, language()),
        told=known.told,
        erased=known.erased,
        choices=choices,
        unknown=_unknown(record["facts"]),
        replayed=_replayed(row) if "replay" in request.args else None,
    )


def _wanted(known: Mapping[UUID, ShopFacts]) -> Wanted:
    asked = request.args
    shop_id = next((id_ for id_ in known if to_public("shp", id_) == asked.get("shop")), None)
    return Wanted(
        shops=[shop_id] if shop_id else list(known),
        outcome=asked["outcome"] if asked.get("outcome") in OUTCOMES else "",
        reference=asked.get("reference", "").strip()[:200],
        buyer=asked.get("buyer", "").strip()[:320],
        since=_day("since"),
        until=_day("until"),
        before=desk.cursor("dec"),
    )


def _day(name: str) -> date | None:
    """A day of the filter between 1970 and 2100; anything else does not filter."""
    try:
        day = date.fromisoformat(request.args.get(name, ""))
    except ValueError:
        return None
    return day if 1970 <= day.year < 2100 else None


def _line(row: Any, known: Mapping[UUID, ShopFacts]) -> Line:
    record = json.loads(row.record)
    shown = [offer["kind"] for offer in record["choice"]["offers"] if offer["show"]]
    shop = known.get(row.shop_id)
    return Line(
        to_public("dec", row.id),
        row,
        shop.name if shop else "",
        record["score"]["default"],
        shown,
        record["choice"]["review"],
    )


def _columns(row: Decision) -> dict[str, Any]:
    return {column.name: getattr(row, column.name) for column in Decision.__table__.columns}


def _unknown(facts: Mapping[str, Any]) -> dict[str, str]:
    """Facts that were not known, each with the reason."""
    return {name: missing_reason(name, facts["missing"]) for name in CATALOGUE if facts.get(name) is None}


def _replayed(row: Decision) -> Replayed | CardMissing:
    try:
        with services().db.connection(row.merchant_id) as connection:
            return replay_decision(connection, row.merchant_id, row.id)
    except CardMissing as missing:
        return missing
