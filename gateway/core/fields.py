"""What schemas need beside marshmallow's own."""

from collections.abc import Mapping
from typing import Any

from marshmallow import RAISE, Schema, fields


class YesNo(fields.Boolean):
    """true or false, and nothing that could pass for it: consent given by "on" or 1 is a mistake of the caller."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> bool:  # noqa: ARG002 - marshmallow's signature
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class Strict(Schema):
    """A schema of what comes in: a name it does not know is a fault, so that a misspelt one is not passed over."""

    class Meta:
        unknown = RAISE
