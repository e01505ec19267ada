"""Whether the books are whole: each claim's amounts are the sums of its ledger, which the database keeps balanced."""

from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.core.db import merchant_of
from gateway.receivables import ledger
from gateway.receivables.lifecycle import ClaimState
from gateway.receivables.models import Claim

_SIGNS = {"principal": 1, "costs": 1, "interest": 1, "debtor_credit": -1}
_COLUMNS = {
    "principal": "principal_minor",
    "costs": "costs_minor",
    "interest": "interest_minor",
    "debtor_credit": "credit_minor",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """A claim whose amounts are not its ledger's."""

    claim_id: UUID
    what: str


@dataclass(frozen=True, slots=True)
class Checked:
    """One page; `last` is where to go on, None when there is no more."""

    checked: int
    faults: list[Fault] = field(default_factory=list)
    last: UUID | None = None


def check(session: Session, after: UUID, limit: int) -> Checked:
    """Compare up to `limit` claims after this id with their ledgers."""
    mine = Claim.merchant_id == merchant_of(session), Claim.id > after
    rows = list(session.scalars(select(Claim).where(*mine).order_by(Claim.id).limit(limit)))
    sums = ledger.sums(session, [row.id for row in rows])
    faults = [Fault(row.id, what) for row in rows for what in _faults(row, sums[row.id])]
    return Checked(len(rows), faults, rows[-1].id if len(rows) == limit else None)


def _faults(row: Claim, sums: dict[str, int]) -> list[str]:
    found = [
        f"{account} is {getattr(row, column)}, its ledger says {_SIGNS[account] * sums.get(account, 0)}"
        for account, column in _COLUMNS.items()
        if getattr(row, column) != _SIGNS[account] * sums.get(account, 0)
    ]
    owed = row.principal_minor + row.costs_minor + row.interest_minor
    if row.state == ClaimState.SETTLED and owed:
        found.append(f"is settled and owes {owed}")
    return found
