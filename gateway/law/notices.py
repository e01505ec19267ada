"""The desk is told, once for each, which tables of the law end soon."""

from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.core.channels import Notice, post_notice
from gateway.core.db import merchant_of
from gateway.law.tables import Tables, ending

CODE = "law-table-ends"


def tell(session: Session, tables: Tables, today: date, now: datetime) -> int:
    """A notice for each end within 60 days about which none was posted yet, read or not; how many."""
    subjects = {f"{one.table}/{one.key}/{one.last_day}": one for one in ending(tables, today)}
    mine = Notice.merchant_id == merchant_of(session), Notice.code == CODE, Notice.subject.in_(subjects)
    told = set(session.scalars(select(Notice.subject).where(*mine)))
    for subject, one in subjects.items():
        if subject not in told:
            facts = {"table": one.table, "key": one.key, "last_day": one.last_day.isoformat()}
            post_notice(session, CODE, subject, facts, now)
    return len(subjects.keys() - told)
