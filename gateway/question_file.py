"""One document from a file or standard input: strict JSON, or YAML that means the same as the JSON it looks like.

YAML 1.1 reads `country: NO` as false, `postcode: 01067` as 567 and a date as an object; a line of aliases can unfold
to gigabytes. So only what JSON has is resolved: null, true, false, decimal numbers and text.
"""

import json
import re
from pathlib import Path
from typing import IO, Any

import yaml

from gateway.core.errors import BadRequest, NotFound, TooLarge
from gateway.core.strict_json import decode_json

MAX_BYTES = 4 * 1024 * 1024


class FileUnreadable(NotFound):
    """The file cannot be read."""


class FileTooLarge(TooLarge):
    """The file is larger than 4 MB."""


class NotYaml(BadRequest):
    """The file is neither valid JSON nor plain YAML."""


def read(name: str, stdin: IO[bytes]) -> Any:
    """The document in the file, or on standard input for `-`. Raises FileUnreadable, FileTooLarge, NotJson, NotYaml."""
    raw = _bytes(name, stdin)
    if len(raw) > MAX_BYTES:
        raise FileTooLarge(limit_bytes=MAX_BYTES)
    looks_like_json = raw.lstrip()[:1] in (b"{", b"[")
    if name.endswith(".json") or (looks_like_json and not name.endswith((".yaml", ".yml"))):
        return decode_json(raw)
    return decode_yaml(raw)


def _bytes(name: str, stdin: IO[bytes]) -> bytes:
    if name == "-":
        return stdin.read(MAX_BYTES + 1)
    try:
        with Path(name).open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise FileUnreadable(f"{name}: {error.strerror}") from error


def decode_yaml(raw: bytes) -> Any:
    """As `decode_json`, for YAML. Raises NotYaml."""
    try:
        found = yaml.load(raw.decode(), Loader=_PlainLoader)  # noqa: S506 - derived from SafeLoader, with less in it
        return decode_json(json.dumps(found, allow_nan=False).encode())
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise NotYaml(_place(error)) from error


def _place(error: Exception) -> str | None:
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return str(error)[:200] or None
    return f"line {mark.line + 1}: {getattr(error, 'problem', None) or 'cannot be read'}"


class _PlainLoader(yaml.SafeLoader):
    """YAML without aliases, merge keys, double names and everything that JSON has not."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's own class attribute

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.composer.ComposerError(None, None, "aliases are not read", self.get_mark())
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - PyYAML's signature
        names = [name.value for name, _ in node.value]
        if len(set(map(str, names))) < len(names):
            raise yaml.constructor.ConstructorError(None, None, "a name stands twice", node.start_mark)
        return super().construct_mapping(node, deep=deep)


for _tag, _pattern, _first in (
    ("null", r"^(?:null|~|)$", ["n", "~", ""]),
    ("bool", r"^(?:true|false)$", ["t", "f"]),
    ("int", r"^-?(?:0|[1-9][0-9]*)$", list("-0123456789")),
    ("float", r"^-?(?:0|[1-9][0-9]*)\.[0-9]+$", list("-0123456789")),
):
    _PlainLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), _first)
