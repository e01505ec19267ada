"""The payment terms of a shop as they are in force, and how they are changed."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from gateway.merchants import policies
from gateway.receivables.payment_terms import KIND, PaymentTerms, compile_terms


def terms_of(session: Session, shop_id: UUID) -> PaymentTerms:
    """The version in force; what a shop starts with while it has none."""
    live = policies.find_live(session, shop_id, KIND)
    return PaymentTerms() if live is None else compile_terms(live.body, live.version)


def set_terms(session: Session, shop_id: UUID, body: Mapping[str, Any], author: str, now: datetime) -> PaymentTerms:
    """From now on this document counts, for claims that are opened from now on; the same again is no new version.

    Raises Invalid.
    """
    wanted, live = compile_terms(body, 0), terms_of(session, shop_id)
    if live.version and replace(live, version=0) == wanted:
        return live
    version = policies.save(session, shop_id, KIND, dict(body), author, "", now)
    policies.activate(session, shop_id, KIND, version, now, author)
    return replace(wanted, version=version)
