"""Bank files taken: each once, each payment once however many files tell it, gaps between statements told.

Reading is pure and happens before the transaction (`bank_files.read`); `take` stores what was read.
"""

import hmac
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar
from uuid import UUID

import orjson
from sqlalchemy import func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from gateway.core import events
from gateway.core.crypto import Keyring, blind_index, derive, seal, unseal
from gateway.core.db import merchant_of
from gateway.core.ids import new_id
from gateway.merchants import secrets
from gateway.merchants.secrets import Keys
from gateway.payments.bank_entries import Balance, BankEntry, Gap, Party, PaymentStatus, Statement, gaps
from gateway.payments.bank_files import Contents
from gateway.payments.bank_models import BankEntryRow, BankFile, BankStatement, PaymentAnswer

_T = TypeVar("_T")
_AT_ONCE = 500
"""Rows of one INSERT."""
LOOKED_BACK = 800
"""Statements of an account among which gaps are looked for: more than two years of days."""
SEALED = (
    "purpose",
    "creditor_reference",
    "end_to_end_id",
    "mandate_id",
    "transaction_id",
    "bank_reference",
    "return_text",
)


@dataclass(frozen=True, slots=True)
class Arrival:
    """How a file came: `source` is one of `bank_models.SOURCES`, `actor` as in the audit log."""

    content: bytes
    source: str
    live: bool
    actor: str


@dataclass(frozen=True, slots=True)
class Taken:
    """What a file brought. `repeated`: the very same file was here before, nothing was changed."""

    file_id: UUID
    format: str
    entries: int
    new_entries: int
    repeated: bool = False
    gaps: tuple[Gap, ...] = ()


@dataclass(frozen=True, slots=True)
class BankEntriesTaken:
    """New entries are in the books: published to what stands above."""

    file_id: UUID
    live: bool
    new_entries: int


@dataclass(frozen=True, slots=True)
class PaymentsAnswered:
    """The bank has answered payments we ordered: published to what stands above."""

    file_id: UUID
    live: bool


def take(session: Session, keyring: Keyring, contents: Contents, arrival: Arrival, now: datetime) -> Taken:
    """Store what a file says. The same file, and the same payment in another one, change nothing."""
    store = _Store(session, secrets.get_keys(session, keyring), arrival.live, now)
    digest = hmac.digest(derive(store.keys.index, "kulanz bank file"), arrival.content, "sha256")
    # One file at a time: two that tell the same payment would otherwise both find it new.
    session.execute(select(func.pg_advisory_xact_lock(merchant_of(session).int % 2**63)))
    if (known := store.find_file(digest)) is not None:
        return Taken(known.id, known.format, known.entries, 0, repeated=True)
    file_id = new_id()
    fresh = store.prepare(contents)
    row = BankFile(
        merchant_id=merchant_of(session),
        id=file_id,
        live=arrival.live,
        digest=digest,
        format=contents.format,
        source=arrival.source,
        taken_by=arrival.actor,
        taken_at=now,
        size=len(arrival.content),
        entries=sum(len(one.entries) for one in contents.statements) + len(contents.statuses),
        new_entries=fresh.count,
    )
    session.add(row)
    session.flush()
    store.write(file_id, fresh)
    found = store.gaps({one.account for one in contents.statements})
    if contents.statuses:
        events.publish(session, PaymentsAnswered(file_id, arrival.live))
    elif fresh.count:
        events.publish(session, BankEntriesTaken(file_id, arrival.live, fresh.count))
    return Taken(file_id, contents.format, row.entries, fresh.count, gaps=tuple(found))


@dataclass(slots=True)
class _Fresh:
    """What of a file is not stored yet."""

    statements: list[tuple[Statement, list[BankEntry]]]
    answers: list[PaymentStatus]

    @property
    def count(self) -> int:
        return sum(len(entries) for _, entries in self.statements) + len(self.answers)


class _Store:
    """The bank's books of one merchant, live or test, in one transaction."""

    def __init__(self, session: Session, keys: Keys, live: bool, now: datetime) -> None:  # noqa: FBT001 - as the column
        self.session, self.keys, self.live, self.now = session, keys, live, now
        self.merchant_id = merchant_of(session)

    def digest(self, kind: str, *told: object) -> bytes:
        return blind_index(self.keys.index, f"bank.{kind}", "\x1f".join(str(one) for one in (self.live, *told)))

    def find_file(self, digest: bytes) -> BankFile | None:
        same = BankFile.merchant_id == self.merchant_id, BankFile.live == self.live, BankFile.digest == digest
        return self.session.scalars(select(BankFile).where(*same)).one_or_none()

    def prepare(self, contents: Contents) -> _Fresh:
        """What is new in it, and what was pending or told whole and is not any more."""
        known = self._known(contents)
        statements = [(one, list(self._fresh(one, known))) for one in contents.statements]
        digests = {self._answer_digest(one): one for one in contents.statuses}
        return _Fresh(statements, [one for digest, one in digests.items() if digest not in self._answers(digests)])

    def _known(self, contents: Contents) -> dict[bytes, str]:
        """Keys already here → status."""
        keys = [self.digest("entry", entry.key) for one in contents.statements for entry in one.entries]
        found: dict[bytes, str] = {}
        mine = BankEntryRow.merchant_id == self.merchant_id, BankEntryRow.live == self.live
        for some in _chunks(keys):
            rows = select(BankEntryRow.key, BankEntryRow.status).where(*mine, BankEntryRow.key.in_(some))
            found.update((row.key, row.status) for row in self.session.execute(rows))
        return found

    def _fresh(self, statement: Statement, known: dict[bytes, str]) -> Iterator[BankEntry]:
        groups = self._groups(statement)
        for entry in statement.entries:
            key, group = self.digest("entry", entry.key), self._group(entry)
            if key in known:
                self._settle(key, known[key], entry.status)
            elif group is not None and not entry.parts and groups.get(group, 0):
                continue  # told in parts before
            else:
                if group is not None and entry.parts and groups.get(group) == 0:
                    self._itemise(group)
                known[key] = entry.status
                yield entry

    def _group(self, entry: BankEntry) -> bytes | None:
        return self.digest("group", entry.group) if entry.group else None

    def _groups(self, statement: Statement) -> dict[bytes, int]:
        """Whole entries and entries in parts of earlier files: key → parts."""
        wanted = [group for entry in statement.entries if (group := self._group(entry)) is not None]
        found: dict[bytes, int] = {}
        for some in _chunks(wanted):
            mine = BankEntryRow.merchant_id == self.merchant_id, BankEntryRow.live == self.live
            rows = select(BankEntryRow.group_key, func.max(BankEntryRow.parts)).where(
                *mine, BankEntryRow.group_key.in_(some)
            )
            found.update(
                (group, parts) for group, parts in self.session.execute(rows.group_by(BankEntryRow.group_key)) if group
            )
        return found

    def _settle(self, key: bytes, before: str, status: str) -> None:
        """What was announced is booked now."""
        if before != "BOOK" and status == "BOOK":
            mine = BankEntryRow.merchant_id == self.merchant_id, BankEntryRow.live == self.live
            self.session.execute(update(BankEntryRow).where(*mine, BankEntryRow.key == key).values(status=status))

    def _itemise(self, group: bytes) -> None:
        """The parts count from now on."""
        mine = BankEntryRow.merchant_id == self.merchant_id, BankEntryRow.live == self.live
        whole = update(BankEntryRow).where(*mine, BankEntryRow.group_key == group, BankEntryRow.parts == 0)
        self.session.execute(whole.where(BankEntryRow.itemised_at.is_(None)).values(itemised_at=self.now))

    def _answer_digest(self, one: PaymentStatus) -> bytes:
        told = (one.original_message_id, one.payment_info_id, one.end_to_end_id, one.status, one.reason_code)
        return self.digest("answer", *told)

    def _answers(self, digests: Iterable[bytes]) -> set[bytes]:
        mine = PaymentAnswer.merchant_id == self.merchant_id, PaymentAnswer.live == self.live
        found = select(PaymentAnswer.digest).where(*mine, PaymentAnswer.digest.in_(list(digests)))
        return set(self.session.scalars(found))

    def write(self, file_id: UUID, fresh: _Fresh) -> None:
        for statement, entries in fresh.statements:
            statement_id = self._statement(file_id, statement)
            for some in _chunks(entries):
                self.session.execute(insert(BankEntryRow), [self._row(statement_id, entry) for entry in some])
        rows = [self._answer(file_id, one) for one in fresh.answers]
        if rows:
            self.session.execute(insert(PaymentAnswer), rows)

    def _statement(self, file_id: UUID, statement: Statement) -> UUID:
        """The statement's row, or that of the same statement from another file."""
        told = (statement.format, statement.account, statement.reference, statement.sequence, statement.currency)
        digest = self.digest(
            "statement", *told, statement.opening, statement.closing, statement.from_on, statement.to_on
        )
        mine = BankStatement.merchant_id == self.merchant_id, BankStatement.live == self.live
        known = self.session.scalar(select(BankStatement.id).where(*mine, BankStatement.digest == digest))
        if known is not None:
            return known
        id_, opening, closing = new_id(), statement.opening, statement.closing
        row = BankStatement(
            merchant_id=self.merchant_id,
            id=id_,
            file_id=file_id,
            live=self.live,
            digest=digest,
            account_digest=self.digest("account", statement.account),
            account_sealed=seal(self.keys.data, statement.account.encode(), f"bank_statement.account:{id_}"),
            format=statement.format,
            reference=statement.reference,
            sequence=statement.sequence,
            currency=statement.currency,
            opening_minor=opening.amount_minor if opening else None,
            closing_minor=closing.amount_minor if closing else None,
            from_on=statement.from_on or (opening.on if opening else None),
            to_on=statement.to_on or (closing.on if closing else None),
            entries=len(statement.entries),
        )
        self.session.add(row)
        self.session.flush()
        return id_

    def _row(self, statement_id: UUID, entry: BankEntry) -> dict[str, Any]:
        id_ = new_id()
        details = {name: getattr(entry, name) for name in SEALED}
        details |= {"name": entry.party.name, "iban": entry.party.iban, "ultimate": entry.party.ultimate}
        return {
            "merchant_id": self.merchant_id,
            "id": id_,
            "statement_id": statement_id,
            "live": self.live,
            "key": self.digest("entry", entry.key),
            "group_key": self._group(entry),
            "parts": entry.parts,
            **{name: getattr(entry, name) for name in _PLAIN},
            "payer_digest": payer_digest(self.keys.index, entry.party.iban) if entry.party.iban else None,
            "details_sealed": seal(self.keys.data, orjson.dumps(details), f"bank_entry.details:{id_}"),
        }

    def _answer(self, file_id: UUID, one: PaymentStatus) -> dict[str, Any]:
        return {
            "merchant_id": self.merchant_id,
            "id": new_id(),
            "file_id": file_id,
            "live": self.live,
            "digest": self._answer_digest(one),
            "told_at": self.now,
            **{name: getattr(one, name) for name in _ANSWERED},
        }

    def gaps(self, accounts: Iterable[str]) -> list[Gap]:
        """Between the stored statements of these accounts."""
        digests = [self.digest("account", account) for account in accounts]
        return find_gaps(self.session, live=self.live, accounts=digests) if digests else []


_PLAIN = (
    "credit",
    "amount_minor",
    "booked_minor",
    "charges_minor",
    "currency",
    "booked_on",
    "value_on",
    "status",
    "reversal",
    "returned",
    "return_code",
    "code",
    "business_code",
)
_ANSWERED = (
    "end_to_end_id",
    "status",
    "reason_code",
    "original_message_id",
    "payment_info_id",
    "amount_minor",
    "currency",
)


def payer_digest(index_key: bytes, iban: str) -> bytes:
    """What an account is found by without being told: for `OpenItem.iban_digests` and `Index(digest=…)`."""
    return blind_index(index_key, "bank.payer", iban)


def find_gaps(session: Session, *, live: bool, accounts: Sequence[bytes] = ()) -> list[Gap]:
    """What is missing between statements, of these accounts or of all; the account of a gap is its digest in hexadecimal."""
    mine = BankStatement.merchant_id == merchant_of(session), BankStatement.live == live
    chosen = select(BankStatement).where(
        *mine, or_(BankStatement.format == "camt.053", BankStatement.format == "mt940")
    )
    if accounts:
        chosen = chosen.where(BankStatement.account_digest.in_(accounts))
    rows = session.scalars(chosen.order_by(BankStatement.to_on.desc().nulls_last()).limit(LOOKED_BACK))
    return gaps(_told(row) for row in rows)


def _told(row: BankStatement) -> Statement:
    opening, closing = (
        None if minor is None else Balance(minor, row.currency, on)
        for minor, on in ((row.opening_minor, row.from_on), (row.closing_minor, row.to_on))
    )
    about = (row.reference, row.sequence, row.currency, opening, closing, row.from_on, row.to_on)
    return Statement(row.format, row.account_digest.hex(), *about)


def open_entry(row: BankEntryRow, data_key: bytes) -> BankEntry:
    """The entry as it was read, for matching."""
    details = orjson.loads(unseal(data_key, row.details_sealed, f"bank_entry.details:{row.id}"))
    party = Party(details.pop("name"), details.pop("iban"), details.pop("ultimate"))
    plain = {name: getattr(row, name) for name in _PLAIN}
    return BankEntry(**plain, **details, party=party, parts=row.parts, key=row.key.hex())


def booked_through(session: Session, *, live: bool) -> date | None:
    """The last day of which an account's bookings are known: before a reminder goes out somebody looks at it."""
    mine = BankEntryRow.merchant_id == merchant_of(session), BankEntryRow.live == live
    return session.scalar(select(func.max(BankEntryRow.booked_on)).where(*mine, BankEntryRow.status == "BOOK"))


def _chunks(rows: Sequence[_T]) -> Iterator[Sequence[_T]]:
    return (rows[at : at + _AT_ONCE] for at in range(0, len(rows), _AT_ONCE))
