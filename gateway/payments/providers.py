"""What an adapter of a payment provider brings, found by entry point (`gateway.providers`), so that others can add one.

An adapter proves a message at the door (`verify`), reads it as facts in the worker (`read`, which asks the provider where the
message itself is not proven), and, where the provider offers it, asks for money, gives it back and answers disputes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import entry_points
from types import MappingProxyType

from gateway.core.errors import Refused
from gateway.core.inbox import Proof
from gateway.payments.calls import Net
from gateway.payments.facts import Fact
from gateway.shops.connections import PROVIDER

ENTRY_POINTS = "gateway.providers"
KIND = PROVIDER
"""A connection's kind is this and the adapter's name."""


class WrongMode(Refused):
    """A message of test mode came to a live shop, or the other way round."""


class WrongAccount(Refused):
    """The message belongs to another account of the provider."""


class NotOffered(Refused):
    """This provider has no interface for that."""


class SettingMissing(Refused):
    """The connection lacks a setting that this needs."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing a merchant enters to connect a provider. `many` may be several, one on each line (rotation)."""

    name: str
    words: str
    """What it is and where the provider shows it."""
    pattern: str
    secret: bool = True
    required: bool = True
    many: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """What came to the door: headers by lower-case name, the raw body, and when."""

    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    received_at: datetime
    proof: Proof = Proof.UNVERIFIED
    """As `verify` judged it; only the worker knows it."""


@dataclass(frozen=True, slots=True)
class Claim:
    """How much of a message is proven, and the id under which it is stored once."""

    proof: Proof
    event_id: str


@dataclass(frozen=True, slots=True)
class Account:
    """A merchant's account at a provider, ready to be used. `live` is the shop's mode."""

    live: bool
    settings: Mapping[str, str] = field(repr=False)
    net: Net = field(repr=False)

    def get(self, name: str) -> str:
        """A setting. Raises SettingMissing."""
        found = self.settings.get(name, "")
        if not found:
            raise SettingMissing(setting=name)
        return found

    def each(self, name: str) -> list[str]:
        """All values of a setting that may have several."""
        return self.settings.get(name, "").split()

    def base(self, live: str, test: str) -> str:
        """The address of the interface: of the shop's mode, or the operator's own where private addresses are allowed."""
        own = self.settings.get("api_url", "") if self.net.allow_private else ""
        return own.rstrip("/") or (live if self.live else test)


@dataclass(frozen=True, slots=True)
class LinkWanted:
    """A page on which a buyer pays a deposit or a claim. `key` makes asking twice harmless."""

    key: str
    reference: str
    amount_minor: int
    currency: str
    description: str
    return_url: str
    country: str = "DE"


@dataclass(frozen=True, slots=True)
class Link:
    """Where the buyer pays, and the provider's id of it."""

    url: str
    external_id: str


@dataclass(frozen=True, slots=True)
class RefundWanted:
    """Money back to the buyer. `payment` and `capture` are the provider's ids as the facts told them."""

    key: str
    payment: str
    capture: str
    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class ChargeWanted:
    """Money from a buyer who is not there, on what he agreed to before: `token` is his stored method or mandate."""

    key: str
    reference: str
    customer: str
    token: str
    amount_minor: int
    currency: str
    description: str


@dataclass(frozen=True, slots=True)
class Asked:
    """The provider took the request; what becomes of it is told by messages. `status` is its word."""

    external_id: str
    status: str


@dataclass(frozen=True, slots=True)
class File:
    """A piece of evidence. `purpose` is the provider's name for what it proves."""

    purpose: str
    name: str
    media_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Evidence:
    """The answer to a dispute: texts and files under the provider's own names. Without `submit` it is only laid ready."""

    key: str
    dispute: str
    texts: Mapping[str, str]
    files: tuple[File, ...] = ()
    submit: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One provider. What it has no interface for is None."""

    name: str
    settings: tuple[Setting, ...]
    verify: Callable[[Account, Message], Claim]
    """Raises BadSignature, Unreadable, or ProviderAway when a certificate is needed and cannot be had."""
    read: Callable[[Account, Message], list[Fact]]
    """Raises Unreadable, WrongMode, WrongAccount, and what `Net` raises."""
    pay_link: Callable[[Account, LinkWanted], Link] | None = None
    refund: Callable[[Account, RefundWanted], Asked] | None = None
    charge: Callable[[Account, ChargeWanted], Asked] | None = None
    submit_evidence: Callable[[Account, Evidence], Asked] | None = None
    accept_dispute: Callable[[Account, str, str], Asked] | None = None
    """Give up: the dispute's id and a key."""
    check: Callable[[Account], None] | None = None
    """Ask for something that changes nothing, to see whether the key works. Raises SettingMissing, and what `Net` raises."""
    idempotent: bool = True
    """Whether the provider takes our key, so that asking again is not asking twice. If not, a request whose answer was lost
    is never repeated by itself."""


def installed() -> Mapping[str, Provider]:
    """Every adapter of this installation by name."""
    return MappingProxyType({point.name: point.load() for point in entry_points(group=ENTRY_POINTS)})
