"""Calls to providers: JSON, forms and files over HTTPS, within a time, with named failures and the rules of `core/egress`."""

import base64
import json
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

from urllib3.exceptions import HTTPError
from urllib3.exceptions import TimeoutError as LateError

from gateway.core.egress import Guard, SafePool
from gateway.core.errors import BadRequest, Invalid, Refused, Unavailable
from gateway.core.strict_json import decode_json

MAX_ANSWER = 1024 * 1024
TIMEOUT_S = 15.0
UPLOAD_S = 60.0


class ProviderAway(Unavailable):
    """The payment provider does not answer; try again later."""


class ProviderBusy(ProviderAway):
    """The payment provider asks to be called less often."""


class ProviderRefused(Refused):
    """The payment provider refused the request."""

    told: Mapping[str, Any] = MappingProxyType({})
    """What it said, for the adapter only: it may name people."""


class ProviderUnclear(Unavailable):
    """The payment provider answered something that cannot be read."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request. A `form` or `files` (name, file name, media type, content) replace the JSON `body`."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    json: Any = None
    form: Mapping[str, str] | None = None
    files: tuple[tuple[str, str, str, bytes], ...] = ()
    timeout_s: float = TIMEOUT_S


@dataclass(frozen=True, slots=True)
class Heard:
    """What was answered."""

    status: int
    body: bytes = field(repr=False)

    def document(self) -> dict[str, Any]:
        """The answer as a JSON object. Raises ProviderUnclear."""
        try:
            read = decode_json(self.body or b"{}")
        except (BadRequest, Invalid) as error:
            raise ProviderUnclear(status_of_provider=self.status) from error
        if not isinstance(read, dict):
            raise ProviderUnclear(status_of_provider=self.status)
        return read


class Net:
    """The way out of one process; connections are shared by its threads."""

    def __init__(self, *, allow_private: bool, pool: SafePool | None = None) -> None:
        self.allow_private = allow_private
        self.roots: bytes | None = None
        """Certificates (PEM) that are trusted to sign for a provider's messages; None is certifi's."""
        self._pool = pool or SafePool(Guard(allow_private=allow_private))
        self._kept: dict[str, tuple[float, bytes]] = {}
        self._lock = threading.Lock()

    def kept(self, name: str, now: float) -> bytes | None:
        """What was kept under this name, unless its time is over."""
        found = self._kept.get(name)
        return found[1] if found and now < found[0] else None

    def keep(self, name: str, value: bytes, until: float) -> None:
        """Keep something that would cost a call: a token, a certificate."""
        with self._lock:
            if len(self._kept) > 1000:
                self._kept.clear()
            self._kept[name] = until, value

    def ask(self, call: Call) -> dict[str, Any]:
        """The JSON object that answers. Raises ProviderAway, ProviderBusy, ProviderRefused, ProviderUnclear, UrlRefused."""
        return self.fetch(call).document()

    def fetch(self, call: Call) -> Heard:
        """A successful answer as it came. Raises as `ask`."""
        headers, body = _encoded(call)
        try:
            reply = self._pool.exchange(
                call.url,
                {"accept": "application/json", "user-agent": "kulanz", **headers, **call.headers},
                body,
                max_answer_bytes=MAX_ANSWER,
                timeout_s=call.timeout_s,
                method=call.method,
            )
        except LateError as error:
            raise ProviderAway(reason="timeout") from error
        except (HTTPError, OSError, ValueError) as error:
            raise ProviderAway(reason=type(error).__name__) from error
        if not reply.whole:
            raise ProviderUnclear(reason="too-long")
        return _judged(Heard(reply.status, reply.body), reply.headers.get("retry-after", ""))


def _judged(heard: Heard, retry_after: str) -> Heard:
    if heard.status == 429:
        raise ProviderBusy(retry_after_s=min(int(retry_after), 3600) if retry_after.isdecimal() else 60)
    if heard.status >= 500:
        raise ProviderAway(reason="server-error", status_of_provider=heard.status)
    if not 200 <= heard.status < 300:
        refused = ProviderRefused(status_of_provider=heard.status, reason=_reason(heard))
        refused.told = _told(heard)
        raise refused
    return heard


def _told(heard: Heard) -> dict[str, Any]:
    try:
        return heard.document()
    except ProviderUnclear:
        return {}


def _reason(heard: Heard) -> str:
    """The provider's code for a refusal: short words only, since its texts may name people."""
    told = _told(heard)
    inner = told.get("error") if isinstance(told.get("error"), dict) else told
    words = (inner.get(name) for name in ("code", "type", "name", "errorCode", "error_code", "title") if inner)
    found = next((word for word in words if isinstance(word, str)), "")
    return found if found.isascii() and len(found) <= 60 else ""


def _encoded(call: Call) -> tuple[dict[str, str], bytes]:
    if call.files:
        return _multipart(call.form or {}, call.files)
    if call.form is not None:
        return {"content-type": "application/x-www-form-urlencoded"}, urlencode(call.form).encode()
    if call.json is not None:
        return {"content-type": "application/json"}, json.dumps(call.json).encode()
    return {}, b""


def _multipart(form: Mapping[str, str], files: tuple[tuple[str, str, str, bytes], ...]) -> tuple[dict[str, str], bytes]:
    """RFC 7578; names and types are ours, a file's name keeps no character that could end its line."""
    edge = secrets.token_hex(16)
    said = [(name, "", "", value.encode()) for name, value in form.items()]
    lines: list[bytes] = []
    for name, filename, media, content in (*said, *files):
        plain = "".join(letter for letter in filename if letter.isascii() and (letter.isalnum() or letter in "._- "))
        head = f'content-disposition: form-data; name="{name}"' + (f'; filename="{plain}"' if filename else "")
        kind = f"\r\ncontent-type: {media}" if media else ""
        lines.append(f"--{edge}\r\n{head}{kind}\r\n\r\n".encode() + content + b"\r\n")
    return {"content-type": f"multipart/form-data; boundary={edge}"}, b"".join(lines) + f"--{edge}--\r\n".encode()


def basic(user: str, password: str = "") -> str:
    """The value of an Authorization header."""
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"
