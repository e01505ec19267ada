"""The adapter `json`: any bureau that answers JSON over HTTPS, described by its configuration (`bureau_document`)."""

import base64
import hashlib
import hmac
import ipaddress
import json
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from urllib3.exceptions import HTTPError, ReadTimeoutError

from gateway.core import clock
from gateway.core.egress import Guard, Reply, SafePool, UrlRefused, check_url
from gateway.core.errors import GatewayError, Invalid
from gateway.core.pointers import find, put
from gateway.core.strict_json import decode_json
from gateway.risk.bureau import Answer, Configured, Inquiry, Person, Place, Terms
from gateway.risk.bureau_document import Compiled, compile_document
from gateway.shops.identity import fold, normal_street

MAX_ANSWER_BYTES = 64 * 1024
MAX_SECRET_BYTES = 16 * 1024
MOST_RETRY_S = 3600
"""A bureau that asks for more is asked again all the same: policy and breaker see to the rest."""


class JsonBureau:
    """Asks by one POST: no redirects, no repetition, no address in a private network unless the operator allows it."""

    def terms(self, body: Mapping[str, Any], secret: bytes, place: Place) -> Terms:
        """Check document, address and secret. Raises Invalid."""
        mapping = compile_document(body)
        _check_secret(mapping.auth["kind"], secret)
        here = is_loopback(mapping.url)
        try:
            check_url(mapping.url, allow_private=place.allow_private)
        except UrlRefused as error:
            raise Invalid.at("/url", f"cannot be called: {error.facts['reason']}") from error
        return Terms(mapping.proof, mapping.required, mapping.countries, here)

    def ask(self, configured: Configured, inquiry: Inquiry, deadline_s: float) -> Answer:
        """Send, read, compare."""
        mapping = compile_document(configured.body)
        identity = configured.secret if mapping.auth["kind"] == "mtls" else None
        return exchange(
            mapping, configured.secret, inquiry, _pool(configured.place.allow_private, identity), deadline_s
        )


adapter = JsonBureau()


def exchange(mapping: Compiled, secret: bytes, inquiry: Inquiry, pool: SafePool, deadline_s: float) -> Answer:
    """One question by this mapping over this pool."""
    body = request_body(mapping, inquiry)
    headers = {**mapping.headers, "Content-Type": "application/json", "Accept": "application/json"}
    headers |= _authorization(mapping.auth, secret, body, clock.now())
    try:
        reply = pool.exchange(mapping.url, headers, body, max_answer_bytes=MAX_ANSWER_BYTES, timeout_s=deadline_s)
    except ReadTimeoutError:
        return Answer("timeout", detail="no answer within the deadline")
    except (HTTPError, OSError, GatewayError, ValueError) as error:
        return Answer("error", detail=type(error).__name__)
    return read(mapping, reply, inquiry)


def request_body(mapping: Compiled, inquiry: Inquiry) -> bytes:
    """What is sent: the mapped fields that are known, and the constants."""
    known = _known(inquiry)
    document: dict[str, Any] = {}
    for pointer, value in mapping.constants.items():
        put(document, pointer, value)
    for pointer, name in mapping.request.items():
        if known[name] not in ("", None):
            put(document, pointer, known[name])
    return json.dumps(document, ensure_ascii=False).encode()


def _known(inquiry: Inquiry) -> dict[str, Any]:
    person, proof = inquiry.person, inquiry.proof
    return {
        **{name: getattr(person, name) for name in person.__slots__},
        "reference": inquiry.reference,
        "amount_minor": inquiry.amount_minor,
        "currency": inquiry.currency,
        "proof_kind": proof.kind,
        "proof_text_version": proof.text_version,
        "proof_at": proof.at.isoformat(),
    }


def read(mapping: Compiled, reply: Reply, inquiry: Inquiry) -> Answer:
    """What an answer means."""
    if reply.status == 429:
        return Answer("rate_limited", detail="429", retry_after_s=_retry_after(reply.headers.get("retry-after", "")))
    if reply.status in mapping.no_hit_status:
        return Answer("no_hit", detail=str(reply.status))
    if not 200 <= reply.status < 300:
        return Answer("error", detail=f"status {reply.status}")
    if not reply.whole:
        return Answer("garbage", detail=f"longer than {MAX_ANSWER_BYTES} bytes")
    try:
        document = decode_json(reply.body)
    except GatewayError:
        return Answer("garbage", detail="not JSON")
    return _judged(mapping, document, inquiry)


def _judged(mapping: Compiled, document: Any, inquiry: Inquiry) -> Answer:
    if mapping.hit is not None:
        said = find(document, mapping.hit["at"])
        if said is None:
            return Answer("garbage", detail=f"nothing at {mapping.hit['at']}")
        if not any(said == value and type(said) is type(value) for value in mapping.hit["values"]):
            return Answer("no_hit")
    if mapping.reference and find(document, mapping.reference) != inquiry.reference:
        return Answer("wrong_person", detail="another reference")
    if (doubt := _doubt(mapping, document, inquiry.person)) is not None:
        return doubt
    score = mapping.scale.of(find(document, mapping.scale.at))
    if score is None:
        return Answer("garbage", detail=f"no score at {mapping.scale.at}")
    return Answer("scored", score)


def _doubt(mapping: Compiled, document: Any, person: Person) -> Answer | None:
    """Whether the answer is about whom we asked; what we could not ask with cannot be compared."""
    asked = {pointer: name for pointer, name in mapping.identity.items() if getattr(person, name)}
    if not asked:
        return Answer("garbage", detail="nothing to compare")
    for pointer, name in asked.items():
        said = find(document, pointer)
        if not isinstance(said, str):
            return Answer("garbage", detail=f"no text at {pointer}")
        if not _same(name, said, person):
            return Answer("wrong_person", detail=name)
    return None


def _same(name: str, said: str, person: Person) -> bool:
    """Names and addresses as people write them: without case, accents, blanks and the usual abbreviations."""
    asked = getattr(person, name)
    if name in ("line1", "line2"):
        return normal_street(said) == normal_street(asked)
    return _letters(said) == _letters(asked)


def _letters(text: str) -> str:
    return "".join(letter for letter in fold(text) if letter.isalnum())


def _retry_after(text: str) -> int:
    """Seconds to wait (RFC 9110, seconds or a date); one minute where nothing readable is said."""
    if text.strip().isdecimal() and len(text) < 10:
        return min(int(text), MOST_RETRY_S)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return 60
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0, min(int((at - clock.now()).total_seconds()), MOST_RETRY_S))


def _authorization(auth: Mapping[str, str], secret: bytes, body: bytes, now: datetime) -> dict[str, str]:
    """The headers that prove who asks."""
    match auth["kind"]:
        case "bearer":
            return {"Authorization": f"Bearer {secret.decode()}"}
        case "basic":
            return {"Authorization": "Basic " + base64.b64encode(auth["user"].encode() + b":" + secret).decode()}
        case "header":
            return {auth["header"]: secret.decode()}
        case "hmac":
            return _signed(auth, secret, body, str(int(now.timestamp())))
    return {}


def _signed(auth: Mapping[str, str], secret: bytes, body: bytes, moment: str) -> dict[str, str]:
    """HMAC-SHA-256 in hex over the Unix time, a dot and the body."""
    mac = hmac.digest(secret, moment.encode() + b"." + body, "sha256").hex()
    headers = {auth.get("header", "X-Signature"): mac, auth.get("timestamp_header", "X-Timestamp"): moment}
    return headers | ({auth["key_id_header"]: auth["key_id"]} if "key_id" in auth else {})


def _check_secret(kind: str, secret: bytes) -> None:
    if (kind == "none") != (not secret):
        raise Invalid.at("/auth/kind", f"{kind} {'takes no secret' if secret else 'needs a secret'}")
    if len(secret) > MAX_SECRET_BYTES:
        raise Invalid.at("/auth/kind", "the secret is too long")
    if kind == "mtls":
        try:
            _pool(False, secret)  # noqa: FBT003 - kept for the calls to come
        except (ssl.SSLError, ValueError) as error:
            raise Invalid.at("/auth/kind", "the secret is no certificate with its key in PEM") from error
    elif kind in ("bearer", "header") and not (secret.isascii() and secret.decode().isprintable()):
        raise Invalid.at("/auth/kind", "the secret holds characters that no header may")


def is_loopback(url: str) -> bool:
    """Whether a URL names this machine by a loopback address, which no name server can turn into another one."""
    try:
        return ipaddress.ip_address(urlsplit(url).hostname or "").is_loopback
    except ValueError:
        return False


@lru_cache(maxsize=50)
def _kept_pool(allow_private: bool, digest: bytes, identity: "_Hidden") -> SafePool:  # noqa: FBT001, ARG001 - a key of the cache
    return SafePool(Guard(allow_private=allow_private), identity=identity.pem)


class _Hidden:
    """A certificate that is not part of a cache's key; its digest is."""

    def __init__(self, pem: bytes | None) -> None:
        self.pem = pem

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Hidden)

    def __hash__(self) -> int:
        return 0


def _pool(allow_private: bool, identity: bytes | None) -> SafePool:  # noqa: FBT001 - as above
    """Connections are kept per certificate, so that no merchant speaks over another one's."""
    return _kept_pool(allow_private, hashlib.sha256(identity or b"").digest(), _Hidden(identity))
