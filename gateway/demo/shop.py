"""The demo shop: a visitor changes buyer, basket and address and sees what the gateway decides, by the real path.

It asks as the demo merchant's test shop, so every answer also stands in the desk. There is no cross-site token: the
form belongs to nobody and changes nothing but the demo shop's own list of decisions.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any

from flask import Blueprint, Response, g, jsonify, render_template, request
from flask.typing import ResponseReturnValue

from gateway.admin.present import fact_label, fact_value, kind_label, outcome_label
from gateway.checkout import links
from gateway.checkout.api import DecisionUnknown, answer, checkout
from gateway.checkout.decide import Decided
from gateway.checkout.explain_api import PATH
from gateway.checkout.links import Link
from gateway.checkout.selection_api import selections
from gateway.checkout.selection_schemas import Chosen
from gateway.core import clock
from gateway.core.errors import GatewayError, Invalid, NotFound
from gateway.core.http import services
from gateway.core.ids import from_public
from gateway.core.limits import Limit, network_of
from gateway.core.pages import language
from gateway.demo import scenes
from gateway.demo.scenes import Scene
from gateway.demo.seed import DEMO_MERCHANT, find_shop
from gateway.merchants.auth import Principal
from gateway.risk import facts as known_facts
from gateway.risk.bureau import Proof

blueprint = Blueprint("demo", __name__, url_prefix="/demo", template_folder="templates", static_folder="static")
TRIES = Limit("demo", most=90, window_s=60)
NOTICE_VERSION = "demo-2026-11"
"""Names the sentence beside the button of the demo shop."""
BAR_FULL = {"default": 0.40, "fraud": 0.20, "return": 0.60}
"""The probability at which a bar is full: these are rarely near 1."""
TELLING = (
    "orders",
    "paid_orders",
    "open_minor",
    "overdue_minor",
    "overdue_days",
    "days_known",
    "email_disposable",
    "same_address",
    "parcel_locker",
    "known_address",
    "gift_card_percent",
    "most_of_one",
    "listed",
)
"""Facts the panel shows; the desk shows all."""


class DemoClosed(NotFound):
    """This installation has no demo shop."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One decision as the page tells it."""

    scene: Scene
    told: dict[str, Any]
    asked: dict[str, Any]
    facts: Mapping[str, Any]
    took_ms: float
    why_url: str
    """The page on which a buyer reads why, as the shop would link it."""


@dataclass(frozen=True, slots=True)
class Placed:
    """What a choice was answered."""

    scene: Scene
    told: dict[str, Any]
    took_ms: float


def guard() -> None:
    """Anybody, while there is a demo shop, and not faster than a person can look."""
    if request.endpoint == "demo.static":
        return
    TRIES.take(services().cache, network_of(request.remote_addr), clock.now().timestamp())
    with services().db.transaction(DEMO_MERCHANT) as session:
        shop = find_shop(session)
    if shop is None:
        raise DemoClosed
    g.demo_shop = shop


@blueprint.get("")
def show() -> ResponseReturnValue:
    return render_template("demo/shop.html", shown=_decided(Scene()), **_choices())


@blueprint.post("")
def change() -> ResponseReturnValue:
    """Without JavaScript: the whole page again."""
    return render_template("demo/shop.html", shown=_decided(_scene(request.form)), **_choices())


@blueprint.post("/decision")
def decide() -> Response:
    """With JavaScript: the parts of the page that change."""
    shown = _decided(_scene(request.form))
    parts = {name: render_template(f"demo/{name}.html", shown=shown, **_choices()) for name in ("menu", "sum", "panel")}
    return jsonify(parts)


@blueprint.post("/order")
def order() -> ResponseReturnValue:
    """Place the order with the chosen method: stage 2, where the sandbox bureau may be asked."""
    placed = _placed(request.form)
    if "X-Requested-With" in request.headers:
        return jsonify({"placed": render_template("demo/placed.html", placed=placed, **_choices())})
    return render_template("demo/shop.html", shown=_decided(_scene(request.form)), placed=placed, **_choices())


@blueprint.errorhandler(GatewayError)
def told_as_page(error: GatewayError) -> ResponseReturnValue:
    page = render_template("core/problem.html", error=error)
    retry = {"Retry-After": str(error.facts["retry_after_s"])} if "retry_after_s" in error.facts else {}
    return page, error.status, retry


def _scene(form: Mapping[str, str]) -> Scene:
    """What the form says. Raises Invalid for a choice that is not offered."""
    offered: dict[str, Iterable[str]] = {
        "persona": scenes.PERSONAS,
        "article": scenes.ARTICLES,
        "pieces": [str(number) for number in range(1, scenes.MAX_PIECES + 1)],
        "delivery": scenes.DELIVERIES,
        "country": scenes.COUNTRIES,
        "bureau": scenes.BUREAUS,
    }
    chosen = {name: form.get(name, str(getattr(Scene(), name))) for name in offered}
    faults = [name for name, choices in offered.items() if chosen[name] not in choices]
    if faults:
        raise Invalid(errors=[{"path": f"/{name}", "message": "is not offered"} for name in faults])
    return Scene(
        persona=chosen["persona"],
        article=chosen["article"],
        pieces=int(chosen["pieces"]),
        gift_card="gift_card" in form,
        delivery=chosen["delivery"],
        country=chosen["country"],
        bureau=chosen["bureau"],
    )


def _who() -> Principal:
    shop = g.demo_shop
    return Principal(DEMO_MERCHANT, shop.id, shop.id, shop.live, frozenset(), None)


def _decided(scene: Scene) -> Shown:
    asked, began = scenes.question(scene, language()), perf_counter()
    decided = checkout().ask(_who(), asked, clock.now())
    took_ms = 1000 * (perf_counter() - began)
    told = answer(decided.row, json.loads(decided.row["record"]), language())
    return Shown(scene, told, _without_empty(asdict(asked)), _telling(decided), took_ms, _why_url(decided))


def _why_url(decided: Decided) -> str:
    """Relative: the demo runs on this host, whatever it is called."""
    row = decided.row
    link = Link(links.EXPLANATION, DEMO_MERCHANT, row["id"], links.until(row["created_at"], links.LASTS))
    return f"{PATH}/{links.token(checkout().keys(DEMO_MERCHANT).index, link)}"


def _placed(form: Mapping[str, str]) -> Placed:
    """What the gateway answers to the choice, as a shop would hear it. Raises DecisionUnknown and whatever it refuses."""
    id_ = from_public("dec", form.get("decision", ""))
    if id_ is None:
        raise DecisionUnknown
    told = "notice" in form
    proof = Proof("notice", NOTICE_VERSION, clock.now(), network_of(request.remote_addr)) if told else None
    scene = _scene(form)
    chosen = Chosen(form.get("method", ""), scenes.total_minor(scene), scenes.CURRENCY, proof)
    began = perf_counter()
    answered = json.loads(selections().choose(_who(), id_, chosen))
    return Placed(scene, answered, 1000 * (perf_counter() - began))


def _telling(decided: Decided) -> dict[str, Any]:
    known = known_facts.to_dict(decided.judged.case.facts)
    return {name: known[name] for name in TELLING if name in known}


def _without_empty(told: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if value not in ("", 0, None, ())}


def _choices() -> dict[str, Any]:
    return {
        "scenes": scenes,
        "bar_full": BAR_FULL,
        "sandbox": bool(services().sandbox_url),
        "fact_label": fact_label,
        "fact_value": fact_value,
        "kind_label": kind_label,
        "outcome_label": outcome_label,
    }
