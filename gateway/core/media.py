"""What a file is, told from its bytes: only kinds that are on the list come in, and only as what they say they are."""

import json
import re
import unicodedata
from collections.abc import Callable, Collection
from typing import NoReturn

from gateway.core.errors import Invalid, TooLarge

MAX_BYTES = 10 * 1024 * 1024
MAX_NAME = 200
_ALIASES = {"text/xml": "application/xml", "image/jpg": "image/jpeg"}
_MARKUP = re.compile(rb"<(?:\?xml[ \t\r\n]|[A-Za-z_])")
_PAGE = re.compile(rb"<(?:!doctype[ \t\r\n]+html|html|head|body|script|svg)[ \t\r\n/>]", re.IGNORECASE)
_DECLARES = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_CONTROL = bytes(set(range(32)) - set(b"\t\n\f\r"))
_UNSEEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
"""Unicode categories that can hide or turn the end of a name."""
_MAGIC = {
    "application/pdf": b"%PDF-",
    "image/png": b"\x89PNG\r\n\x1a\n",
    "image/jpeg": b"\xff\xd8\xff",
}


def checked(content: bytes, media_type: str) -> str:
    """The plain name of the media type (`text/csv; charset=…` → `text/csv`) when the content is one.

    Raises `TooLarge` beyond 10 MB and `Invalid` for an empty file, a kind that is not accepted, or bytes of another kind.
    """
    if len(content) > MAX_BYTES:
        raise TooLarge("a document has at most 10 MB", limit_bytes=MAX_BYTES)
    if not content:
        raise Invalid.at("/content", "the document is empty")
    named = media_type.partition(";")[0].strip().lower()
    kind = _ALIASES.get(named, named)
    if kind not in _IS:
        raise Invalid.at("/media_type", f"must be one of {', '.join(sorted(_IS))}")
    if not _IS[kind](content):
        raise Invalid.at("/content", f"the bytes are not {kind}")
    return kind


def told_from(content: bytes, kinds: Collection[str]) -> str:
    """Which of these kinds the bytes are, whatever their sender calls them; "" for none."""
    return next((kind for kind in kinds if _IS[kind](content)), "")


def clean_name(name: str) -> str:
    """A file name without folders, control or direction marks, at most 200 characters. Raises `Invalid` when none is left."""
    last = re.split(r"[/\\]", name)[-1]
    kept = "".join(letter for letter in last if unicodedata.category(letter) not in _UNSEEN).strip(" .")
    if not kept:
        raise Invalid.at("/name", "a document needs a file name")
    stem, dot, ending = kept.rpartition(".")
    if dot and len(ending) <= 10:
        return stem[: MAX_NAME - len(ending) - 1] + dot + ending
    return kept[:MAX_NAME]


def _begins(magic: bytes) -> Callable[[bytes], bool]:
    return lambda content: content.startswith(magic)


def _text(content: bytes) -> bool:
    """UTF-8 or an 8-bit code page (banks still send those), nothing binary, no page for a browser."""
    start = _start(content)
    if content.translate(None, _CONTROL) != content or any(start.startswith(magic) for magic in _MAGIC.values()):
        return False
    return not _PAGE.match(start)


def _xml(content: bytes) -> bool:
    """Markup that declares no document type and no entity, so that no reader can be led outside or blown up by it."""
    start = _start(content)
    return bool(_MARKUP.match(start)) and _text(content) and not _DECLARES.search(content)


def _json(content: bytes) -> bool:
    try:
        json.loads(content, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return False
    return True


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _start(content: bytes) -> bytes:
    return content[:1024].removeprefix(b"\xef\xbb\xbf").lstrip()


def _heic(content: bytes) -> bool:
    """ISO base media whose brand is one of HEIF: what telephones photograph in."""
    return content[4:8] == b"ftyp" and content[8:12] in _HEIF


_HEIF = frozenset({b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1"})
_IS: dict[str, Callable[[bytes], bool]] = {
    **{kind: _begins(magic) for kind, magic in _MAGIC.items()},
    "image/heic": _heic,
    "application/xml": _xml,
    "application/json": _json,
    "text/plain": _text,
    "text/csv": _text,
}
