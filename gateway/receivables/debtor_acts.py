"""What a debtor did on his page, once per form, and whether a link of his still opens it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from gateway.core.crypto import Keyring
from gateway.core.db import merchant_of
from gateway.core.ids import new_id
from gateway.merchants import secrets
from gateway.receivables import debtor_links
from gateway.receivables.agreement_models import DebtorAct

REVOKED, SEEN = "links_revoked", "seen"


def first_time(session: Session, buyer_id: UUID, act_id: UUID, kind: str, now: datetime) -> bool:
    """Whether this form comes for the first time; then it is noted, in the transaction that carries it out."""
    row = {"merchant_id": merchant_of(session), "id": act_id, "buyer_id": buyer_id, "kind": kind}
    made = insert(DebtorAct).values(**row, actor=actor_of(buyer_id), at=now).on_conflict_do_nothing()
    return session.scalar(made.returning(DebtorAct.id)) is not None


def look(session: Session, buyer_id: UUID, hold_id: UUID, actor: str, now: datetime) -> None:
    """Somebody at the desk has seen what this debtor told; once is enough."""
    row = {"merchant_id": merchant_of(session), "id": hold_id, "buyer_id": buyer_id, "kind": SEEN}
    session.execute(insert(DebtorAct).values(**row, actor=actor, at=now).on_conflict_do_nothing())


def actor_of(buyer_id: UUID) -> str:
    return f"buyer:{buyer_id}"


def revoke_links(session: Session, buyer_id: UUID, actor: str, now: datetime) -> None:
    """From now on no link made before opens the debtor's page; the next letter has a new one."""
    row = {"merchant_id": merchant_of(session), "id": new_id(), "buyer_id": buyer_id, "kind": REVOKED}
    session.add(DebtorAct(**row, actor=actor, at=now))
    session.flush()


def revoked_at(session: Session, buyer_id: UUID) -> datetime | None:
    """When links were revoked last; None while they never were."""
    mine = DebtorAct.merchant_id == merchant_of(session), DebtorAct.buyer_id == buyer_id, DebtorAct.kind == REVOKED
    return session.scalar(select(func.max(DebtorAct.at)).where(*mine))


def link_of(session: Session, keyring: Keyring, public_url: str, buyer_id: UUID, made_at: datetime) -> str:
    """The link for a letter of this merchant to this debtor."""
    index_key = secrets.get_key(session, keyring, "index")
    return debtor_links.link(public_url, index_key, merchant_of(session), buyer_id, made_at)
