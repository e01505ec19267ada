"""The limits of agreements of a shop as they are in force, and how they are changed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from gateway.merchants import policies
from gateway.receivables.agreement_limits import KIND, AgreementLimits, compile_agreements


def limits_of(session: Session, shop_id: UUID) -> AgreementLimits:
    """The version in force; what a shop starts with while it has none."""
    live = policies.find_live(session, shop_id, KIND)
    return AgreementLimits() if live is None else compile_agreements(live.body, live.version)


def set_limits(session: Session, shop_id: UUID, body: Mapping[str, Any], author: str, now: datetime) -> AgreementLimits:
    """From now on this document counts, for what is agreed from now on. Raises Invalid."""
    compile_agreements(body, 0)
    version = policies.save(session, shop_id, KIND, dict(body), author, "", now)
    policies.activate(session, shop_id, KIND, version, now, author)
    return compile_agreements(body, version)
