"""What claims say when a buyer is to be erased: he is kept, with the date, while one of them lives; the books stay."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from gateway.core.db import merchant_of
from gateway.law.periods import years_after
from gateway.receivables import days
from gateway.receivables.models import Claim, ClaimPayment
from gateway.shops.erasure import Objection
from gateway.shops.events import BuyerForgotten

LIMITATION_YEARS = 3
"""§§ 195, 199 (1) BGB: to the end of the third year after it was due."""
SWISS_YEARS = 10
"""Art. 127 OR; where five would do (Art. 128) the longer period keeps him."""


def claims_object(session: Session, buyer_id: UUID, now: datetime) -> Objection | None:
    """A claim that is not settled, or money of his that was not paid back, until it is barred by time."""
    mine = Claim.merchant_id == merchant_of(session), Claim.buyer_id == buyer_id
    lives = or_(Claim.state != "SETTLED", Claim.credit_minor > 0)
    rows = session.execute(select(Claim.country, Claim.due_date, Claim.state).where(*mine, lives)).all()
    ends = [(barred_after(row.country, row.due_date), row.country, row.state) for row in rows]
    living = [(end, state) for end, country, state in ends if days.today(country, now) <= end]
    if not living:
        return None
    until, state = max(living)
    reason = "a claim against him is not settled" if state != "SETTLED" else "money of his was not paid back"
    return Objection(reason, until)


def barred_after(country: str, due: date) -> date:
    """The last day on which it can be enforced, taken long: a title or a part payment is not known here."""
    if country == "CH":
        return years_after(due, SWISS_YEARS)
    return date(due.year + LIMITATION_YEARS, 12, 31)


def forget(session: Session, event: BuyerForgotten) -> None:
    """The buyer is erased: what was sealed for his claims goes, amounts and dates stay."""
    mine = Claim.merchant_id == merchant_of(session), Claim.buyer_id == event.buyer_id
    session.execute(update(Claim).where(*mine).values(contact_sealed=None))
    theirs = ClaimPayment.claim_id.in_(select(Claim.id).where(*mine))
    here = ClaimPayment.merchant_id == merchant_of(session)
    session.execute(update(ClaimPayment).where(here, theirs).values(purpose_sealed=None))
