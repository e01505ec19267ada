"""What people did at the desk: a log in order of time, and each entry chained to the subject's history."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from gateway.core import history
from gateway.core.crypto import Keyring
from gateway.core.db import merchant_of
from gateway.core.ids import new_id
from gateway.merchants import secrets
from gateway.merchants.models import UserEvent

SYSTEM = "operator"
"""The actor of commands typed at the machine."""


@dataclass(frozen=True, slots=True)
class Act:
    """Who did what to what. Facts hold ids, codes and counts, no personal data."""

    actor: str
    """`user:<id>`, `key:<id>` or `operator`."""
    action: str
    subject_kind: str
    subject_id: UUID
    facts: Mapping[str, Any] = field(default_factory=dict)


def record(session: Session, keyring: Keyring, act: Act, now: datetime) -> None:
    """Remember an act for good, in the transaction that carries it out."""
    log(session, act, now)
    entry = history.Entry(act.subject_kind, act.subject_id, act.action, act.actor, now, act.facts)
    history.append(session, entry, secrets.get_key(session, keyring, "data"))


def log(session: Session, act: Act, now: datetime) -> None:
    """The log alone: for subjects whose own history, under their buyer's key, tells the act already."""
    session.add(
        UserEvent(
            merchant_id=merchant_of(session),
            id=new_id(),
            at=now,
            actor=act.actor,
            action=act.action,
            subject=f"{act.subject_kind}:{act.subject_id}",
            facts=dict(act.facts),
        ),
    )
