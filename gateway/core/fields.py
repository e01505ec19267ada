"""What schemas need beside marshmallow's own."""

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields


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


class Whole(fields.Integer):
    """A whole number written as one: neither 1.0 nor "1" nor true."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> int:  # noqa: ARG002 - marshmallow's signature
        if type(value) is not int:
            raise self.make_error("invalid", input=value)
        return value


class Day(fields.Date):
    """A date written 2026-11-25, of a time in which this system is used; for any other, `outside` is raised."""

    FIRST, LAST = date(1900, 1, 1), date(2199, 12, 31)

    def __init__(self, *, outside: Callable[[str], Exception] = ValidationError, **options: Any) -> None:
        super().__init__(**options)
        self.outside = outside

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> date:  # noqa: ARG002 - marshmallow's signature
        if not isinstance(value, str) or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value, re.ASCII):
            raise self.make_error("invalid", input=value, obj_type=self.OBJ_TYPE)
        try:
            day = date.fromisoformat(value)
        except ValueError as error:
            raise self.make_error("invalid", input=value, obj_type=self.OBJ_TYPE) from error
        if not self.FIRST <= day <= self.LAST:
            raise self.outside(f"{day} lies outside the years {self.FIRST.year} to {self.LAST.year}")
        return day
