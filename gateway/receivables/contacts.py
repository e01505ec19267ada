"""The debtor's address where it is newer than the order's: sealed with the buyer's key, bound to the claim (pure)."""

import json
from typing import Any
from uuid import UUID

from gateway.core.crypto import unseal


def contact_of(claim: Any, key: bytes | None) -> dict[str, Any]:
    """The newer address, if one was told."""
    if claim.contact_sealed is None or key is None:
        return {}
    found: dict[str, Any] = json.loads(unseal(key, claim.contact_sealed, contact_context(claim.id)))
    return found


def contact_context(claim_id: UUID) -> str:
    """The place a claim's contact is sealed for."""
    return f"claim.contact:{claim_id}"
