"""A letter as PDF: typst lays out what `letter_text` said. Deterministic, tagged, fonts from a wheel, no network.

Names and goods are handed over as JSON and shown as text; the template never evaluates them.
"""

import json
import threading
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, time
from functools import cache
from pathlib import Path
from typing import Any, Literal

import fontpkg_arimo
import typst

from gateway.core.errors import GatewayError
from gateway.receivables.letter_codes import girocode, payment_part
from gateway.receivables.letter_model import LetterModel
from gateway.receivables.letter_page import Block, Grid, Page, Payment, Section, Table
from gateway.receivables.letter_text import compose

_TEMPLATE = Path(__file__).parent / "templates" / "receivables" / "letter.typ"
_WINDOW_RIGHT = frozenset({"CH", "LI"})
_TYPES: dict[type, str] = {Table: "table", Grid: "grid", Section: "section", Payment: "payment"}
_OF_THREAD = threading.local()


class NotRendered(GatewayError):
    """The letter could not be laid out."""

    status = 500


def render(model: LetterModel, page: Page | None = None, standards: Sequence[Literal["ua-1"]] = ()) -> bytes:
    """The PDF of a letter, tagged, the same bytes for the same letter. Raises NotRendered.

    `standards`: have typst check the file against them, which takes as long again; tests do so with PDF/UA-1.
    """
    said = page or compose(model)
    document = json.dumps({**document_of(said), **_codes(model)}, ensure_ascii=False)
    stamp = datetime.combine(model.dated, time(12), UTC)
    try:
        made = _compiler().compile(sys_inputs={"letter": document}, pdf_standards=list(standards), timestamp=stamp)
    except typst.TypstError as error:
        raise NotRendered from error
    if not isinstance(made, bytes):
        raise NotRendered
    return made


def document_of(page: Page) -> dict[str, Any]:
    """The page as the template reads it."""
    blocks = [_block(block) for block in page.blocks]
    return {
        **asdict(page),
        "blocks": blocks,
        "statement": [_block(table) for table in page.statement],
        "window": "right" if page.country in _WINDOW_RIGHT else "left",
    }


def _block(block: Block) -> dict[str, Any]:
    return {"type": _TYPES[type(block)], **asdict(block)}


def _codes(model: LetterModel) -> dict[str, str]:
    return {"code": girocode(model), "payment_part": payment_part(model), "payment_alt": "QR-bill"}


def _compiler() -> typst.Compiler:
    """One per thread: it keeps what stays the same from letter to letter."""
    compiler: typst.Compiler | None = getattr(_OF_THREAD, "compiler", None)
    if compiler is None:
        compiler = _OF_THREAD.compiler = typst.Compiler(str(_TEMPLATE), root=str(_TEMPLATE.parent), font_paths=_fonts())
    return compiler


@cache
def _fonts() -> typst.Fonts:
    """Only what ships in wheels: a letter looks the same on every machine."""
    folder = Path(fontpkg_arimo.__file__).parent / "files"
    return typst.Fonts(include_system_fonts=False, font_paths=[str(folder)])
