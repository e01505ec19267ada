"""What every page of the desk works with: who is signed in, a transaction of his merchant, the audit log, form faults."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from flask import flash, request, session
from flask_login import UserMixin, current_user, login_user
from sqlalchemy.orm import Session

from gateway.core import clock
from gateway.core.errors import Forbidden, Invalid, NotFound
from gateway.core.http import services
from gateway.core.ids import from_public
from gateway.core.pages import say, this_page, use_language
from gateway.merchants import audit, merchants, users
from gateway.merchants.models import Role
from gateway.merchants.users import DeskUser

IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=12)
_SEEN_EVERY = timedelta(seconds=60)


class RoleMissing(Forbidden):
    """Your role does not include this; ask an owner of your merchant."""


class PageUnknown(NotFound):
    """There is no such page at the desk."""


@dataclass(frozen=True, slots=True)
class SignedIn(UserMixin):  # type: ignore[misc] # Flask-Login ships no types
    """A user of the desk in his session."""

    user: DeskUser
    merchant: str

    def get_id(self) -> str:
        return f"{self.user.merchant_id} {self.user.id} {self.user.epoch}"

    def may(self, role: Role) -> bool:
        return self.user.role.includes(role)


def load(session_id: str) -> SignedIn | None:
    """Who stands behind a session, or None when it has ended: by the user's epoch, idleness or age."""
    merchant_id, user_id, epoch = session_id.split(" ")
    if not _fresh(clock.now()):
        return None
    with services().db.transaction(UUID(merchant_id)) as opened:
        user = users.find_logged_in(opened, services().keyring, UUID(user_id), int(epoch))
        return None if user is None else SignedIn(user, merchants.get(opened).name)


def _fresh(now: datetime) -> bool:
    """Whether the session is in use; notes that it is, at most once a minute."""
    seen, since = session.get("seen", 0), session.get("since", 0)
    if now.timestamp() - seen > IDLE.total_seconds() or now.timestamp() - since > LONGEST.total_seconds():
        return False
    if now.timestamp() - seen > _SEEN_EVERY.total_seconds():
        session["seen"] = int(now.timestamp())
    return True


def begin_session(user: DeskUser, merchant: str) -> None:
    """Sign this user in under a session that begins now; nothing of the one before is carried on."""
    session.clear()
    session["seen"] = session["since"] = int(clock.now().timestamp())
    use_language(user.language)
    login_user(SignedIn(user, merchant))


def who() -> SignedIn:
    """Who is signed in, as the guard let him in."""
    signed_in: SignedIn = current_user._get_current_object()  # noqa: SLF001 - Flask-Login's way past its proxy
    return signed_in


@contextmanager
def transaction() -> Iterator[Session]:
    """A transaction of the merchant of whoever is signed in."""
    with services().db.transaction(who().user.merchant_id) as opened:
        yield opened


def note(opened: Session, action: str, subject_kind: str, subject_id: UUID, **facts: Any) -> None:
    """Write an act of whoever is signed in into the audit log. Facts hold no personal data."""
    act = audit.Act(who().user.actor, action, subject_kind, subject_id, facts)
    audit.record(opened, services().keyring, act, clock.now())


def done(text: str) -> None:
    """Tell on the next page that something was done."""
    flash(text, "good")


def id_of(prefix: str, public: str) -> UUID:
    """The id behind a public one in an address. Raises PageUnknown."""
    found = from_public(prefix, public)
    if found is None:
        raise PageUnknown
    return found


def cursor(prefix: str) -> UUID | None:
    """Where the page before ended, if this is not the first one."""
    text = request.args.get("before", "")
    return id_of(prefix, text) if text else None


def next_url(before: str | None) -> str | None:
    """This page, further back; the filters stay."""
    return None if before is None else this_page(before=before)


def put_faults(form: Any, fault: Invalid, rename: dict[str, str] | None = None) -> None:
    """Show what a command found wrong beside the field it is about; the rest stands above the form."""
    for one in fault.facts.get("errors", []):
        name = str(one["path"]).lstrip("/").partition("/")[0]
        field, message = getattr(form, (rename or {}).get(name, name), None), str(one["message"])
        if field is not None and hasattr(field, "errors"):
            field.errors = [*field.errors, say(message)]
        else:
            form.form_errors.append(f"{one['path']}: {say(message)}")
