"""The bureaus a merchant has connected: versions of their configuration, and the one that is asked for a shop and country."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete as remove_rows
from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session

from gateway.core import turns
from gateway.core.crypto import Keyring, seal, unseal
from gateway.core.db import merchant_of
from gateway.core.errors import Invalid, NotFound
from gateway.core.ids import new_id
from gateway.core.services import Services
from gateway.merchants import secrets
from gateway.risk.bureau import Adapter, Configured, Place, Terms, installed
from gateway.risk.bureau_models import BureauSecret, BureauVersion

MOST = 20
"""Bureaus of one merchant."""


class BureauUnknown(NotFound):
    """There is no such bureau."""


@dataclass(frozen=True, slots=True)
class NewBureau:
    """What is to be connected; the same name again is a new version of it."""

    name: str
    adapter: str
    live: bool
    body: Mapping[str, Any]
    secret: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Connected:
    """A configuration as others see it: without its secret."""

    id: UUID
    name: str
    version: int
    adapter: str
    live: bool
    body: Mapping[str, Any]
    removed: bool
    author: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Chosen:
    """The bureau that is asked, and what it needs of us."""

    configured: Configured
    terms: Terms


class Book:
    """The bureaus of the merchants of one process. The adapters are those installed, or those given."""

    def __init__(self, keyring: Keyring, place: Place, adapters: Mapping[str, Adapter] | None = None) -> None:
        self._keyring = keyring
        self.place = place
        self.adapters = installed() if adapters is None else adapters

    @classmethod
    def of(cls, services: Services) -> "Book":
        """The book of a process, with its keys and what its installation allows."""
        return cls(services.keyring, Place(services.allow_private_urls, services.sandbox_url))

    def connect(self, session: Session, new: NewBureau, author: str, now: datetime) -> Connected:
        """Check and keep a configuration. Raises Invalid with the path of every fault."""
        self._check(session, new)
        row = _next_version(session, new, author, now, removed=False)
        _forget_secrets(session, new.name)
        if new.secret:
            key = secrets.get_key(session, self._keyring, "data")
            sealed = seal(key, new.secret, _context(row.id))
            session.add(BureauSecret(merchant_id=row.merchant_id, id=row.id, sealed=sealed))
        session.flush()
        return _connected(row)

    def configured(self, session: Session, name: str) -> Chosen:
        """A bureau by its name, ready to be asked. Raises BureauUnknown, or Invalid when it cannot be asked here."""
        return self._chosen(session, get(session, name))

    def choose(self, session: Session, *, live: bool, country: str) -> Chosen | None:
        """The first bureau by name for this mode that knows this country; None when there is none.

        A test shop's buyers are invented, or they are not: nothing of them leaves this machine.
        """
        for each in list_bureaus(session):
            if each.live is not live or each.adapter not in self.adapters:
                continue
            try:
                found = self._chosen(session, each)
            except Invalid:  # saved under other settings of the operator: such a bureau is not there
                continue
            if found.terms.countries is None or country in found.terms.countries:
                return found
        return None

    def _chosen(self, session: Session, bureau: Connected) -> Chosen:
        adapter = self._adapter(bureau.adapter)
        secret = self._secret(session, bureau.id)
        terms = adapter.terms(bureau.body, secret, self.place)
        return Chosen(Configured(bureau.name, bureau.version, bureau.adapter, bureau.body, secret, self.place), terms)

    def _secret(self, session: Session, version_id: UUID) -> bytes:
        row = session.get(BureauSecret, (merchant_of(session), version_id))
        if row is None:
            return b""
        return unseal(secrets.get_key(session, self._keyring, "data"), row.sealed, _context(version_id))

    def _adapter(self, name: str) -> Adapter:
        found = self.adapters.get(name)
        if found is None:
            raise Invalid.at("/adapter", f"is one of {', '.join(sorted(self.adapters))}")
        return found

    def _check(self, session: Session, new: NewBureau) -> None:
        if not (new.name.isascii() and new.name.replace("-", "").isalnum() and len(new.name) <= 40):
            raise Invalid.at("/name", "has 1 to 40 letters, digits and -")
        terms = self._adapter(new.adapter).terms(new.body, new.secret, self.place)
        if not new.live and not terms.stays_here:
            raise Invalid.at("/url", "test shops send nothing outside: their bureau is on a loopback address")
        others = {each.name for each in list_bureaus(session)} - {new.name}
        if len(others) >= MOST:
            raise Invalid.at("/name", f"there are {MOST} bureaus already")


def get(session: Session, name: str) -> Connected:
    """The newest version of a bureau that is connected. Raises BureauUnknown."""
    found = next((each for each in list_bureaus(session) if each.name == name), None)
    if found is None:
        raise BureauUnknown
    return found


def list_bureaus(session: Session) -> list[Connected]:
    """What is connected now, by name; the newest version of each."""
    mine = BureauVersion.merchant_id == merchant_of(session)
    newest = select(BureauVersion.name, func.max(BureauVersion.version)).where(mine).group_by(BureauVersion.name)
    current = tuple_(BureauVersion.name, BureauVersion.version).in_(newest)
    rows = session.scalars(select(BureauVersion).where(mine, current).order_by(BureauVersion.name))
    return [_connected(row) for row in rows if not row.removed]


def history(session: Session, name: str, limit: int = 100) -> list[Connected]:
    """The versions of a bureau, the newest first, removals too."""
    mine = BureauVersion.merchant_id == merchant_of(session), BureauVersion.name == name
    rows = session.scalars(select(BureauVersion).where(*mine).order_by(BureauVersion.version.desc()).limit(limit))
    return [_connected(row) for row in rows]


def remove(session: Session, name: str, author: str, now: datetime) -> None:
    """Ask this bureau no more, and destroy its secret. Raises BureauUnknown."""
    last = get(session, name)
    gone = NewBureau(last.name, last.adapter, last.live, last.body)
    _next_version(session, gone, author, now, removed=True)
    _forget_secrets(session, name)


def _next_version(session: Session, new: NewBureau, author: str, now: datetime, *, removed: bool) -> BureauVersion:
    merchant_id = merchant_of(session)
    turns.take(session, f"bureau.{new.name}", merchant_id)
    mine = BureauVersion.merchant_id == merchant_id, BureauVersion.name == new.name
    last = session.scalar(select(func.max(BureauVersion.version)).where(*mine))
    row = BureauVersion(
        merchant_id=merchant_id,
        id=new_id(),
        name=new.name,
        version=(last or 0) + 1,
        adapter=new.adapter,
        live=new.live,
        body=dict(new.body),
        removed=removed,
        author=author,
        created_at=now,
    )
    session.add(row)
    session.flush()
    return row


def _forget_secrets(session: Session, name: str) -> None:
    versions = select(BureauVersion.id).where(
        BureauVersion.merchant_id == merchant_of(session), BureauVersion.name == name
    )
    mine = BureauSecret.merchant_id == merchant_of(session), BureauSecret.id.in_(versions)
    session.execute(remove_rows(BureauSecret).where(*mine))


def _connected(row: BureauVersion) -> Connected:
    return Connected(
        row.id, row.name, row.version, row.adapter, row.live, row.body, row.removed, row.author, row.created_at
    )


def _context(version_id: UUID) -> str:
    return f"bureau.secret:{version_id}"
