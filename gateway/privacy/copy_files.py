"""The copy of a buyer's data as files: JSON for programs, one page for people, and his documents, in a ZIP (pure)."""

import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup, escape

from gateway.core.money import Money, currencies
from gateway.privacy.copy_texts import label

MAX_DEPTH = 12
_TIMES = ("_at", "since", "until")
_FOR_PROGRAMS = frozenset(
    {"language", "live", "complete", "recomputed", "group", "fact", "direction", "code", "url", "media_type"}
)
"""What `data.json` holds and a reader has no use for."""
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#16241f}"
    "dl{margin:0 0 0 .25rem;border-left:2px solid #dcd8cb;padding-left:.75rem}dt{color:#52635c}dd{margin:0 0 .4rem 0;"
    "overflow-wrap:anywhere}li{margin-bottom:.3rem}h1,h2{line-height:1.25}"
)


def as_json(copy: Mapping[str, Any]) -> bytes:
    return json.dumps(copy, ensure_ascii=False, indent=1, default=str).encode()


def as_page(copy: Mapping[str, Any]) -> bytes:
    """One HTML file that needs nothing beside it. Everything told is escaped."""
    language = str(copy["language"])
    head = Markup(
        '<!doctype html><html lang="{}"><meta charset="utf-8"><meta name="viewport" content="width=device-width,'
        'initial-scale=1"><meta name="robots" content="noindex"><title>{}</title><style>{}</style><h1>{}</h1>'
    ).format(language, label("copy", language), Markup(_STYLE), label("copy", language))  # noqa: S704 - a constant
    parts = (
        Markup("<h2>{}</h2>{}").format(label(name, language), _named(name, value, _Shown(language)))
        for name, value in copy.items()
        if name not in _FOR_PROGRAMS
    )
    return str(head + Markup("").join(parts) + Markup("</html>")).encode()


def as_zip(copy: Mapping[str, Any], documents: Iterable[tuple[str, bytes]] = ()) -> bytes:
    """`data.json`, `data.html` and the documents; a name that comes twice is numbered."""
    made, names = io.BytesIO(), set[str]()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.json", as_json(copy))
        archive.writestr("data.html", as_page(copy))
        for number, (name, content) in enumerate(documents, 1):
            safe = name.replace("/", "_").replace("\\", "_") or "document"
            unique = f"documents/{number}-{safe}" if safe in names else f"documents/{safe}"
            names.add(safe)
            archive.writestr(unique, content)
    return made.getvalue()


@dataclass(frozen=True, slots=True)
class _Shown:
    """How values are shown: in which language and currency, and how deep we are."""

    language: str
    currency: str = "EUR"
    depth: int = 0


def _named(name: str, value: Any, how: _Shown) -> Markup:
    """A value by its name: amounts and times as people write them."""
    if name.endswith("_minor") and isinstance(value, int):
        return escape(Money(value, how.currency).format("de_DE" if how.language == "de" else "en_GB"))
    if name.endswith(_TIMES) and isinstance(value, str | datetime):
        return escape(_moment(value, how.language))
    return _shown(value, how)


def _moment(value: str | datetime, language: str) -> str:
    try:
        moment = (datetime.fromisoformat(value) if isinstance(value, str) else value).astimezone(UTC)
    except (ValueError, OverflowError):
        return str(value)
    return moment.strftime("%d.%m.%Y %H:%M UTC" if language == "de" else "%d %b %Y %H:%M UTC")


def _shown(value: Any, how: _Shown) -> Markup:
    if how.depth > MAX_DEPTH:
        return escape(str(value))
    if isinstance(value, Mapping):
        inside = _Shown(how.language, _currency(value, how), how.depth + 1)
        rows = (
            Markup("<dt>{}</dt><dd>{}</dd>").format(label(str(name), how.language), _named(str(name), inner, inside))
            for name, inner in value.items()
            if inner not in (None, "", [], {}) and name not in _FOR_PROGRAMS
        )
        return Markup("<dl>{}</dl>").format(Markup("").join(rows))
    if isinstance(value, list | tuple):
        inside = _Shown(how.language, how.currency, how.depth + 1)
        items = (Markup("<li>{}</li>").format(_shown(inner, inside)) for inner in value)
        return Markup("<ul>{}</ul>").format(Markup("").join(items)) if value else escape(label("none", how.language))
    if isinstance(value, bool):
        return escape(label("yes" if value else "no", how.language))
    return escape("–" if value is None else str(value))


def _currency(value: Mapping[str, Any], how: _Shown) -> str:
    told = value.get("currency")
    return told if told in currencies() else how.currency
