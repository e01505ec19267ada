"""A merchant's accounts at payment providers: the address they call, what proves their messages, what we call them with."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from types import MappingProxyType
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.core.crypto import Keyring, seal, unseal
from gateway.core.db import merchant_of
from gateway.core.egress import UrlRefused, check_url
from gateway.core.errors import Invalid
from gateway.merchants import secrets
from gateway.payments.calls import Net
from gateway.payments.models import ProviderAccount
from gateway.payments.providers import KIND, Account, Provider, Setting, installed
from gateway.shops import connections, shops
from gateway.shops.connections import ConnectionFacts, ConnectionUnknown, NewConnection

MOST_VALUES = 50
"""Of a setting that may have several: what Klarna allows."""
API_URL = "api_url"
"""Another address of the provider's interface, where the operator allows private addresses (a simulator)."""


@dataclass(frozen=True, slots=True)
class NewAccount:
    """What is to be connected. `settings` hold secrets and others by name."""

    shop_id: UUID
    provider: str
    settings: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Connected:
    """An account as others see it: without its secrets, whose names tell which are there."""

    connection: ConnectionFacts
    provider: str
    settings: Mapping[str, str]
    secret_names: tuple[str, ...]
    updated_at: datetime


@cache
def adapters() -> Mapping[str, Provider]:
    """Of this installation, loaded once per process."""
    return installed()


@cache
def net(*, allow_private: bool) -> Net:
    """The way out of this process."""
    return Net(allow_private=allow_private)


def connect(
    session: Session, keyring: Keyring, new: NewAccount, now: datetime, *, allow_private: bool = False
) -> NewConnection:
    """An address for a provider to call. Raises Invalid with the path of every fault, ShopUnknown, ShopClosed."""
    checked = _checked(adapter(new.provider), new.settings, allow_private=allow_private)
    made = connections.create(session, keyring, new.shop_id, f"{KIND}{new.provider}", now)
    row = ProviderAccount(merchant_id=merchant_of(session), id=made.facts.id, settings={}, updated_at=now)
    _fill(session, keyring, row, adapter(new.provider), checked)
    session.add(row)
    session.flush()
    return made


def change(
    session: Session,
    keyring: Keyring,
    connection_id: UUID,
    settings: Mapping[str, str],
    now: datetime,
    *,
    allow_private: bool = False,
) -> None:
    """Set some settings anew (an empty value removes one). Raises Invalid, ConnectionUnknown."""
    row, facts = _row(session, connection_id), connections.get(session, connection_id)
    provider = adapter(provider_name(facts.kind))
    told = {**_all(session, keyring, row), **settings}
    kept = {name: value for name, value in told.items() if value}
    _fill(session, keyring, row, provider, _checked(provider, kept, allow_private=allow_private))
    row.updated_at = now
    session.flush()


def close(session: Session, connection_id: UUID, now: datetime) -> None:
    """Take nothing more from this provider and forget its secrets. Raises ConnectionUnknown."""
    row = _row(session, connection_id)
    connections.close(session, connection_id, now)
    row.secrets_sealed, row.updated_at = None, now
    session.flush()


def open_account(session: Session, keyring: Keyring, connection_id: UUID, *, allow_private: bool) -> Account:
    """Ready to be used. Raises ConnectionUnknown, also for a closed one."""
    row, facts = _row(session, connection_id), connections.get(session, connection_id)
    if facts.closed_at is not None:
        raise ConnectionUnknown
    live = shops.get(session, facts.shop_id).live
    told = MappingProxyType(_all(session, keyring, row))
    return Account(live, told, net(allow_private=allow_private))


def list_accounts(session: Session, limit: int = 500) -> list[Connected]:
    """All of the merchant, the oldest first."""
    mine = ProviderAccount.merchant_id == merchant_of(session)
    rows = session.scalars(select(ProviderAccount).where(mine).order_by(ProviderAccount.id).limit(limit))
    return [_connected(session, row) for row in rows]


def get_account(session: Session, connection_id: UUID) -> Connected:
    """One of the merchant. Raises ConnectionUnknown."""
    return _connected(session, _row(session, connection_id))


def adapter(name: str) -> Provider:
    """The adapter of this name. Raises Invalid."""
    found = adapters().get(name)
    if found is None:
        raise Invalid.at("/provider", f"is one of {', '.join(sorted(adapters()))}")
    return found


def provider_name(kind: str) -> str:
    """Of a connection's kind. Raises ConnectionUnknown when it is not of a provider."""
    if not kind.startswith(KIND):
        raise ConnectionUnknown
    return kind.removeprefix(KIND)


def _checked(provider: Provider, told: Mapping[str, str], *, allow_private: bool) -> dict[str, str]:
    """Every fault at once, by the name of its setting; values are never repeated."""
    known = {setting.name: setting for setting in provider.settings}
    faults = {name: "is not a setting of this provider" for name in told if name not in known and name != API_URL}
    faults |= {name: "is missing" for name, one in known.items() if one.required and not told.get(name)}
    faults |= {name: _fault(one, told[name]) for name, one in known.items() if told.get(name)}
    if API_URL in told:
        faults[API_URL] = _url_fault(told[API_URL], allow_private=allow_private)
    errors = [{"path": f"/settings/{name}", "message": fault} for name, fault in faults.items() if fault]
    if errors:
        raise Invalid(errors=errors)
    return dict(told)


def _fault(setting: Setting, value: str) -> str:
    values = value.split() if setting.many else [value]
    if len(values) > MOST_VALUES:
        return f"has at most {MOST_VALUES} values"
    if not all(re.fullmatch(setting.pattern, each, re.ASCII) for each in values):
        return f"does not look like it: {setting.words}"
    return ""


def _url_fault(url: str, *, allow_private: bool) -> str:
    if not allow_private:
        return "is for installations that allow private addresses"
    try:
        check_url(url, allow_private=True)
    except UrlRefused as error:
        return f"cannot be called: {error.facts['reason']}"
    return ""


def _fill(
    session: Session, keyring: Keyring, row: ProviderAccount, provider: Provider, told: Mapping[str, str]
) -> None:
    secret = {setting.name for setting in provider.settings if setting.secret}
    row.settings = {
        **{name: value for name, value in told.items() if name not in secret},
        _NAMES: sorted(secret & told.keys()),
    }
    hidden = json.dumps({name: value for name, value in told.items() if name in secret}).encode()
    row.secrets_sealed = seal(secrets.get_key(session, keyring, "data"), hidden, _context(row.id))


_NAMES = "secrets"
"""Among the settings: which secrets are there."""


def _all(session: Session, keyring: Keyring, row: ProviderAccount) -> dict[str, str]:
    plain = {name: value for name, value in row.settings.items() if name != _NAMES}
    if row.secrets_sealed is None:
        return plain
    opened = unseal(secrets.get_key(session, keyring, "data"), row.secrets_sealed, _context(row.id))
    return {**plain, **json.loads(opened)}


def _connected(session: Session, row: ProviderAccount) -> Connected:
    facts = connections.get(session, row.id)
    plain = {name: value for name, value in row.settings.items() if name != _NAMES}
    names = tuple(row.settings.get(_NAMES, ())) if row.secrets_sealed is not None else ()
    return Connected(facts, provider_name(facts.kind), plain, names, row.updated_at)


def _row(session: Session, connection_id: UUID) -> ProviderAccount:
    row = session.get(ProviderAccount, (merchant_of(session), connection_id))
    if row is None:
        raise ConnectionUnknown
    return row


def _context(connection_id: UUID) -> str:
    return f"provider_account.secrets:{connection_id}"
