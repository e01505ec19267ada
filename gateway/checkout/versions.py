"""What is done with a shop's policy versions: checked, kept, put on trial, made live, rolled back; one way for all doors.

API, desk and commands come here; none of them keeps a document that was not checked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from gateway.checkout import backtests, documents, lint, stages
from gateway.core.clock import local_date
from gateway.core.errors import Invalid, Refused
from gateway.core.ids import to_public
from gateway.core.limits import Limit
from gateway.merchants import policies
from gateway.merchants.policies import PolicyDocument, Trial
from gateway.shops.shops import ShopFacts

LIVE, DRAFT = "live", "draft"
STAGES = (DRAFT, stages.SHADOW, stages.SHARE, LIVE)


CHECKS = Limit("policy-check", most=20, window_s=60)
"""Checks of documents per shop: the longest document there may be takes most of a second of a process's time."""


class NothingOnTrial(Refused):
    """This version is not on trial; a live one ends by making another live, or by rolling back."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A document that may be kept, with what is worth knowing before."""

    warnings: list[dict[str, str]]
    dry_run: dict[str, int]
    """On the newest decisions: `judged`, `changed`, `errors`."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a version stands: its stage, and the share of buyers it decides for."""

    stage: str
    percent: int | None = None


def check(session: Session, shop: ShopFacts, kind: str, body: Any, now: datetime) -> Checked:
    """Every check there is, and a trial on the newest decisions. Raises Invalid with path and suggestion per fault."""
    warnings = lint.check(kind, body, local_date(now, shop.timezone))
    return Checked(warnings, backtests.dry_run(session, shop.id, kind, body, now))


def save(  # noqa: PLR0913, PLR0917 - whose, what, by whom and why
    session: Session, shop: ShopFacts, kind: str, body: Any, author: str, note: str, now: datetime
) -> tuple[PolicyDocument, Checked]:
    """Check, then keep as the next version: a draft. Raises Invalid."""
    checked = check(session, shop, kind, body, now)
    version = policies.save(session, shop.id, kind, body, author, note, now)
    return policies.get(session, shop.id, kind, version), checked


def move(session: Session, document: PolicyDocument, to: Standing, now: datetime, author: str) -> None:
    """Put a version into a stage. Raises Invalid for a share without percent, AlreadyLive, NothingOnTrial, NothingToJudge."""
    shop_id, kind, version = document.shop_id, document.kind, document.version
    if (to.stage == stages.SHARE) != (to.percent is not None):
        raise Invalid.at("/percent", "goes with the stage share, and only with it")
    if to.stage == LIVE:
        policies.activate(session, shop_id, kind, version, now, author)
    elif to.stage == DRAFT:
        if not policies.withdraw(session, shop_id, kind, version, now, author):
            raise NothingOnTrial
    elif kind not in stages.KINDS:
        raise backtests.NothingToJudge(kind=kind)
    else:
        policies.try_out(session, shop_id, Trial(kind, to.stage, version, to.percent or 0, now), author)


def standings(session: Session, shop_id: UUID) -> dict[tuple[str, int], Standing]:
    """Stage by kind and version, of every version that is no draft."""
    found = {
        (trial.kind, trial.version): Standing(trial.stage, trial.percent if trial.stage == stages.SHARE else None)
        for trial in policies.trials(session, shop_id)
    }
    return found | {key: Standing(LIVE) for key in policies.live_versions(session, shop_id).items()}


def view(document: PolicyDocument, standing: Mapping[tuple[str, int], Standing]) -> dict[str, Any]:
    """A version as it is told, with its document."""
    stands = standing.get((document.kind, document.version), Standing(DRAFT))
    return {
        "id": to_public("pol", document.id),
        "kind": document.kind,
        "version": document.version,
        "stage": stands.stage,
        "percent": stands.percent,
        "note": document.note,
        "author": document.author,
        "created_at": document.created_at,
        "document": document.body,
    }


def acting(session: Session, shop_id: UUID) -> list[dict[str, Any]]:
    """Per kind which versions decide, how many of the buyers, and which judges in the shadow; 0 is the shipped default."""
    live = policies.live_versions(session, shop_id)
    tried = {(trial.kind, trial.stage): trial for trial in policies.trials(session, shop_id)}
    found = []
    for kind in documents.COMPILERS:
        share, shadow = tried.get((kind, stages.SHARE)), tried.get((kind, stages.SHADOW))
        found.append(
            {
                "kind": kind,
                "live": live.get(kind, 0),
                "share": {"version": share.version, "percent": share.percent} if share else None,
                "shadow": shadow.version if shadow else None,
            },
        )
    return found


def list_of(session: Session, shop_id: UUID, page: "Page") -> Sequence[PolicyDocument]:
    """Versions of one kind, the newest first; one more than asked for tells that there are more."""
    return policies.history(session, shop_id, page.kind, page.limit + 1, below=page.below)


@dataclass(frozen=True, slots=True)
class Page:
    """Which versions: of a kind, below a number, so many."""

    kind: str
    limit: int
    below: int | None = None


def backtest_view(row: Any) -> dict[str, Any]:
    """A backtest as it is told: its state, how far it is, and what was found so far."""
    return {
        "id": to_public("bkt", row.id),
        "version": row.version,
        "kind": row.kind,
        "state": row.state,
        "from": row.from_at,
        "until": row.until_at,
        "limit": row.most,
        "done": backtests.done(row),
        "error": row.error,
        "created_at": row.created_at,
        "finished_at": row.finished_at,
        "result": row.result,
    }
