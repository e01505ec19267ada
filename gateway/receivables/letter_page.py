"""A letter in words: what stands in it from top to bottom, the same for paper, for HTML and for plain text.

Strings are what people read; no renderer may take anything in them for markup.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Row:
    """A label and what belongs to it: an amount, a sum (`strong`), or what the claim is for (`fact`)."""

    label: str
    value: str
    strong: bool = False
    fact: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a heading."""

    heading: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Grid:
    """Several claims at a glance: heads of the columns, one line each, the sum."""

    heading: str
    columns: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]
    total: Row
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """Paragraphs, under a heading or without one."""

    heading: str
    paragraphs: tuple[str, ...]
    framed: bool = False


@dataclass(frozen=True, slots=True)
class Payment:
    """How to pay: what a person types, and what a banking app scans (`epc`, EUR) or a bank reads (`swiss`, CHF)."""

    heading: str
    rows: tuple[Row, ...]
    caption: str
    scans: bool
    """Whether a code for banking apps stands beside it."""


Block = Table | Grid | Section | Payment


@dataclass(frozen=True, slots=True)
class Page:
    """The whole letter."""

    language: str
    locale: str
    country: str
    title: str
    sender_line: str
    """Small, above the address in the window."""
    sender: tuple[str, ...]
    recipient: tuple[str, ...] = field(repr=False)
    info: tuple[Row, ...]
    greeting: str = field(repr=False)
    opening: str
    blocks: tuple[Block, ...]
    closing: str
    signature: str
    footer: tuple[str, ...]
    statement: tuple[Table, ...] = ()
    """The single claims, on pages of their own."""
    statement_heading: str = ""
    link: str = ""
    button: str = ""
    pages: str = ""
    """`Page {page} of {pages}`, to be filled by whoever counts them."""
