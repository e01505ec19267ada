"""What every bank format is read into: statements and entries, their stable keys, and gaps between statements (pure)."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal, InvalidOperation
from itertools import pairwise

from gateway.core.errors import Invalid
from gateway.core.money import MAX_MINOR, exponent

NOT_PROVIDED = frozenset({"", "NOTPROVIDED", "NONREF", "NOTAVAILABLE", "UNKNOWN", "NICHT ANGEGEBEN", "-"})
"""What banks write where there is no reference."""
MAX_ENTRIES = 200_000
MAX_TEXT = 2_000


class BankFileUnreadable(Invalid):
    """The file is no bank statement that can be read."""

    code = "bank-file-unreadable"


@dataclass(frozen=True, slots=True)
class Party:
    """The other side: as the bank names him, and for whom he acts where the payment says so."""

    name: str = ""
    iban: str = ""
    """IBAN, or the account as the bank writes it where it is none; without blanks."""
    ultimate: str = ""


@dataclass(frozen=True, slots=True)
class BankEntry:
    """One payment on the account: a transaction inside an entry where the bank itemises, else the entry itself.

    `amount_minor` is the payment without anybody's charges, `booked_minor` what moved on the account for it; both are
    positive, `credit` says in which direction.
    """

    credit: bool
    amount_minor: int
    currency: str
    booked_on: date
    booked_minor: int = 0
    charges_minor: int = 0
    """Of all banks, contained in `booked_minor`."""
    value_on: date | None = None
    status: str = "BOOK"
    """`BOOK`, or `PDNG` and `INFO`: not money yet."""
    reversal: bool = False
    """The bank took its own booking back."""
    party: Party = Party()
    purpose: str = ""
    """Unstructured text; the bank's line ends are kept, since references break there."""
    creditor_reference: str = ""
    """Structured: RF, QRR, or what the scheme names."""
    end_to_end_id: str = ""
    mandate_id: str = ""
    transaction_id: str = ""
    bank_reference: str = ""
    """The account servicer's own, the same in camt.053 and camt.054."""
    code: str = ""
    """Domain, family and sub-family (`PMNT-IDDT-UPDD`)."""
    business_code: str = ""
    """The bank's own: GVC (`109`) in Germany."""
    returned: bool = False
    return_code: str = ""
    """ISO external return reason (`MD06`); empty when the bank does not say."""
    return_text: str = ""
    batch_minor: int = 0
    """Amount of the whole entry, of which this is one transaction."""
    parts: int = 0
    """How many transactions the entry itemises; 0 when it is told whole."""
    group: str = ""
    """Key of the whole entry: the same for it told whole in one file and itemised in another. Empty without a reference."""
    key: str = ""
    """The same payment has the same key in every file of the account, see `with_keys`."""


@dataclass(frozen=True, slots=True)
class Balance:
    """A booked balance; negative when overdrawn."""

    amount_minor: int
    currency: str
    on: date | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement or notification of one account."""

    format: str
    """`camt.053`, `camt.052`, `camt.054`, `mt940`, `csv`."""
    account: str
    reference: str = ""
    sequence: int | None = None
    currency: str = ""
    opening: Balance | None = None
    closing: Balance | None = None
    from_on: date | None = None
    to_on: date | None = None
    entries: tuple[BankEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class PaymentStatus:
    """What the bank says of one payment we ordered (pain.002)."""

    end_to_end_id: str
    status: str
    """`ACCP`, `ACSC`, `PDNG`, `RJCT`, …"""
    reason_code: str = ""
    reason_text: str = ""
    original_message_id: str = ""
    payment_info_id: str = ""
    mandate_id: str = ""
    amount_minor: int | None = None
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Gap:
    """Between two statements of an account something is missing, or one is told differently."""

    after: Statement
    before: Statement
    kind: str
    """`balance`, `sequence`."""
    missing_minor: int = 0


def minor(text: str, currency: str) -> int:
    """A plain decimal number in minor units, exactly. Raises BankFileUnreadable, also for parts of a cent."""
    try:
        number = Decimal(text.strip()).scaleb(exponent(currency))
        whole = int(number)
    except (InvalidOperation, ValueError, OverflowError):
        raise BankFileUnreadable("an amount is no number") from None
    if number != whole or abs(whole) > MAX_MINOR:
        raise BankFileUnreadable("an amount has more decimals than its currency, or is beyond any account")
    return whole


def reference(text: str | None) -> str:
    """A reference, or nothing where the bank says that there is none."""
    found = " ".join((text or "").split())[:140]
    return "" if found.upper() in NOT_PROVIDED else found


def with_keys(statement: Statement) -> Statement:
    """The statement, every entry under its stable key.

    A key is made of what all files about one payment agree on: account, direction, day, amount, the bank's reference, the
    payment's own references; where the bank gives no reference also payer and text. Payments of one statement that
    agree in all of it are counted apart.
    """
    seen: Counter[str] = Counter()
    keyed = []
    for entry in statement.entries:
        basis = _digest(statement.account, *_identity(entry))
        group = _digest(statement.account, "group", *_group(entry)) if entry.bank_reference else ""
        keyed.append(replace(entry, key=f"{basis}.{seen[basis]}", group=group))
        seen[basis] += 1
    return replace(statement, entries=tuple(keyed))


def _identity(entry: BankEntry) -> tuple[str, ...]:
    about: tuple[str, ...] = (entry.end_to_end_id, entry.transaction_id, entry.return_code)
    if not entry.bank_reference:
        about = (*about, entry.party.iban, entry.party.name, "".join(entry.purpose.split()))
    return (*_group(entry), str(entry.amount_minor), *about)


def _group(entry: BankEntry) -> tuple[str, ...]:
    whole = entry.batch_minor or entry.booked_minor
    return (
        "C" if entry.credit else "D",
        entry.booked_on.isoformat(),
        entry.currency,
        str(whole),
        entry.bank_reference,
    )


def _digest(*parts: str) -> str:
    told = "\x1f".join(parts)
    return hashlib.blake2b(told.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


_CLOSED = frozenset({"camt.053", "mt940"})


def gaps(statements: Iterable[Statement]) -> list[Gap]:
    """What is missing between statements of the same account, oldest first; one told twice is none.

    Only statements a bank closes (camt.053, MT940) can miss something: exports are cut at will. A sequence may begin
    anew at 1 with a year.
    """
    by_account: dict[tuple[str, str], list[Statement]] = {}
    for statement in statements:
        if statement.format in _CLOSED and statement.opening and statement.closing:
            by_account.setdefault((statement.account, statement.opening.currency), []).append(statement)
    return [gap for found in by_account.values() for gap in _gaps(sorted(found, key=_order))]


def _order(statement: Statement) -> tuple[date, int]:
    closing = statement.closing
    on = statement.to_on or (closing.on if closing else None) or date.min
    return on, statement.sequence or 0


def _gaps(statements: Sequence[Statement]) -> list[Gap]:
    found = []
    for after, before in pairwise(statements):
        if after.closing is None or before.opening is None or _same(after, before):
            continue
        if missing := before.opening.amount_minor - after.closing.amount_minor:
            found.append(Gap(after, before, "balance", missing))
        elif not _follows(after.sequence, before.sequence):
            found.append(Gap(after, before, "sequence"))
    return found


def _same(one: Statement, other: Statement) -> bool:
    return (one.sequence, one.opening, one.closing, one.to_on) == (
        other.sequence,
        other.opening,
        other.closing,
        other.to_on,
    )


def _follows(before: int | None, after: int | None) -> bool:
    return before is None or after is None or after in (before, before + 1, 1)
