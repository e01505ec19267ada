"""Requests of buyers that are late or nearly so: a notice on the desk, once for each until somebody has seen it."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from gateway.core.channels import post_notice
from gateway.core.ids import to_public
from gateway.privacy import rights
from gateway.privacy.rights import Wanted

SOON = timedelta(days=3)
MOST = 100


def remind(session: Session, now: datetime) -> int:
    """Notices about what is due within three days or late, at most 100 a day; how many."""
    rows = rights.list_requests(session, Wanted(due_before=now + SOON), MOST)
    for row in rows:
        code = "rights-overdue" if row.due_at <= now else "rights-due"
        facts = {"kind": row.kind, "due": row.due_at.date().isoformat()}
        post_notice(session, code, to_public("rig", row.id), facts, now)
    return len(rows)
