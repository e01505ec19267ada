"""Reading and writing the German catalogue."""

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
FOLDER = Path(__file__).resolve().parent / "de" / "LC_MESSAGES"
PO, MO = FOLDER / "messages.po", FOLDER / "messages.mo"
SOURCES = [
    ("**/admin/**.py", "python"),
    ("**/portal/**.py", "python"),
    ("**/core/pages.py", "python"),
    ("**/templates/**.html", "jinja2"),
]
KEYWORDS = {"_": None, "gettext": None, "lazy_gettext": None, "say": None, "mark": None}
OPTIONS = {"**/templates/**.html": {"extensions": "jinja2.ext.do", "trimmed": "true", "silent": "false"}}


def said() -> Catalog:
    """Every sentence of the pages, as found in the code."""
    found = Catalog(locale="de")
    for filename, line, message, _, context in extract_from_dir(GATEWAY, SOURCES, OPTIONS, KEYWORDS):
        found.add(message, None, [(filename, line)], context=context)
    return found


def stored() -> Catalog:
    """The catalogue as it stands in the repository."""
    with PO.open("rb") as file:
        return read_po(file, locale="de")


def update() -> list[str]:
    """Merge what the pages say into the catalogue and compile it. Returns what has no German."""
    catalogue = stored() if PO.exists() else Catalog(locale="de")
    catalogue.update(said(), no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    FOLDER.mkdir(parents=True, exist_ok=True)
    with PO.open("wb") as file:
        write_po(file, catalogue, width=110, no_location=True, omit_header=True, sort_output=True)
    MO.write_bytes(compiled(stored()))
    return [str(message.id) for message in catalogue if message.id and not message.string]


def compiled(catalogue: Catalog) -> bytes:
    """The binary form that gettext reads."""
    made = io.BytesIO()
    catalogue.creation_date = catalogue.revision_date = WHENEVER
    write_mo(made, catalogue)
    return made.getvalue()
