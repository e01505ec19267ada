"""People at the desk: invited by a link, given a role, and never without an owner.

Every user belongs to one merchant. A person who works for two has two users under one e-mail address, each with a
password of its own: whoever invites could otherwise set the password of somebody else's desk.
"""

import hashlib
import hmac
import secrets as random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from gateway.core.crypto import Keyring, blind_index, seal, unseal
from gateway.core.db import Database, merchant_of
from gateway.core.errors import GatewayError, Invalid, NotFound, Refused
from gateway.core.ids import from_public, new_id, to_public
from gateway.merchants import passwords, secrets
from gateway.merchants.audit import SYSTEM, Act, record
from gateway.merchants.models import Login, Role, User

INVITE_FOR = timedelta(hours=72)
NAME_LENGTH = 200
INVITE_PATH = "/admin/invite"
"""Where the page stands that takes a token and asks for a password."""


class UserUnknown(NotFound):
    """There is no such user."""


class EmailTaken(Refused):
    """A user with this e-mail address works here already."""


class LastOwner(Refused):
    """A merchant keeps at least one owner who can log in."""


class InviteExpired(GatewayError):
    """This link was used, has expired or was never valid; ask for a new one."""

    status = 410


@dataclass(frozen=True, slots=True)
class NewUser:
    """Whom to invite."""

    email: str
    name: str
    role: Role
    language: str = "de"


@dataclass(frozen=True, slots=True)
class Invitation:
    """The token of the link that lets a user set his password; it is shown this once."""

    user_id: UUID
    token: str
    until: datetime


@dataclass(frozen=True, slots=True)
class DeskUser:
    """A user in the clear. `epoch` is raised to end his sessions."""

    id: UUID
    merchant_id: UUID
    email: str
    name: str
    role: Role
    language: str
    epoch: int
    has_password: bool
    locked_until: datetime | None
    created_at: datetime
    last_login_at: datetime | None
    disabled_at: datetime | None

    @property
    def actor(self) -> str:
        return f"user:{self.id}"


def invite(session: Session, keyring: Keyring, new: NewUser, now: datetime, actor: str = SYSTEM) -> Invitation:
    """A user who can set his password with the token within 72 hours. Raises Invalid and EmailTaken."""
    email = checked_email(new.email)
    if not 0 < len(new.name.strip()) <= NAME_LENGTH:
        raise Invalid.at("/name", f"has 1 to {NAME_LENGTH} letters")
    user_id, key = new_id(), secrets.get_key(session, keyring, "data")
    _claim_email(session, keyring, email, user_id)
    session.add(
        User(
            merchant_id=merchant_of(session),
            id=user_id,
            email_sealed=seal(key, email.encode(), f"desk_user.email:{user_id}"),
            name_sealed=seal(key, new.name.strip().encode(), f"desk_user.name:{user_id}"),
            role=new.role.value,
            language=new.language,
            created_at=now,
        ),
    )
    session.flush()
    record(session, keyring, Act(actor, "user.invited", "user", user_id, {"role": new.role.value}), now)
    return _new_token(session, user_id, now)


def invite_again(session: Session, keyring: Keyring, user_id: UUID, now: datetime, actor: str = SYSTEM) -> Invitation:
    """A new link for a user who lost the first or forgot his password; the old one ends. Raises UserUnknown."""
    _active(session, user_id)
    record(session, keyring, Act(actor, "user.invited-again", "user", user_id), now)
    return _new_token(session, user_id, now)


def find_invited(db: Database, keyring: Keyring, token: str, now: datetime) -> DeskUser:
    """Whom a link is for, for the page that asks for the password. Raises InviteExpired."""
    merchant_id, user_id, secret = _parse(token)
    with db.transaction(merchant_id) as session:
        row = _invited(session, user_id, secret, now)
        return _clear(row, secrets.get_key(session, keyring, "data"))


def accept(db: Database, keyring: Keyring, token: str, password: str, now: datetime) -> UUID:
    """Set the password with a link, which is used up by it. Raises InviteExpired, and Invalid for a weak password."""
    merchant_id, user_id, secret = _parse(token)
    with db.transaction(merchant_id) as session:
        _invited(session, user_id, secret, now)
        set_password(session, keyring, user_id, password, now, actor=f"user:{user_id}")
    return user_id


def set_password(
    session: Session, keyring: Keyring, user_id: UUID, password: str, now: datetime, *, actor: str = SYSTEM
) -> None:
    """Replace the password; ends a lock-out, every open session and every open link. Raises UserUnknown, Invalid."""
    row = _active(session, user_id)
    user = _clear(row, secrets.get_key(session, keyring, "data"))
    passwords.check(password, user.email, user.name)
    row.password_hash = passwords.hash_password(password)
    row.failed_logins, row.locked_until = 0, None
    row.invite_digest, row.invite_until = None, None
    row.session_epoch += 1
    record(session, keyring, Act(actor, "user.password-set", "user", user_id), now)


def set_role(
    session: Session, keyring: Keyring, user_id: UUID, role: Role, now: datetime, *, actor: str = SYSTEM
) -> None:
    """Give another role; open sessions end. Raises UserUnknown, LastOwner."""
    _keep_an_owner(session, user_id, still_owner=role is Role.OWNER)
    row = _active(session, user_id)
    before, row.role = row.role, role.value
    row.session_epoch += 1
    record(session, keyring, Act(actor, "user.role-set", "user", user_id, {"from": before, "to": role.value}), now)


def disable(session: Session, keyring: Keyring, user_id: UUID, now: datetime, actor: str = SYSTEM) -> None:
    """The user cannot log in any more and his sessions end; his e-mail address is free. Raises UserUnknown, LastOwner."""
    _keep_an_owner(session, user_id, still_owner=False)
    row = _active(session, user_id)
    row.disabled_at, row.invite_digest, row.password_hash = now, None, None
    row.session_epoch += 1
    session.execute(delete(Login).where(Login.merchant_id == row.merchant_id, Login.user_id == user_id))
    record(session, keyring, Act(actor, "user.disabled", "user", user_id), now)


def end_sessions(session: Session, keyring: Keyring, user_id: UUID, now: datetime, actor: str = SYSTEM) -> None:
    """Whoever is logged in as this user has to log in again. Raises UserUnknown."""
    _active(session, user_id).session_epoch += 1
    record(session, keyring, Act(actor, "user.sessions-ended", "user", user_id), now)


def get(session: Session, keyring: Keyring, user_id: UUID) -> DeskUser:
    """A user, disabled or not. Raises UserUnknown."""
    row = session.get(User, (merchant_of(session), user_id))
    if row is None:
        raise UserUnknown
    return _clear(row, secrets.get_key(session, keyring, "data"))


def find_logged_in(session: Session, keyring: Keyring, user_id: UUID, epoch: int) -> DeskUser | None:
    """The user of a session begun under this epoch, or None when the session has ended."""
    row = session.get(User, (merchant_of(session), user_id))
    if row is None or row.disabled_at is not None or row.session_epoch != epoch:
        return None
    return _clear(row, secrets.get_key(session, keyring, "data"))


def list_users(session: Session, keyring: Keyring, *, with_disabled: bool = False) -> list[DeskUser]:
    """The merchant's users, the oldest first."""
    chosen = select(User).where(User.merchant_id == merchant_of(session)).order_by(User.id)
    if not with_disabled:
        chosen = chosen.where(User.disabled_at.is_(None))
    key = secrets.get_key(session, keyring, "data")
    return [_clear(row, key) for row in session.scalars(chosen)]


def checked_email(text: str) -> str:
    """The e-mail address in its normal form. Raises Invalid."""
    try:
        valid = validate_email(text.strip(), check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError:
        raise Invalid.at("/email", "is not an e-mail address") from None
    return valid.normalized.casefold()


def login_digest(session: Session, keyring: Keyring, email: str) -> bytes:
    """What a normal e-mail address is looked up by at the login."""
    return blind_index(secrets.installation_key(session, keyring, "login"), "login", email)


def _claim_email(session: Session, keyring: Keyring, email: str, user_id: UUID) -> None:
    digest = login_digest(session, keyring, email)
    claim = insert(Login).values(email_digest=digest, merchant_id=merchant_of(session), user_id=user_id)
    if session.execute(claim.on_conflict_do_nothing().returning(Login.user_id)).first() is None:
        raise EmailTaken


def _new_token(session: Session, user_id: UUID, now: datetime) -> Invitation:
    secret, row = random.token_urlsafe(32), _active(session, user_id)
    row.invite_digest, row.invite_until = _digest(secret), now + INVITE_FOR
    session.flush()
    token = f"{to_public('mer', row.merchant_id)}.{to_public('usr', user_id)}.{secret}"
    return Invitation(user_id, token, now + INVITE_FOR)


def _parse(token: str) -> tuple[UUID, UUID, str]:
    """The tenant and the user a link names; neither is a secret, and the third part proves both."""
    merchant, _, rest = token.partition(".")
    user, _, secret = rest.partition(".")
    merchant_id, user_id = from_public("mer", merchant), from_public("usr", user)
    if merchant_id is None or user_id is None or not secret.isascii():
        raise InviteExpired
    return merchant_id, user_id, secret


def _invited(session: Session, user_id: UUID, secret: str, now: datetime) -> User:
    row = session.get(User, (merchant_of(session), user_id), with_for_update=True, populate_existing=True)
    expected = row.invite_digest if row and row.invite_digest else b""
    matches = hmac.compare_digest(expected, _digest(secret))
    if row is None or not matches or row.disabled_at or row.invite_until is None or row.invite_until <= now:
        raise InviteExpired
    return row


def _digest(secret: str) -> bytes:
    """256 random bits need neither salt nor slowness."""
    return hashlib.sha256(secret.encode()).digest()


def _keep_an_owner(session: Session, user_id: UUID, *, still_owner: bool) -> None:
    """Two owners who demote each other at once wait here for one another, and the second is refused."""
    owners = session.scalars(
        select(User.id)
        .where(
            User.merchant_id == merchant_of(session),
            User.role == Role.OWNER.value,
            User.disabled_at.is_(None),
            User.password_hash.is_not(None),
        )
        .order_by(User.id)
        .with_for_update(),
    ).all()
    if not still_owner and list(owners) == [user_id]:
        raise LastOwner


def _active(session: Session, user_id: UUID) -> User:
    row = session.get(User, (merchant_of(session), user_id), with_for_update=True, populate_existing=True)
    if row is None or row.disabled_at is not None:
        raise UserUnknown
    return row


def _clear(row: User, key: bytes) -> DeskUser:
    opened: dict[str, Any] = {
        "email": unseal(key, row.email_sealed, f"desk_user.email:{row.id}").decode(),
        "name": unseal(key, row.name_sealed, f"desk_user.name:{row.id}").decode(),
    }
    copied = ("id", "merchant_id", "language", "locked_until", "created_at", "last_login_at", "disabled_at")
    return DeskUser(
        **opened,
        **{name: getattr(row, name) for name in copied},
        role=Role(row.role),
        epoch=row.session_epoch,
        has_password=row.password_hash is not None,
    )
