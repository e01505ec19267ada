"""`/v1/policies`: a shop's policy versions, their stages, and what they would have done."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from flask import Response

from gateway.checkout import backtests, versions
from gateway.checkout.conditions import operators_of
from gateway.checkout.methods import KINDS as METHOD_KINDS
from gateway.checkout.policy_schemas import (
    BacktestAskSchema,
    BacktestListSchema,
    BacktestSchema,
    CatalogueSchema,
    CheckedSchema,
    DraftSchema,
    KindSchema,
    PolicyListSchema,
    PolicyPageSchema,
    PolicySchema,
    StageSchema,
    WhatActsSchema,
    version_below,
)
from gateway.checkout.regions import domain
from gateway.checkout.rules import ACTIONS
from gateway.checkout.versions import Page, Standing
from gateway.core import clock
from gateway.core.http import Blueprint, answer, services
from gateway.core.ids import from_public
from gateway.merchants import policies
from gateway.merchants.guards import current
from gateway.merchants.policies import PolicyDocument
from gateway.risk.facts import CATALOGUE
from gateway.shops.calling import CallingShop, calling, dumped

blueprint = Blueprint(
    "policies",
    __name__,
    url_prefix="/v1/policies",
    description="What decides: versions, stages, backtests.",
)
_POLICY, _CHECKED, _BACKTEST, _ROLLED_BACK = PolicySchema(), CheckedSchema(), BacktestSchema(), WhatActsSchema()
USUAL_DAYS = 90


@dataclass(frozen=True, slots=True)
class Asking(CallingShop):
    """The calling shop and its policies."""

    scope: ClassVar[str] = "policies"

    def document(self, policy_id: str) -> PolicyDocument:
        return policies.by_id(self.session, self.shop.id, from_public("pol", policy_id))

    def view(self, document: PolicyDocument) -> dict[str, Any]:
        return versions.view(document, versions.standings(self.session, self.shop.id))


@blueprint.get("")
@blueprint.arguments(PolicyPageSchema(), location="query")
@blueprint.response(200, PolicyListSchema())
def list_of_policies(page: dict[str, Any]) -> dict[str, Any]:
    """List what decides now, and the versions of one kind.

    The newest first; `next_cursor` leads to the next page.
    """
    with calling(Asking) as mine:
        wanted = Page(page["kind"], page["limit"], version_below(page.get("cursor", "")))
        found = versions.list_of(mine.session, mine.shop.id, wanted)
        standing = versions.standings(mine.session, mine.shop.id)
        shown = found[: wanted.limit]
        return {
            "acting": versions.acting(mine.session, mine.shop.id),
            "policies": [versions.view(document, standing) for document in shown],
            "next_cursor": str(shown[-1].version) if len(found) > len(shown) else None,
        }


@blueprint.get("/facts")
@blueprint.response(200, CatalogueSchema())
def facts() -> dict[str, Any]:
    """What rules may compare: every fact with type, unit, label, example and what it can be.

    Beside them the kinds of methods and the actions of rules: what an editor such as react-querybuilder needs.
    """
    return {
        "facts": [_fact(name) for name in CATALOGUE],
        "kinds": sorted(METHOD_KINDS),
        "actions": list(ACTIONS),
    }


@blueprint.post("")
@blueprint.arguments(DraftSchema())
@blueprint.response(201, _CHECKED)
@blueprint.alt_response(200, schema=_CHECKED, description="checked; nothing was to be kept")
@blueprint.alt_response(409, description="`idempotency-conflict`")
@blueprint.alt_response(429, description="`too-many-requests`: 20 documents a minute are checked for a shop")
def save(draft: dict[str, Any]) -> Response:
    """Check a document and keep it as a draft.

    Everything that could not work is refused with its path and a suggestion; `dry_run` says how many of the newest
    decisions would have had another menu. The draft decides nothing. Takes an `Idempotency-Key`.
    """
    kind, body = draft["kind"], draft["document"]
    versions.CHECKS.take(services().cache, current().shop_id.hex, clock.now().timestamp())
    with calling(Asking) as mine:
        if draft["check_only"]:
            checked = versions.check(mine.session, mine.shop, kind, body, mine.now)
            return answer(dumped(_CHECKED, _checked(None, checked)), 200)

        def act() -> dict[str, Any]:
            document, checked = versions.save(mine.session, mine.shop, kind, body, mine.actor, draft["note"], mine.now)
            mine.note("policy.saved", kind=kind, version=document.version)
            return _checked(mine.view(document), checked)

        return mine.once("", _CHECKED, 201, act)


@blueprint.get("/<policy_id>")
@blueprint.response(200, _POLICY)
@blueprint.alt_response(404, description="`policy-unknown`")
def one_policy(policy_id: str) -> dict[str, Any]:
    """Read a version with its document."""
    with calling(Asking) as mine:
        return mine.view(mine.document(policy_id))


@blueprint.post("/<policy_id>/stage")
@blueprint.arguments(StageSchema())
@blueprint.response(200, _POLICY)
@blueprint.alt_response(404, description="`policy-unknown`")
@blueprint.alt_response(
    409, description="`already-live`, `nothing-on-trial`, `nothing-to-judge`, `idempotency-conflict`"
)
def stage(to: dict[str, Any], policy_id: str) -> Response:
    """Put a version into a stage.

    One version of a kind can be in each stage: another one that stands there becomes a draft again. Takes an
    `Idempotency-Key`.
    """
    with calling(Asking) as mine:

        def act() -> dict[str, Any]:
            document = mine.document(policy_id)
            versions.move(mine.session, document, Standing(to["stage"], to.get("percent")), mine.now, mine.actor)
            mine.note("policy.staged", kind=document.kind, version=document.version, **to)
            return mine.view(document)

        return mine.once(f"{policy_id}/stage", _POLICY, 200, act)


@blueprint.post("/rollback")
@blueprint.arguments(KindSchema())
@blueprint.response(200, _ROLLED_BACK)
@blueprint.alt_response(409, description="`nothing-to-roll-back-to`, `idempotency-conflict`")
def rollback(body: dict[str, Any]) -> Response:
    """Undo what changed last.

    Ends a running share; without one, the version that was live before decides again. Takes an `Idempotency-Key`.
    """
    with calling(Asking) as mine:

        def act() -> dict[str, Any]:
            version = policies.rollback(mine.session, mine.shop.id, body["kind"], mine.now, mine.actor)
            mine.note("policy.rolled-back", kind=body["kind"], version=version)
            return {"acting": versions.acting(mine.session, mine.shop.id)}

        return mine.once("rollback", _ROLLED_BACK, 200, act)


@blueprint.post("/<policy_id>/backtest")
@blueprint.arguments(BacktestAskSchema())
@blueprint.response(202, _BACKTEST)
@blueprint.alt_response(404, description="`policy-unknown`")
@blueprint.alt_response(409, description="`backtests-waiting`, `nothing-to-judge`, `idempotency-conflict`")
def backtest(asked: dict[str, Any], policy_id: str) -> Response:
    """Judge stored decisions by this version.

    Work for the worker: ask for its state and its result, which grows while it runs, by the id in the answer. Takes an
    `Idempotency-Key`.
    """
    with calling(Asking) as mine:

        def act() -> dict[str, Any]:
            document = mine.document(policy_id)
            row = backtests.start(mine.session, document, _period(asked, mine.now), mine.actor, mine.now)
            mine.note("policy.backtested", kind=document.kind, version=document.version)
            return versions.backtest_view(row)

        return mine.once(f"{policy_id}/backtest", _BACKTEST, 202, act)


@blueprint.get("/<policy_id>/backtest")
@blueprint.response(200, BacktestListSchema())
@blueprint.alt_response(404, description="`policy-unknown`")
def list_of_backtests(policy_id: str) -> dict[str, Any]:
    """List the newest backtests of a version."""
    with calling(Asking) as mine:
        rows = backtests.newest(mine.session, mine.document(policy_id))
        return {"backtests": [versions.backtest_view(row) for row in rows]}


@blueprint.get("/<policy_id>/backtest/<backtest_id>")
@blueprint.response(200, _BACKTEST)
@blueprint.alt_response(404, description="`policy-unknown`, `backtest-unknown`")
def one_backtest(policy_id: str, backtest_id: str) -> dict[str, Any]:
    """Read a backtest: its state, and what was found so far."""
    with calling(Asking) as mine:
        row = backtests.get(mine.session, mine.document(policy_id), from_public("bkt", backtest_id))
        return versions.backtest_view(row)


def _period(asked: dict[str, Any], now: datetime) -> backtests.Asked:
    until = asked.get("until") or now
    return backtests.Asked(asked.get("from_") or until - timedelta(days=USUAL_DAYS), until, asked["limit"])


def _fact(name: str) -> dict[str, Any]:
    fact, possible = CATALOGUE[name], domain(name)
    whole = fact.type == "int"
    return {
        "name": name,
        "type": fact.type,
        "unit": fact.unit,
        "label_de": fact.label_de,
        "label_en": fact.label_en,
        "example": fact.example,
        "operators": operators_of(fact.type),
        "low": possible.low if whole else None,
        "high": possible.high if whole else None,
        "choices": sorted(possible.choices) if possible.choices else None,
    }


def _checked(policy: dict[str, Any] | None, checked: versions.Checked) -> dict[str, Any]:
    return {"policy": policy, "warnings": checked.warnings, "dry_run": checked.dry_run}
