"""A letter and a print batch as others see them: ids, codes and amounts, nothing personal."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from gateway.core.ids import to_public
from gateway.receivables.letter_models import Letter, LetterClaim, PrintBatch


def letter_view(letter: Letter, lines: Sequence[LetterClaim] | None = None) -> dict[str, Any]:
    """With what it says about each claim where the lines are given."""
    told = {
        "id": to_public("ltr", letter.id),
        "shop_id": to_public("shp", letter.shop_id),
        "buyer_id": to_public("buy", letter.buyer_id),
        "live": letter.live,
        "kind": letter.kind,
        "step": letter.step,
        "channel": letter.channel,
        "fallback": letter.fallback,
        "language": letter.language,
        "state": letter.state,
        "day": letter.day.isoformat(),
        "deadline": _day(letter.deadline),
        "drafted_at": _moment(letter.drafted_at),
        "release_at": _moment(letter.release_at),
        "sent_at": _moment(letter.sent_at),
        "ended_at": _moment(letter.ended_at),
        "ended_why": letter.ended_why,
        "findings": letter.findings or [],
        "has_pdf": letter.document_id is not None,
        "batch_id": to_public("prb", letter.batch_id) if letter.batch_id else None,
    }
    return told if lines is None else {**told, "claims": [_line(line) for line in lines]}


def _line(line: LetterClaim) -> dict[str, Any]:
    return {
        "claim_id": to_public("clm", line.claim_id),
        "level": line.level,
        "total_minor": line.total_minor,
        "currency": line.figures.get("currency", ""),
        "figures": line.figures,
    }


def batch_view(batch: PrintBatch) -> dict[str, Any]:
    return {
        "id": to_public("prb", batch.id),
        "day": batch.day.isoformat(),
        "state": batch.state,
        "letter_count": batch.letter_count,
        "made_at": _moment(batch.made_at),
        "confirmed_at": _moment(batch.confirmed_at),
        "confirmed_by": batch.confirmed_by,
    }


def _moment(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat().replace("+00:00", "Z")


def _day(value: date | None) -> str | None:
    return None if value is None else value.isoformat()
