"""What answering costs a merchant: minutes of work, their rate, and what each provider takes."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from gateway.chargebacks.models import ChargebackTerms
from gateway.core.db import merchant_of
from gateway.core.errors import Invalid

MAX_FEE = 100_000
"""Minor units a provider takes for one answer."""


@dataclass(frozen=True, slots=True)
class Terms:
    """In minor units of the merchant's currency; a provider without a fee of its own takes none for an answer."""

    minutes: int = 30
    rate_minor: int = 4_000
    fees: Mapping[str, int] = field(default_factory=dict)

    def fee_of(self, provider: str) -> int:
        return self.fees.get(provider, 0)


def terms_of(session: Session) -> Terms:
    """As the merchant set them, else what one starts with."""
    id_ = merchant_of(session)
    row = session.get(ChargebackTerms, (id_, id_))
    return Terms(**row.body) if row else Terms()


def set_terms(session: Session, told: Terms, actor: str, now: datetime) -> None:
    """Raises Invalid."""
    for name, most in (("minutes", 600), ("rate_minor", 100_000)):
        if not 0 <= getattr(told, name) <= most:
            raise Invalid.at(f"/{name}", f"is from 0 to {most}")
    for provider, minor in told.fees.items():
        if not 0 <= minor <= MAX_FEE:
            raise Invalid.at(f"/fees/{provider}", f"is from 0 to {MAX_FEE}")
    id_, body = merchant_of(session), _body(told)
    row = session.get(ChargebackTerms, (id_, id_)) or ChargebackTerms(merchant_id=id_, id=id_)
    row.body, row.actor, row.updated_at = body, actor, now
    session.add(row)
    session.flush()


def _body(told: Terms) -> dict[str, Any]:
    return asdict(told)
