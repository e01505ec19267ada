"""`/v1/dunning`: policy versions, what leaves in the coming days, calls, pausing and resuming."""

from dataclasses import asdict, dataclass
from typing import Any, ClassVar
from uuid import UUID

from flask import Response
from sqlalchemy import select

from gateway.core.db import merchant_of
from gateway.core.http import Blueprint, answer
from gateway.core.ids import from_public, to_public
from gateway.merchants import policies
from gateway.merchants.policies import PolicyDocument
from gateway.receivables import calls, claims, days, dunning, dunning_lint, dunning_versions, preview
from gateway.receivables.agreement_models import CallTask, DunningRun
from gateway.receivables.claims import ClaimUnknown
from gateway.receivables.dunning_schemas import (
    CallAskSchema,
    CallListSchema,
    CallPageSchema,
    CallSchema,
    DunningCheckedSchema,
    DunningDraftSchema,
    DunningLiveSchema,
    DunningPolicyListSchema,
    DunningPolicySchema,
    NextSchema,
    NothingSchema,
    OutcomeSchema,
    PageSchema,
    PauseSchema,
    PreviewAskSchema,
    PreviewSchema,
    ResumedSchema,
    RunListSchema,
    call_view,
)
from gateway.receivables.keys import Keys
from gateway.shops.calling import CallingShop, calling, dumped

blueprint = Blueprint(
    "dunning",
    __name__,
    url_prefix="/v1/dunning",
    description="Reminders and dunning letters: policy, what leaves when, calls.",
)
_POLICY, _CHECKED, _LIVE = DunningPolicySchema(), DunningCheckedSchema(), DunningLiveSchema()
_CALL, _RESUMED = CallSchema(), ResumedSchema()
NIGHTS = 31


@dataclass(frozen=True, slots=True)
class Asking(CallingShop):
    """The calling shop and its policies."""

    scope: ClassVar[str] = "dunning"

    @property
    def keys(self) -> Keys:
        return Keys(self.services.keyring)

    def document(self, policy_id: str) -> PolicyDocument:
        found = policies.by_id(self.session, self.shop.id, from_public("pol", policy_id))
        if found.kind != dunning_versions.KIND:
            raise policies.PolicyUnknown
        return found

    def claim(self, public: str) -> UUID:
        """A claim of the calling shop. Raises ClaimUnknown."""
        claim = claims.get(self.session, from_public("clm", public))
        if claim.shop_id != self.shop.id:
            raise ClaimUnknown
        return claim.id

    def call(self, public: str) -> CallTask:
        """A call about the calling shop's claims. Raises CallTaskUnknown."""
        task = calls.get(self.session, from_public("cal", public))
        if task.shop_id != self.shop.id:
            raise calls.CallTaskUnknown
        return task

    def view(self, document: PolicyDocument) -> dict[str, Any]:
        return dunning_versions.view(document, dunning_versions.live_version(self.session, self.shop.id))


@blueprint.get("/policies")
@blueprint.arguments(PageSchema(), location="query")
@blueprint.response(200, DunningPolicyListSchema())
def list_of_policies(page: dict[str, Any]) -> dict[str, Any]:
    """List the versions of the dunning policy, the newest first, with the one that is live."""
    with calling(Asking) as mine:
        below = int(page["cursor"]) if page["cursor"] else None
        kind, limit = dunning_versions.KIND, page["limit"]
        found = policies.history(mine.session, mine.shop.id, kind, limit + 1, below=below)
        live = dunning_versions.live_version(mine.session, mine.shop.id)
        return {
            "live": live,
            "document": dunning_versions.body_of(mine.session, mine.shop.id, live),
            "policies": [dunning_versions.view(one, live) for one in found[:limit]],
            "next_cursor": str(found[limit - 1].version) if len(found) > limit else None,
        }


@blueprint.post("/policies")
@blueprint.arguments(DunningDraftSchema())
@blueprint.response(201, _CHECKED)
@blueprint.alt_response(200, schema=_CHECKED, description="checked; nothing was to be kept")
@blueprint.alt_response(409, description="`idempotency-conflict`")
def save(draft: dict[str, Any]) -> Response:
    """Check a document and keep it as a draft.

    What no law allows is refused with its path and a suggestion. The draft changes nothing until it is live. Takes an
    `Idempotency-Key`.
    """
    body = draft["document"]
    with calling(Asking) as mine:
        if draft["check_only"]:
            return answer(dumped(_CHECKED, {"policy": None, "warnings": dunning_lint.check(body)}), 200)

        def act() -> dict[str, Any]:
            kept = dunning_versions.save(mine.session, mine.shop.id, body, mine.actor, draft["note"], mine.now)
            mine.note("dunning-policy.saved", version=kept.document.version)
            return {"policy": mine.view(kept.document), "warnings": kept.warnings}

        return mine.once("policies", _CHECKED, 201, act)


@blueprint.get("/policies/<policy_id>")
@blueprint.response(200, _POLICY)
@blueprint.alt_response(404, description="`policy-unknown`")
def one_policy(policy_id: str) -> dict[str, Any]:
    """Read a version with its document."""
    with calling(Asking) as mine:
        return mine.view(mine.document(policy_id))


@blueprint.post("/policies/<policy_id>/live")
@blueprint.arguments(NothingSchema())
@blueprint.response(200, _POLICY)
@blueprint.alt_response(404, description="`policy-unknown`")
@blueprint.alt_response(409, description="`idempotency-conflict`")
def make_live(_: dict[str, Any], policy_id: str) -> Response:
    """Let claims that begin from now on follow this version.

    Claims that have begun keep theirs. Takes an `Idempotency-Key`.
    """
    with calling(Asking) as mine:

        def act() -> dict[str, Any]:
            document = mine.document(policy_id)
            policies.activate(mine.session, mine.shop.id, dunning_versions.KIND, document.version, mine.now, mine.actor)
            mine.note("dunning-policy.activated", version=document.version)
            return mine.view(document)

        return mine.once(f"policies/{policy_id}/live", _POLICY, 200, act)


@blueprint.post("/policies/rollback")
@blueprint.arguments(NothingSchema())
@blueprint.response(200, _LIVE)
@blueprint.alt_response(409, description="`nothing-to-roll-back-to`, `idempotency-conflict`")
def rollback(_: dict[str, Any]) -> Response:
    """Let the version that was live before be live again. Takes an `Idempotency-Key`."""
    with calling(Asking) as mine:

        def act() -> dict[str, Any]:
            version = policies.rollback(mine.session, mine.shop.id, dunning_versions.KIND, mine.now, mine.actor)
            mine.note("dunning-policy.rolled-back", version=version)
            return {"live": version}

        return mine.once("policies/rollback", _LIVE, 200, act)


@blueprint.get("/preview")
@blueprint.arguments(PreviewAskSchema(), location="query")
@blueprint.response(200, PreviewSchema())
def coming(asked: dict[str, Any]) -> dict[str, Any]:
    """What leaves in the coming days if nobody pays and nothing happens."""
    with calling(Asking) as mine:
        wanted = preview.Wanted(asked["days"], mine.shop.id, asked["kind"], asked["channel"], asked["limit"])
        return asdict(preview.preview(mine.session, wanted, mine.now))


@blueprint.get("/claims/<claim_id>/next")
@blueprint.response(200, NextSchema())
@blueprint.alt_response(404, description="`claim-unknown`")
def next_of_claim(claim_id: str) -> dict[str, Any]:
    """What is next for a claim, or until when and why nothing is sent."""
    with calling(Asking) as mine:
        return preview.next_of(mine.session, mine.claim(claim_id), mine.now)


@blueprint.post("/claims/<claim_id>/pause")
@blueprint.arguments(PauseSchema())
@blueprint.response(200, _RESUMED)
@blueprint.alt_response(404, description="`claim-unknown`")
@blueprint.alt_response(409, description="`claim-closed`, `idempotency-conflict`")
def pause(asked: dict[str, Any], claim_id: str) -> Response:
    """Send nothing about a claim until that day, or until it is resumed. Takes an `Idempotency-Key`."""
    with calling(Asking) as mine:

        def act() -> dict[str, Any]:
            mine_id = mine.claim(claim_id)
            dunning.pause(mine.session, mine.keys, mine_id, mine.actor, asked["until_on"], mine.now)
            return {"changed": True, "next": preview.next_of(mine.session, mine_id, mine.now)}

        return mine.once(f"claims/{claim_id}/pause", _RESUMED, 200, act)


@blueprint.post("/claims/<claim_id>/resume")
@blueprint.arguments(NothingSchema())
@blueprint.response(200, _RESUMED)
@blueprint.alt_response(404, description="`claim-unknown`")
@blueprint.alt_response(409, description="`idempotency-conflict`")
def resume(_: dict[str, Any], claim_id: str) -> Response:
    """End the pauses of a claim; the next step comes some days later. Takes an `Idempotency-Key`."""
    with calling(Asking) as mine:

        def act() -> dict[str, Any]:
            mine_id = mine.claim(claim_id)
            ended = dunning.resume(mine.session, mine.keys, mine_id, mine.actor, mine.now)
            return {"changed": ended > 0, "next": preview.next_of(mine.session, mine_id, mine.now)}

        return mine.once(f"claims/{claim_id}/resume", _RESUMED, 200, act)


@blueprint.post("/claims/<claim_id>/follow-live")
@blueprint.arguments(NothingSchema())
@blueprint.response(200, _RESUMED)
@blueprint.alt_response(404, description="`claim-unknown`")
@blueprint.alt_response(409, description="`idempotency-conflict`")
def follow_live(_: dict[str, Any], claim_id: str) -> Response:
    """Let a claim follow the live version instead of the one it began with. Takes an `Idempotency-Key`."""
    with calling(Asking) as mine:

        def act() -> dict[str, Any]:
            mine_id = mine.claim(claim_id)
            moved = dunning.move_to_live(mine.session, mine.keys, [mine_id], mine.actor, mine.now)
            return {"changed": moved > 0, "next": preview.next_of(mine.session, mine_id, mine.now)}

        return mine.once(f"claims/{claim_id}/follow-live", _RESUMED, 200, act)


@blueprint.get("/calls")
@blueprint.arguments(CallPageSchema(), location="query")
@blueprint.response(200, CallListSchema())
def list_of_calls(page: dict[str, Any]) -> dict[str, Any]:
    """List calls to be made, or how they ended."""
    with calling(Asking) as mine:
        found = calls.list_calls(mine.session, mine.keys, page["state"], page["limit"], shop_id=mine.shop.id)
        return {"calls": [call_view(one, to_public) for one in found]}


@blueprint.post("/calls")
@blueprint.arguments(CallAskSchema())
@blueprint.response(201, _CALL)
@blueprint.alt_response(404, description="`claim-unknown`")
@blueprint.alt_response(409, description="`idempotency-conflict`")
def ask_for_call(asked: dict[str, Any]) -> Response:
    """A debtor wishes to be called. Takes an `Idempotency-Key`."""
    with calling(Asking) as mine:

        def act() -> dict[str, Any]:
            claim = claims.get(mine.session, mine.claim(asked["claim"]))
            due_on = asked["due_on"] or days.today(claim.country, mine.now)
            cause = f"asked:{mine.shop.id.hex}:{asked['reference']}"
            wanted = calls.Wanted(mine.shop.id, claim.buyer_id, cause, due_on, None, claim.live, asked["wish"])
            calls.open_for(mine.session, [wanted], mine.keys)
            return call_view(calls.view(mine.session, mine.keys, calls.by_cause(mine.session, cause)), to_public)

        return mine.once("calls", _CALL, 201, act)


@blueprint.post("/calls/<call_id>/outcome")
@blueprint.arguments(OutcomeSchema())
@blueprint.response(200, _CALL)
@blueprint.alt_response(404, description="`call-task-unknown`")
@blueprint.alt_response(409, description="`call-done`, `claim-closed`, `idempotency-conflict`")
def outcome(ended: dict[str, Any], call_id: str) -> Response:
    """Write down how a call ended: what was promised is waited for, what was not reached is tried again.

    Takes an `Idempotency-Key`.
    """
    with calling(Asking) as mine:

        def act() -> dict[str, Any]:
            told = calls.Outcome(actor=mine.actor, **ended)
            task = calls.finish(mine.session, mine.keys, mine.call(call_id).id, told, mine.now)
            return call_view(calls.view(mine.session, mine.keys, task), to_public)

        return mine.once(f"calls/{call_id}/outcome", _CALL, 200, act)


@blueprint.get("/runs")
@blueprint.response(200, RunListSchema())
def list_of_runs() -> dict[str, Any]:
    """List the newest nights: how many claims were looked at, how many letters drafted."""
    with calling(Asking) as mine:
        own = select(DunningRun).where(DunningRun.merchant_id == merchant_of(mine.session))
        rows = mine.session.scalars(own.order_by(DunningRun.day.desc()).limit(NIGHTS))
        names = ("day", "state", "started_at", "finished_at", "seen", "drafted")
        return {"runs": [{name: getattr(row, name) for name in names} for row in rows]}
