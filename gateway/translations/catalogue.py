"""Reading and writing the catalogues: German of all pages, French and Italian of those a debtor reads."""

import io
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

WHENEVER = datetime(2026, 1, 1, tzinfo=UTC)
"""The date inside the compiled form: the same sentences give the same bytes."""
GATEWAY = Path(__file__).resolve().parents[1]
HERE = Path(__file__).resolve().parent
Sources = list[tuple[str, str]]
DEBTORS: Sources = [
    ("**/portal/pay.py", "python"),
    ("**/portal/pay_*.py", "python"),
    ("**/templates/pay/**.html", "jinja2"),
    ("**/core/templates/core/page.html", "jinja2"),
    ("**/core/templates/core/languages.html", "jinja2"),
]
SOURCES: dict[str, Sources] = {
    "de": [
        ("**/admin/**.py", "python"),
        ("**/demo/mailbox.py", "python"),
        ("**/portal/**.py", "python"),
        ("**/core/pages.py", "python"),
        ("**/templates/**.html", "jinja2"),
    ],
    "fr": DEBTORS,
    "it": DEBTORS,
}
"""Language → where its sentences are said."""
KEYWORDS = {"_": None, "gettext": None, "lazy_gettext": None, "say": None, "mark": None}
JINJA = {"extensions": "jinja2.ext.do", "trimmed": "true", "silent": "false"}


def place(language: str) -> tuple[Path, Path]:
    """The written and the compiled catalogue."""
    folder = HERE / language / "LC_MESSAGES"
    return folder / "messages.po", folder / "messages.mo"


def said(language: str) -> Catalog:
    """Every sentence of the pages in this language, as found in the code."""
    found = Catalog(locale=language)
    sources = SOURCES[language]
    options = {pattern: JINJA for pattern, method in sources if method == "jinja2"}
    for filename, line, message, _, context in extract_from_dir(GATEWAY, sources, options, KEYWORDS):
        found.add(message, None, [(filename, line)], context=context)
    return found


def stored(language: str) -> Catalog:
    """The catalogue as it stands in the repository."""
    with place(language)[0].open("rb") as file:
        return read_po(file, locale=language)


def update(language: str) -> list[str]:
    """Merge what the pages say into the catalogue and compile it. Returns what has no translation."""
    written, binary = place(language)
    catalogue = stored(language) if written.exists() else Catalog(locale=language)
    catalogue.update(said(language), no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    written.parent.mkdir(parents=True, exist_ok=True)
    with written.open("wb") as file:
        write_po(file, catalogue, width=110, no_location=True, omit_header=True, sort_output=True)
    binary.write_bytes(compiled(stored(language)))
    return [str(message.id) for message in catalogue if message.id and not message.string]


def compiled(catalogue: Catalog) -> bytes:
    """The binary form that gettext reads."""
    made = io.BytesIO()
    catalogue.creation_date = catalogue.revision_date = WHENEVER
    write_mo(made, catalogue)
    return made.getvalue()
