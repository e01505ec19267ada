"""One tree of errors: a class carries code and status, an instance the facts; the docstring is the message.

They become RFC 9457 problem documents in `core/http`, once. `code` is stable and part of the API.
"""

import re
from typing import Any, ClassVar


class GatewayError(Exception):
    """Something went wrong."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal-error"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "code" not in cls.__dict__:
            cls.code = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", cls.__name__).lower()

    def __init__(self, detail: str | None = None, **facts: Any) -> None:
        self.detail = detail
        self.facts = facts
        super().__init__(detail or self.title)

    @property
    def title(self) -> str:
        return (type(self).__doc__ or self.code).strip().splitlines()[0]


class BadRequest(GatewayError):
    """The request cannot be read."""

    status = 400


class Unauthenticated(GatewayError):
    """A valid key is needed."""

    status = 401


class Forbidden(GatewayError):
    """The key or user may not do this."""

    status = 403


class NotFound(GatewayError):
    """There is no such thing here."""

    status = 404


class Refused(GatewayError):
    """The request cannot be carried out in the current state."""

    status = 409


class TooLarge(GatewayError):
    """The request is larger than allowed."""

    status = 413


class Invalid(GatewayError):
    """The request is readable but not valid."""

    status = 422
    code = "invalid-input"

    @classmethod
    def at(cls, path: str, message: str) -> "Invalid":
        """One fault at a JSON pointer (`/buyer/email`)."""
        return cls(errors=[{"path": path, "message": message}])


class Contradictory(GatewayError):
    """The input contradicts itself."""

    status = 422
    code = "contradictory-input"


class TooMany(GatewayError):
    """Too many requests; try again later."""

    status = 429
    code = "too-many-requests"


class Unavailable(GatewayError):
    """A part of the service is not available for the moment; nothing was recorded, try again."""

    status = 503
