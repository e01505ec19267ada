"""The letters of a day that leave on paper: one ZIP with their PDFs and a list, confirmed letter by letter.

A letter is dated when its batch is confirmed; what the printer could not send came back and undoes its step.
"""

import csv
import io
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from gateway.core.cells import cell
from gateway.core.db import merchant_of
from gateway.core.errors import Invalid, NotFound, Refused
from gateway.core.ids import new_id, to_public
from gateway.receivables import letter_sending, letters
from gateway.receivables.keys import Keys
from gateway.receivables.letter_job import fallen_away
from gateway.receivables.letter_lifecycle import LetterState
from gateway.receivables.letter_models import Letter, LetterClaim, PrintBatch
from gateway.receivables.models import Claim
from gateway.shops.buyers import BuyerErased

MAX_LETTERS = 500
"""Of one batch; what is more goes into the next one."""
MAX_PAGE = 100
MANIFEST = "letters.csv"
REASONS = ("address-unknown", "moved", "refused", "damaged", "other")
"""Why a letter could not be sent, or came back."""


class BatchUnknown(NotFound):
    """There is no such print batch."""


class NothingToPrint(Refused):
    """No letter waits to be printed."""


class AlreadyConfirmed(Refused):
    """This print batch was confirmed already."""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What came of a batch."""

    sent: int
    failed: int


def make(session: Session, keys: Keys, day: date, now: datetime, shop_id: UUID | None = None) -> PrintBatch:
    """Take up to `MAX_LETTERS` letters that wait into a new batch, the oldest first; of one shop, or of all.

    Each is looked at again: paper may have waited for days. Raises NothingToPrint.
    """
    merchant_id, batch_id = merchant_of(session), new_id()
    waiting = (
        select(Letter.id)
        .where(Letter.merchant_id == merchant_id, Letter.state == LetterState.PRINTING, Letter.batch_id.is_(None))
        .order_by(Letter.id)
        .limit(MAX_LETTERS)
        .with_for_update(skip_locked=True)
    )
    if shop_id is not None:
        waiting = waiting.where(Letter.shop_id == shop_id)
    ids = [id_ for id_ in session.scalars(waiting).all() if _still_leaves(session, keys, id_, now)]
    if not ids:
        raise NothingToPrint
    batch = PrintBatch(merchant_id=merchant_id, id=batch_id, day=day, state="MADE", letter_count=len(ids), made_at=now)
    session.add(batch)
    session.execute(
        update(Letter).where(Letter.merchant_id == merchant_id, Letter.id.in_(ids)).values(batch_id=batch_id)
    )
    session.flush()
    return batch


def _still_leaves(session: Session, keys: Keys, letter_id: UUID, now: datetime) -> bool:
    """What was paid, held, disputed or erased since it was laid out is not printed."""
    letter = letters.locked(session, letter_id)
    why = fallen_away(session, letter, now) if keys.many(session, {letter.buyer_id}) else "erased"
    if why:
        letters.withdraw(session, keys, letter, why, now)
        return False
    return True


def get(session: Session, batch_id: UUID | None) -> PrintBatch:
    """Raises BatchUnknown."""
    batch = session.get(PrintBatch, (merchant_of(session), batch_id)) if batch_id else None
    if batch is None:
        raise BatchUnknown
    return batch


def list_batches(session: Session, limit: int = 50, shop_id: UUID | None = None) -> list[PrintBatch]:
    """The newest first; of one shop those with letters of that shop."""
    mine = select(PrintBatch).where(PrintBatch.merchant_id == merchant_of(session))
    if shop_id is not None:
        its = Letter.merchant_id == PrintBatch.merchant_id, Letter.batch_id == PrintBatch.id, Letter.shop_id == shop_id
        mine = mine.where(exists().where(*its))
    return list(session.scalars(mine.order_by(PrintBatch.id.desc()).limit(min(limit, MAX_PAGE))))


def letters_of(session: Session, batch_id: UUID) -> list[Letter]:
    """Every letter that was taken into it and not taken back."""
    mine = Letter.merchant_id == merchant_of(session), Letter.batch_id == batch_id
    return list(session.scalars(select(Letter).where(*mine).order_by(Letter.id)))


def archive(session: Session, keys: Keys, batch: PrintBatch) -> bytes:
    """The ZIP for the printer: a PDF per letter and the list. The same bytes each time while nothing is taken back."""
    taken = letters_of(session, batch.id)
    countries = _countries(session, [letter.id for letter in taken])
    stamp = batch.made_at.timetuple()[:6]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        _add(made, MANIFEST, _manifest(taken, countries), stamp)
        for letter in taken:
            with suppress(BuyerErased):  # one that was erased keeps nobody else's letter in
                _add(made, f"{to_public('ltr', letter.id)}.pdf", letters.pdf_of(session, keys, letter), stamp)
    return out.getvalue()


def _add(made: zipfile.ZipFile, name: str, content: bytes, stamp: tuple[int, ...]) -> None:
    info = zipfile.ZipInfo(name, (stamp[0], stamp[1], stamp[2], stamp[3], stamp[4], stamp[5]))
    info.compress_type = zipfile.ZIP_DEFLATED
    made.writestr(info, content)


def _manifest(taken: list[Letter], countries: Mapping[UUID, str]) -> bytes:
    """Ids and what the printer needs to know; names and addresses stand in the windows of the letters."""
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\r\n")
    rows.writerow(["letter", "file", "kind", "country", "language", "day"])
    for letter in taken:
        name = to_public("ltr", letter.id)
        told = (name, f"{name}.pdf", letter.kind, countries.get(letter.id, ""), letter.language, letter.day.isoformat())
        rows.writerow([cell(value) for value in told])
    return out.getvalue().encode()


def _countries(session: Session, ids: list[UUID]) -> dict[UUID, str]:
    at_claim = (LetterClaim.merchant_id == Claim.merchant_id) & (LetterClaim.claim_id == Claim.id)
    mine = LetterClaim.merchant_id == merchant_of(session), LetterClaim.letter_id.in_(ids)
    wanted = select(LetterClaim.letter_id, Claim.country).join_from(LetterClaim, Claim, at_claim)
    return {row.letter_id: row.country for row in session.execute(wanted.where(*mine))}


def confirm(
    session: Session, keys: Keys, batch_id: UUID | None, failed: Mapping[UUID, str], actor: str, now: datetime
) -> Confirmed:
    """The printer has sent them, all but `failed` (letter → reason). Raises BatchUnknown, AlreadyConfirmed, Invalid."""
    batch = session.get(PrintBatch, (merchant_of(session), batch_id), with_for_update=True) if batch_id else None
    if batch is None:
        raise BatchUnknown
    if batch.state == "CONFIRMED":
        raise AlreadyConfirmed
    taken = {letter.id: letters.locked(session, letter.id) for letter in letters_of(session, batch.id)}
    taken = {id_: letter for id_, letter in taken.items() if letter.batch_id == batch.id}  # none taken back meanwhile
    if strange := set(failed) - set(taken):
        raise Invalid.at("/failed", f"{to_public('ltr', min(strange))} is no letter of this batch")
    for id_, letter in taken.items():
        if id_ in failed:
            letter_sending.bounced(session, keys, letter, failed[id_], now)
        else:
            letter_sending.sent(session, keys, letter, now)
    batch.state, batch.confirmed_at, batch.confirmed_by = "CONFIRMED", now, actor
    session.flush()
    return Confirmed(len(taken) - len(failed), len(failed))


def came_back(session: Session, keys: Keys, letter_id: UUID, why: str, now: datetime) -> Letter:
    """A letter that had been sent came back in the post, or an e-mail did. Raises LetterUnknown, Refused."""
    letter = letters.locked(session, letter_id)
    letter_sending.bounced(session, keys, letter, why, now)
    return letter
