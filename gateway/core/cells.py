"""Cells of a CSV file for people: what a spreadsheet would take for a formula becomes text (pure)."""

from typing import Any

_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def cell(value: Any) -> str:
    """The value as a cell; a text that a spreadsheet would calculate gets an apostrophe before it. None is empty."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, int | float):
        return str(value)
    text = str(value).replace("\0", "")
    return f"'{text}" if text.startswith(_STARTS) else text
