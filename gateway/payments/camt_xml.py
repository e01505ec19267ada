"""ISO 20022 messages as nodes, element by element, whatever the version: by local names, entities refused (pure)."""

import re
from collections.abc import Callable
from functools import cache
from typing import Any, NoReturn
from xml.parsers import expat

from gateway.payments.bank_entries import MAX_TEXT, BankFileUnreadable

Node = dict[str, Any]
"""An element: local name → text, (text, currency) for amounts, node, or a list where it repeats."""
MESSAGES = {
    "BkToCstmrAcctRpt": "camt.052",
    "BkToCstmrStmt": "camt.053",
    "BkToCstmrDbtCdtNtfctn": "camt.054",
    "CstmrPmtStsRpt": "pain.002",
}
_NAMESPACE = re.compile(r"urn:iso:std:iso:20022:tech:xsd:(camt\.05[234]|pain\.002)\.001\.(\d\d)(\.\w+)?")
_VERSIONS = range(2, 14)
_DEEPEST = 64


class Reader:
    """Hands over the wanted elements as they end, and forgets them: a file of any length takes the memory of its results.

    `wanted`: local name → names of the elements it must stand in.
    """

    def __init__(self, kind: str, wanted: dict[str, frozenset[str]], take: Callable[[str, Node, Node], None]) -> None:
        self.format = ""
        self._kind, self._wanted, self._take = kind, wanted, take
        self._open: list[tuple[str, Node, str | None]] = [("", {}, None)]
        self._locals: dict[str, str] = {}
        self._text: list[str] = []

    def read(self, content: bytes) -> None:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = _refuse
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text.append
        try:
            parser.Parse(content, True)  # noqa: FBT003 - the parser's own way to say that this is all
        except (expat.ExpatError, ValueError, LookupError) as error:
            raise BankFileUnreadable("the file is no well-formed XML") from error
        if not self.format:
            raise BankFileUnreadable("the file is no ISO 20022 message")

    def _start(self, full: str, attributes: dict[str, str]) -> None:
        self._open.append((self._locals.get(full) or self._name(full), {}, attributes.get("Ccy")))
        self._text.clear()

    def _name(self, full: str) -> str:
        """The local name of an element met for the first time."""
        namespace, _, name = full.rpartition(" ")
        if name in MESSAGES:
            self.format = _checked(namespace, name, self._kind)
        return self._locals.setdefault(full, name)

    def _end(self, _: str) -> None:
        name, node, currency = self._open.pop()
        above_name, above, _own = self._open[-1]
        if name in self._wanted and above_name in self._wanted[name]:
            if self.format:
                self._take(name, node, above)
            return
        value: Any = node
        if not node:
            value = "".join(self._text)
            if name[-3:] == "Amt":
                value = value, currency
            elif len(self._open) > _DEEPEST:
                raise BankFileUnreadable("the file is nested deeper than any bank's")
        self._text.clear()
        if above.setdefault(name, value) is not value:
            before = above[name]
            above[name] = [*before, value] if type(before) is list else [before, value]


def _refuse(*_: object) -> NoReturn:
    raise BankFileUnreadable("a bank file declares no document type and no entities")


def _checked(namespace: str, name: str, kind: str) -> str:
    """The message's format. Raises BankFileUnreadable for another one or a version nobody has read yet."""
    format_ = MESSAGES[name]
    if not format_.startswith(kind):
        raise BankFileUnreadable(f"the message is not {kind}")
    if namespace:  # a bank in the field declares its namespace for a prefix that nothing bears
        version = _NAMESPACE.fullmatch(namespace)
        if version is None or version[1] != format_ or int(version[2]) not in _VERSIONS:
            raise BankFileUnreadable("the namespace is not that of a known version of the message")
    return format_


@cache
def _steps(path: str) -> tuple[str, ...]:
    return tuple(path.split("/"))


def at(node: Node, path: str) -> Any:
    """The first node or text at the path, None where there is none."""
    found: Any = node
    for step in _steps(path):
        if type(found) is list:
            found = found[0]
        if type(found) is not dict:
            return None
        found = found.get(step)
    return found


def text_at(node: Node, *paths: str) -> str:
    """The first of these that holds something."""
    for path in paths:
        found: Any = node
        for step in _steps(path):
            if type(found) is list:
                found = found[0]
            found = found.get(step) if type(found) is dict else None
        while type(found) in (list, tuple):
            found = found[0]
        if type(found) is str and (stripped := found.strip()):
            return stripped[:MAX_TEXT]
    return ""


def nodes(node: Node, path: str) -> list[Any]:
    """All at the path whose last step repeats."""
    head, _, last = path.rpartition("/")
    above = (_each(at(node, head)) if head else [node]) if node else []
    return [one for each in above if type(each) is dict for one in _each(each.get(last))]


def _each(found: Any) -> list[Any]:
    return [] if found is None else found if type(found) is list else [found]
