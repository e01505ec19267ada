"""The evidence as one PDF by typst: everything people wrote is handed over as data and shown as text, never evaluated."""

import json
import threading
from datetime import UTC, date, datetime, time
from functools import cache
from pathlib import Path

import fontpkg_arimo
import typst

from gateway.chargebacks.fields import Content
from gateway.chargebacks.words import words
from gateway.core.errors import GatewayError

_TEMPLATE = Path(__file__).parent / "templates" / "chargebacks" / "evidence.typ"
_OF_THREAD = threading.local()


class EvidenceNotRendered(GatewayError):
    """The evidence could not be laid out."""

    status = 500


def render(content: Content, dated: date) -> bytes:
    """The same bytes for the same content and day. Raises EvidenceNotRendered."""
    said = words(content.language)
    document = {
        "language": content.language,
        "title": content.title,
        "summary": [list(one) for one in content.summary],
        "statement": content.statement,
        "statement_title": said["statement"],
        "attached": said["attached"],
        "dated": dated.isoformat(),
        "parts": [
            {"title": part.title, "lines": list(part.lines), "files": list(part.file_names)}
            for part in content.parts
            if part.present
        ],
    }
    stamp = datetime.combine(dated, time(12), UTC)
    try:
        made = _compiler().compile(sys_inputs={"evidence": json.dumps(document, ensure_ascii=False)}, timestamp=stamp)
    except typst.TypstError as error:
        raise EvidenceNotRendered from error
    if not isinstance(made, bytes):
        raise EvidenceNotRendered
    return made


def _compiler() -> typst.Compiler:
    """One per thread."""
    compiler: typst.Compiler | None = getattr(_OF_THREAD, "compiler", None)
    if compiler is None:
        compiler = _OF_THREAD.compiler = typst.Compiler(str(_TEMPLATE), root=str(_TEMPLATE.parent), font_paths=_fonts())
    return compiler


@cache
def _fonts() -> typst.Fonts:
    folder = Path(fontpkg_arimo.__file__).parent / "files"
    return typst.Fonts(include_system_fonts=False, font_paths=[str(folder)])
