"""Logging in: the same time and the same answer for an unknown address, a wrong password and a locked account.

An attempt is counted before the password is looked at, so that guesses made at the same moment all count.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.core.crypto import Keyring
from gateway.core.db import Database, merchant_of
from gateway.core.errors import Invalid, Unauthenticated
from gateway.merchants import passwords, users
from gateway.merchants.audit import Act, record
from gateway.merchants.models import Login, Role, User
from gateway.merchants.users import DeskUser

MOST_FAILURES = 30
"""In a row, from everywhere together; the edge allows far fewer from one place."""
LOCK = timedelta(minutes=15)
"""Never longer: whoever knows an e-mail address could keep its owner out."""
MEMBERSHIPS = 5
"""Merchants that one e-mail address can log in to; each costs the hash of a password."""


class LoginFailed(Unauthenticated):
    """The e-mail address or the password is wrong, or too many attempts have locked the account for a while."""


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """A user who may come in. `epoch` belongs into his session: see `users.find_logged_in`."""

    merchant_id: UUID
    user_id: UUID
    role: Role
    epoch: int
    user: DeskUser = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Attempt:
    """A counted attempt, and what the counters were before it."""

    merchant_id: UUID
    user_id: UUID
    password_hash: str | None = field(repr=False)
    failures_before: int
    locked_until: datetime | None


def authenticate(db: Database, keyring: Keyring, email: str, password: str, now: datetime) -> tuple[LoggedIn, ...]:
    """Every desk that this e-mail address and password open: one for most people, never none.

    Raises LoginFailed (401), which does not tell what was wrong.
    """
    attempts = [attempt for found in _candidates(db, keyring, email) if (attempt := _count(db, *found, now))]
    if not attempts:
        passwords.verify(None, password)
        raise LoginFailed
    right = [attempt for attempt in attempts if passwords.verify(attempt.password_hash, password)]
    if not right:
        for attempt in attempts:
            _note_lock(db, keyring, attempt, now)
        raise LoginFailed
    for other in attempts:
        if other not in right:  # the password of another desk is no guess at this one
            _uncount(db, other)
    return tuple(_enter(db, keyring, attempt, password, now) for attempt in right)


def _candidates(db: Database, keyring: Keyring, email: str) -> list[tuple[UUID, UUID]]:
    try:
        normal = users.checked_email(email)
    except Invalid:
        return []
    with db.transaction(None) as session:
        digest = users.login_digest(session, keyring, normal)
        found = select(Login.merchant_id, Login.user_id).where(Login.email_digest == digest)
        rows = session.execute(found.order_by(Login.merchant_id).limit(MEMBERSHIPS)).all()
    return [(row.merchant_id, row.user_id) for row in rows]


def _count(db: Database, merchant_id: UUID, user_id: UUID, now: datetime) -> _Attempt | None:
    """Count an attempt; None when none is allowed now. The lock it may bring is lifted by success."""
    with db.transaction(merchant_id) as session:
        row = _row(session, user_id)
        if row is None or row.disabled_at is not None or (row.locked_until is not None and row.locked_until > now):
            return None
        before = row.failed_logins
        full = before + 1 >= MOST_FAILURES
        row.failed_logins = 0 if full else before + 1  # after a lock counting begins anew
        row.locked_until = now + LOCK if full else None
        return _Attempt(merchant_id, user_id, row.password_hash, before, row.locked_until)


def _note_lock(db: Database, keyring: Keyring, attempt: _Attempt, now: datetime) -> None:
    if attempt.locked_until is not None:
        facts = {"failures": attempt.failures_before + 1, "until": attempt.locked_until.isoformat()}
        act = Act(f"user:{attempt.user_id}", "user.locked", "user", attempt.user_id, facts)
        with db.transaction(attempt.merchant_id) as session:
            record(session, keyring, act, now)


def _uncount(db: Database, attempt: _Attempt) -> None:
    with db.transaction(attempt.merchant_id) as session:
        if (row := _row(session, attempt.user_id)) is not None:
            row.failed_logins, row.locked_until = attempt.failures_before, None


def _enter(db: Database, keyring: Keyring, attempt: _Attempt, password: str, now: datetime) -> LoggedIn:
    with db.transaction(attempt.merchant_id) as session:
        row = _row(session, attempt.user_id)
        if row is None or row.password_hash != attempt.password_hash:  # changed while we were hashing
            raise LoginFailed
        row.failed_logins, row.locked_until, row.last_login_at = 0, None, now
        if passwords.is_outdated(row.password_hash or ""):
            row.password_hash = passwords.hash_password(password)
        record(session, keyring, Act(f"user:{row.id}", "user.logged-in", "user", row.id), now)
        user = users.get(session, keyring, row.id)
        return LoggedIn(user.merchant_id, user.id, user.role, user.epoch, user)


def _row(session: Session, user_id: UUID) -> User | None:
    return session.get(User, (merchant_of(session), user_id), with_for_update=True, populate_existing=True)
