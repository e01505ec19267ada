"""PayPal's signature: RSA-SHA256 over `id|time|webhook id|crc32(body)`, by a certificate that only PayPal's hosts may hand out.

The body is bound by a CRC-32 alone: whoever has one genuine delivery can write another body that verifies. So a message is
never more than partly proven, each delivery is bounded in time, and what it is about is fetched.
"""

import base64
import binascii
import re
import zlib
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import certifi
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from gateway.core.signing import BadSignature
from gateway.payments.calls import Call, ProviderRefused
from gateway.payments.providers import Account, Message
from gateway.payments.reading import Unreadable, parsed

CERT_NAMES = {True: "messageverificationcerts.paypal.com", False: "messageverificationcerts.sandbox.paypal.com"}
HOSTS = {
    True: frozenset({"api.paypal.com", "api-m.paypal.com"}),
    False: frozenset({"api.sandbox.paypal.com", "api-m.sandbox.paypal.com"}),
}
"""By the shop's mode. Exact names: `*.paypal.com` would trust every host that PayPal ever rents out."""
_PATH = re.compile(r"/v1/notifications/certs/CERT-[0-9a-f-]{8,80}", re.ASCII)
TOLERANCE_PAST = timedelta(days=4)
"""A delivery is repeated for three days under its first time. [memory: whether the time is renewed on repetition]"""
TOLERANCE_FUTURE = timedelta(minutes=5)
KEPT = timedelta(hours=6)
"""How long a certificate is used without fetching it again."""


def check(account: Account, message: Message) -> str:
    """The transmission's id. Raises BadSignature, ProviderAway."""
    said = {name: message.headers.get(f"paypal-{name}", "") for name in ("transmission-id", "transmission-time")}
    url, algorithm = message.headers.get("paypal-cert-url", ""), message.headers.get("paypal-auth-algo", "")
    if not all(said.values()) or not url:
        raise BadSignature(reason="missing-header")
    if algorithm != "SHA256withRSA":
        raise BadSignature(reason="bad-algorithm")
    _check_age(said["transmission-time"], message.received_at)
    check_cert_url(url, live=account.live)
    signature = _signature(message.headers.get("paypal-transmission-sig", ""))
    content = signed_content(
        said["transmission-id"], said["transmission-time"], account.get("webhook_id"), message.body
    )
    check_signature(_key(account, url, message.received_at), signature, content)
    return said["transmission-id"]


def signed_content(transmission_id: str, time: str, webhook_id: str, body: bytes) -> bytes:
    """What PayPal signs: the checksum as an unsigned decimal number."""
    return f"{transmission_id}|{time}|{webhook_id}|{zlib.crc32(body)}".encode("utf-8", "surrogatepass")


def check_signature(key: RSAPublicKey, signature: bytes, content: bytes) -> None:
    """PKCS #1 v1.5. Raises BadSignature."""
    try:
        key.verify(signature, content, PKCS1v15(), SHA256())
    except InvalidSignature:
        raise BadSignature(reason="no-match") from None


def check_cert_url(url: str, *, live: bool) -> None:
    """Only PayPal's own place for these certificates, and only that of the shop's mode. Raises BadSignature."""
    try:
        parts, port = urlsplit(url), urlsplit(url).port
    except ValueError:
        raise BadSignature(reason="bad-cert-url") from None
    plain = url.isascii() and url.isprintable() and " " not in url and "\\" not in url
    exact = parts.scheme == "https" and port is None and not (parts.username or parts.query or parts.fragment)
    if not (plain and exact and parts.netloc in HOSTS[live] and _PATH.fullmatch(parts.path)):
        raise BadSignature(reason="bad-cert-url")


def certified_key(pem: bytes, *, live: bool, now: datetime, roots: bytes | None = None) -> RSAPublicKey:
    """The key of a certificate whose chain ends at a known root and whose name is PayPal's. Raises BadSignature."""
    try:
        leaf, *chain = x509.load_pem_x509_certificates(pem)
        store = Store(x509.load_pem_x509_certificates(roots or _roots()))
        verifier = PolicyBuilder().store(store).time(now).build_server_verifier(x509.DNSName(CERT_NAMES[live]))
        verifier.verify(leaf, chain)
        key = leaf.public_key()
    except (ValueError, VerificationError, UnsupportedAlgorithm):
        raise BadSignature(reason="bad-certificate") from None
    if not isinstance(key, RSAPublicKey):
        raise BadSignature(reason="bad-certificate")
    return key


def _roots() -> bytes:
    with open(certifi.where(), "rb") as file:  # noqa: PTH123 - a path as certifi gives it
        return file.read()


def _key(account: Account, url: str, now: datetime) -> RSAPublicKey:
    """Fetched without redirects, checked each time it is fetched, kept for hours."""
    seconds = now.timestamp()
    pem = account.net.kept(url, seconds)
    if pem is None:
        try:
            pem = account.net.fetch(Call("GET", url, {"accept": "*/*"}, timeout_s=8.0)).body
        except ProviderRefused:
            raise BadSignature(reason="bad-certificate") from None
    key = certified_key(pem, live=account.live, now=now, roots=account.net.roots)
    account.net.keep(url, pem, seconds + KEPT.total_seconds())
    return key


def _signature(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadSignature(reason="bad-signature") from None


def _check_age(written: str, now: datetime) -> None:
    try:
        at = parsed(written)
    except Unreadable:
        raise BadSignature(reason="bad-timestamp") from None
    if at > now + TOLERANCE_FUTURE or at < now - TOLERANCE_PAST:
        raise BadSignature(reason="too-new" if at > now else "too-old")
