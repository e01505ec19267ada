"""The evidence as each provider wants it: its field names and its lengths, from one content model (pure)."""

from dataclasses import dataclass, field
from typing import Any

from gateway.chargebacks.worth import Piece, pieces_of

STRIPE_FIELD, STRIPE_ALL, KLARNA_ALL, PAYPAL_NOTES, ADYEN_TYPE = 20_000, 150_000, 2_000, 2_000, "DefenseMaterial"
"""Limits of the providers; PayPal's length of notes is taken from memory."""
_STRIPE_SHORT = (
    "customer_name",
    "customer_email_address",
    "billing_address",
    "shipping_address",
    "shipping_date",
    "shipping_carrier",
    "shipping_tracking_number",
)


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of evidence as it stands: what it says, and the documents that prove it."""

    name: str
    title: str
    lines: tuple[str, ...] = ()
    document_ids: tuple[str, ...] = ()
    file_names: tuple[str, ...] = ()
    missing: str = ""
    """What to upload, where nothing is there."""

    @property
    def present(self) -> bool:
        return bool(self.lines or self.document_ids)


@dataclass(frozen=True, slots=True)
class Content:
    """Everything the answer says, for the fields and for the PDF."""

    language: str
    title: str
    summary: tuple[tuple[str, str], ...]
    statement: str
    parts: tuple[Part, ...]
    category: str
    customer: dict[str, str] = field(default_factory=dict)

    @property
    def present(self) -> frozenset[str]:
        return frozenset(part.name for part in self.parts if part.present)


@dataclass(frozen=True, slots=True)
class Fields:
    """Texts by the provider's names, and (purpose, document id)."""

    texts: dict[str, str]
    files: tuple[tuple[str, str], ...] = ()


def fields_of(provider: str, content: Content, pdf_id: str) -> Fields:
    """For this provider; the PDF holds everything, so nothing is lost by a limit."""
    made = {"stripe": _stripe, "paypal": _paypal, "klarna": _klarna, "adyen": _adyen}.get(provider)
    return made(content, pdf_id) if made else Fields({"text": whole(content)}, (("pdf", pdf_id),) if pdf_id else ())


def whole(content: Content) -> str:
    """All of it as plain text."""
    said = [content.statement] if content.statement else []
    said += [f"{part.title}: " + "; ".join(part.lines) for part in content.parts if part.lines]
    return "\n\n".join(said)


def cut(text: str, most: int) -> str:
    """At most so many characters, visibly cut."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _stripe(content: Content, pdf_id: str) -> Fields:
    texts: dict[str, str] = {name: content.customer[name] for name in _STRIPE_SHORT if content.customer.get(name)}
    files: list[tuple[str, str]] = []
    for piece, part in _pairs(content):
        if piece.stripe_text and part.lines:
            told = [texts[piece.stripe_text]] if piece.stripe_text in texts else []
            texts[piece.stripe_text] = "\n".join([*told, *part.lines])
        if piece.stripe_file and part.document_ids:
            files.append((piece.stripe_file, part.document_ids[0]))
    if content.statement:
        texts["uncategorized_text"] = "\n\n".join(
            filter(None, [content.statement, texts.get("uncategorized_text", "")])
        )
    texts = {name: cut(value, STRIPE_FIELD) for name, value in texts.items()}
    room = STRIPE_ALL
    for name, value in texts.items():
        texts[name] = value[: max(0, room)]
        room -= len(texts[name])
    return Fields(
        {name: value for name, value in texts.items() if value}, (*files, *_pdf("uncategorized_file", pdf_id))
    )


def _paypal(content: Content, pdf_id: str) -> Fields:
    texts: dict[str, str] = {}
    for piece, part in _pairs(content):
        if part.lines:
            told = [texts[piece.paypal_type]] if piece.paypal_type in texts else []
            texts[piece.paypal_type] = "\n".join([*told, *part.lines])
    if content.statement:
        texts["OTHER"] = "\n\n".join(filter(None, [content.statement, texts.get("OTHER", "")]))
    return Fields({name: cut(value, PAYPAL_NOTES) for name, value in texts.items()}, _pdf("OTHER", pdf_id))


def _klarna(content: Content, pdf_id: str) -> Fields:
    return Fields({"text": cut(whole(content), KLARNA_ALL)}, _pdf("attachment", pdf_id))


def _adyen(_: Content, pdf_id: str) -> Fields:
    """Adyen takes documents only; which types it wants it says per dispute."""
    return Fields({"defense_reason": "SupplyDefenseMaterial"}, _pdf(ADYEN_TYPE, pdf_id))


def _pdf(purpose: str, pdf_id: str) -> tuple[tuple[str, str], ...]:
    return ((purpose, pdf_id),) if pdf_id else ()


def _pairs(content: Content) -> list[tuple[Piece, Part]]:
    parts = {part.name: part for part in content.parts}
    return [(piece, parts[piece.name]) for piece in pieces_of(content.category) if piece.name in parts]


def as_json(content: Content, fields: Fields) -> dict[str, Any]:
    """What was handed in, to be kept."""
    parts = [
        {"name": part.name, "lines": list(part.lines), "documents": list(part.document_ids)} for part in content.parts
    ]
    return {"fields": fields.texts, "files": [list(one) for one in fields.files], "parts": parts}
