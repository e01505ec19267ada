"""The merchant's own block and allow lists: entries added, removed and listed; what decides reads them by their digests.

A value is hashed exactly as a checkout hashes it, so an entry is found by the decision's one read. An e-mail address is
listed by its mailbox: tags and dots do not get around it.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from gateway.core.crypto import Keyring, seal, unseal
from gateway.core.db import merchant_of
from gateway.core.errors import Invalid, NotFound
from gateway.core.ids import new_id
from gateway.merchants import secrets
from gateway.risk.models import ListEntry
from gateway.shops import identity
from gateway.shops.identity import Address

ACTIONS = ("block", "allow")
MAX_VALUE, MAX_REASON, MAX_PAGE = 320, 300, 200


class EntryUnknown(NotFound):
    """There is no such entry in the lists."""


@dataclass(frozen=True, slots=True)
class NewEntry:
    """What is to be listed. `value` is an Address for kind `address`, text otherwise.

    `country` (ISO 3166) is where a phone number without country code belongs.
    """

    action: str
    kind: str
    value: str | Address = field(repr=False)
    reason: str
    live: bool
    expires_at: datetime | None = None
    country: str = "DE"


@dataclass(frozen=True, slots=True)
class Listed:
    """An entry as the desk shows it."""

    id: UUID
    action: str
    kind: str
    value: str = field(repr=False)
    reason: str
    live: bool
    author: str
    created_at: datetime
    expires_at: datetime | None


def add(session: Session, keyring: Keyring, new: NewEntry, author: str, now: datetime) -> UUID:
    """List a value and return the entry's id. The same value again replaces reason, author and expiry.

    Raises Invalid naming the field.
    """
    _check(new, now)
    keys = secrets.get_keys(session, keyring)
    return _store(session, keys.data, new, digest_of(keys.index, new), author, now)


@dataclass(frozen=True, slots=True)
class OneOrder:
    """An order that a person grants what the policy would not: the shop's reference, the amount and who the buyer is."""

    shop_id: UUID
    reference: str
    total_minor: int
    currency: str
    identity: tuple[str, bytes] | None = field(repr=False)
    live: bool
    reason: str
    until: datetime


def grant(session: Session, keyring: Keyring, order: OneOrder, author: str, now: datetime) -> UUID:
    """Trust this one order of this one buyer until a moment; the desk lists it like other entries. Raises Invalid."""
    new = NewEntry("allow", ORDER, order.reference, order.reason, order.live, order.until)
    _check(new, now)
    keys = secrets.get_keys(session, keyring)
    normal = one_order(order.shop_id, order.reference, order.identity, order.total_minor, order.currency)
    return _store(session, keys.data, new, identity.digest(keys.index, ORDER, normal, live=order.live), author, now)


def one_order(shop_id: UUID, reference: str, who: tuple[str, bytes] | None, total_minor: int, currency: str) -> str:
    """What is hashed of an order: another buyer, shop, reference or amount is another order, which nobody has looked at."""
    return f"{shop_id.hex}|{who[1].hex() if who else ''}|{total_minor} {currency}|{reference}"


ORDER = "order"
"""Kind of an entry about one order; only `grant` makes it."""


def _store(session: Session, data_key: bytes, new: NewEntry, digest: bytes, author: str, now: datetime) -> UUID:
    changing = {
        "reason": new.reason.strip(),
        "author": author,
        "created_at": now,
        "expires_at": new.expires_at,
        "value_sealed": seal(data_key, _spelled(new.value).encode(), _context(digest)),
    }
    fixed = {"digest": digest, "kind": new.kind, "action": new.action, "live": new.live}
    made = insert(ListEntry).values(merchant_id=merchant_of(session), id=new_id(), **fixed, **changing)
    stored = made.on_conflict_do_update(index_elements=["merchant_id", "digest", "action"], set_=changing)
    return session.scalars(stored.returning(ListEntry.id)).one()


def remove(session: Session, entry_id: UUID) -> None:
    """Take an entry off the lists. Raises EntryUnknown."""
    mine = ListEntry.merchant_id == merchant_of(session), ListEntry.id == entry_id
    if session.execute(delete(ListEntry).where(*mine).returning(ListEntry.id)).first() is None:
        raise EntryUnknown


def list_entries(session: Session, keyring: Keyring, *, before: UUID | None = None, limit: int = 50) -> list[Listed]:
    """The newest entries first, at most `limit` of those made before `before`; expired ones stand until removed."""
    chosen = select(ListEntry).where(ListEntry.merchant_id == merchant_of(session))
    if before is not None:
        chosen = chosen.where(ListEntry.id < before)
    rows = session.scalars(chosen.order_by(ListEntry.id.desc()).limit(min(limit, MAX_PAGE)))
    data_key = secrets.get_key(session, keyring, "data")
    return [_listed(row, data_key) for row in rows]


def digest_of(index_key: bytes, new: NewEntry) -> bytes:
    """The blind index under which a checkout finds this value. Raises Invalid when it has no normal form."""
    if new.kind not in KINDS:
        raise Invalid.at("/kind", f"is one of {', '.join(KINDS)}")
    stored_kind, normal = KINDS[new.kind](new)
    if not normal:
        raise Invalid.at("/value", f"is no {new.kind} that could be recognised")
    return identity.digest(index_key, stored_kind, normal, live=new.live)


def _text(new: NewEntry) -> str:
    return new.value.strip() if isinstance(new.value, str) else ""


def _email(new: NewEntry) -> tuple[str, str]:
    return identity.EMAIL_ROOT, identity.email_root(identity.normal_email(_text(new)))


def _phone(new: NewEntry) -> tuple[str, str]:
    return identity.PHONE, identity.normal_phone(_text(new), new.country)


def _address(new: NewEntry) -> tuple[str, str]:
    return identity.ADDRESS, identity.normal_address(new.value if isinstance(new.value, Address) else None)


def _domain(new: NewEntry) -> tuple[str, str]:
    domain = identity.normal_email(f"x@{_text(new).rpartition('@')[2]}").rpartition("@")[2]
    return "domain", domain if "." in domain and " " not in domain else ""


def _ip(new: NewEntry) -> tuple[str, str]:
    return "ip", identity.normal_ip(_text(new))


def _device(new: NewEntry) -> tuple[str, str]:
    return "device", _text(new)


def _handle(new: NewEntry) -> tuple[str, str]:
    return "handle", identity.normal_handle(_text(new))


KINDS: Mapping[str, Callable[[NewEntry], tuple[str, str]]] = MappingProxyType(
    {
        "email": _email,
        "domain": _domain,
        "phone": _phone,
        "address": _address,
        "ip": _ip,
        "device": _device,
        "handle": _handle,
    },
)
"""What can be listed, and how its value is brought into the form that a checkout hashes."""


def _check(new: NewEntry, now: datetime) -> None:
    rules = {
        "action": (new.action in ACTIONS, f"is one of {', '.join(ACTIONS)}"),
        "kind": (new.kind in KINDS or new.kind == ORDER, f"is one of {', '.join(KINDS)}"),
        "value": (len(_spelled(new.value)) <= MAX_VALUE * 4, f"has at most {MAX_VALUE} letters"),
        "reason": (0 < len(new.reason.strip()) <= MAX_REASON, f"has 1 to {MAX_REASON} letters"),
        "expires_at": (new.expires_at is None or new.expires_at > now, "lies in the past"),
    }
    faults = [{"path": f"/{name}", "message": message} for name, (holds, message) in rules.items() if not holds]
    if faults:
        raise Invalid(errors=faults)


def _spelled(value: str | Address) -> str:
    """The stored form of a value: text as it is, an address as JSON."""
    return value if isinstance(value, str) else json.dumps(asdict(value), ensure_ascii=False)


def _shown(kind: str, spelled: str) -> str:
    if kind != "address":
        return spelled
    told = json.loads(spelled)
    place = f"{told['postcode']} {told['city']}".strip()
    return ", ".join(part for part in (told["line1"], told["line2"], place, told["country"]) if part)


def _listed(row: ListEntry, data_key: bytes) -> Listed:
    value = _shown(row.kind, unseal(data_key, row.value_sealed, _context(row.digest)).decode())
    return Listed(row.id, row.action, row.kind, value, row.reason, row.live, row.author, row.created_at, row.expires_at)


def _context(digest: bytes) -> str:
    return f"list.value:{digest.hex()}"
