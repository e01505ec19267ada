"""The port to credit bureaus: what is asked, what may come back, what an adapter must do (pure).

A bureau is asked in stage 2 only: the buyer has chosen a risky method, and has agreed or been told (GDPR Art. 6, 13 and 14).
It gets no more than it needs to find him: name, address, and his date of birth where he gave it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from importlib.metadata import entry_points
from typing import Any, Literal, Protocol

from gateway.shops.identity import ADDRESS, Address, digest, fold, normal_address

ENTRY_POINTS = "gateway.bureaus"
WORST, BEST = 0, 1000
"""Every bureau's score is brought onto this scale; higher is better."""
PROOFS = ("notice", "consent")
"""The weaker first: who needs a notice is content with a consent."""

Outcome = Literal["scored", "no_hit", "wrong_person", "timeout", "error", "garbage", "rate_limited"]
"""What came of asking: `scored`, or one of the failures that a policy has an answer to."""
BROKEN = frozenset({"timeout", "error", "garbage"})
"""Outcomes that speak against the bureau, not about the buyer: enough of them and it is left alone for a while."""
KEPT = frozenset({"scored", "no_hit"})
"""Outcomes that are facts about the buyer, and paid for: they are kept for as long as the policy says."""


@dataclass(frozen=True, slots=True)
class Person:
    """Whom a bureau is asked about. Empty where the buyer did not say; `birth_date` is ISO 8601."""

    first_name: str = ""
    last_name: str = ""
    company: str = ""
    line1: str = ""
    line2: str = ""
    postcode: str = ""
    city: str = ""
    country: str = ""
    birth_date: str = ""


PERSONAL: tuple[str, ...] = tuple(one.name for one in fields(Person))


@dataclass(frozen=True, slots=True)
class Proof:
    """That the buyer agreed (`consent`) or was told (`notice`): which text, when, and from where."""

    kind: str
    text_version: str
    at: datetime
    ip: str = ""


@dataclass(frozen=True, slots=True)
class Inquiry:
    """One question. `reference` is ours, so that an invoice of the bureau can be compared with the meter."""

    reference: str
    person: Person = field(repr=False)
    proof: Proof = field(repr=False)
    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `score` is on our scale and only where the outcome is `scored`; `detail` holds no personal data."""

    outcome: Outcome
    score: int | None = None
    detail: str = ""
    retry_after_s: int | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """What an installation allows and runs: private addresses, and a sandbox on this machine ("" where there is none)."""

    allow_private: bool = False
    sandbox_url: str = ""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a stored configuration asks of us before it may be used."""

    proof: str = "notice"
    required: frozenset[str] = frozenset({"last_name", "line1", "postcode"})
    """Fields of `Person` without which the bureau cannot find anybody; a company may stand for the last name."""
    countries: frozenset[str] | None = None
    """Where the bureau knows people; None is everywhere."""
    stays_here: bool = False
    """Whether asking never leaves this machine: test shops ask such bureaus only."""


class Adapter(Protocol):
    """A kind of bureau. A third party adds one by an entry point of the group `gateway.bureaus`."""

    def terms(self, body: Mapping[str, Any], secret: bytes, place: Place) -> Terms:
        """Check a configuration and its secret. Raises Invalid with the path of every fault."""

    def ask(self, configured: "Configured", inquiry: Inquiry, deadline_s: float) -> Answer:
        """Ask once, and be done after `deadline_s`; the caller waits no longer. What is raised counts as `error`."""


@dataclass(frozen=True, slots=True)
class Configured:
    """One version of a merchant's configuration of one bureau, ready to be asked."""

    name: str
    version: int
    adapter: str
    body: Mapping[str, Any] = field(repr=False)
    secret: bytes = field(repr=False)
    place: Place = field(default_factory=Place)


def installed() -> dict[str, Adapter]:
    """Every adapter of this installation by name."""
    return {point.name: point.load() for point in entry_points(group=ENTRY_POINTS)}


def person_of(first_name: str, last_name: str, company: str, home: Address | None) -> Person:
    """Whom a shop told of: by name, or by the name on his letter box where it knows no other."""
    home = home or Address()
    if not (first_name or last_name):
        first_name, _, last_name = home.name.strip().rpartition(" ")
    return Person(
        first_name=first_name,
        last_name=last_name,
        company=company or home.company,
        line1=home.line1,
        line2=home.line2,
        postcode=home.postcode,
        city=home.city,
        country=home.country,
    )


def home_index(index_key: bytes, person: Person, *, live: bool) -> bytes | None:
    """The blind index of where a person lives: the one that checkouts and orders make of his address."""
    address = Address(person.line1, person.line2, person.postcode, country=person.country)
    home = normal_address(address)
    return digest(index_key, ADDRESS, home, live=live) if home else None


def person_index(index_key: bytes, person: Person, home: bytes | None, *, live: bool) -> bytes | None:
    """The blind index of a person as bureaus know him: first and last name, company, and where he lives (`home_index`).

    None where one of the two is missing. The mode is part of it: test data never meets live data.
    """
    names = (person.first_name, person.last_name, person.company)
    name = "|".join("".join(fold(part).split()) for part in names)
    if name == "||" or home is None:
        return None
    return digest(index_key, "person", f"{home.hex()}|{name}", live=live)


def lacking(person: Person, required: frozenset[str]) -> list[str]:
    """Which of the required fields nobody told us."""
    absent = {name for name in required if not getattr(person, name)}
    if person.company:
        absent -= {"last_name", "first_name", "birth_date"}
    return sorted(absent)


def suffices(proof: Proof | None, needed: str) -> bool:
    """Whether this proof is at least what the bureau needs."""
    return proof is not None and PROOFS.index(proof.kind) >= PROOFS.index(needed)
