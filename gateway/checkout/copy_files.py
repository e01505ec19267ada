"""The copy of a buyer's data as files: JSON for programs, one page for people, and his documents, in a ZIP (pure)."""

import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from typing import Any

from markupsafe import Markup, escape

from gateway.checkout.copy_texts import label

MAX_DEPTH = 12
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
    ).format(language, label("title", language), Markup(_STYLE), label("title", language))  # noqa: S704 - a constant
    parts = (
        Markup("<h2>{}</h2>{}").format(label(name, language), _shown(value, language, 0))
        for name, value in copy.items()
        if name not in ("language", "live", "complete")
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


def _shown(value: Any, language: str, depth: int) -> Markup:
    if depth > MAX_DEPTH:
        return escape(str(value))
    if isinstance(value, Mapping):
        rows = (
            Markup("<dt>{}</dt><dd>{}</dd>").format(label(str(name), language), _shown(inner, language, depth + 1))
            for name, inner in value.items()
            if inner not in (None, "", [], {})
        )
        return Markup("<dl>{}</dl>").format(Markup("").join(rows))
    if isinstance(value, list | tuple):
        items = (Markup("<li>{}</li>").format(_shown(inner, language, depth + 1)) for inner in value)
        return Markup("<ul>{}</ul>").format(Markup("").join(items)) if value else escape(label("none", language))
    if isinstance(value, bool):
        return escape(label("yes" if value else "no", language))
    return escape("–" if value is None else str(value))
