"""Who a buyer is: e-mail, phone and address in one normal form, and their blind indexes.

A buyer is identified by his e-mail address, else by his phone. The root of an e-mail address (without dots and tags) and
postal addresses only link buyers. The mode (live or test) is part of every hashed value: test data never meets live data.
"""

import ipaddress
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from gateway.core.crypto import blind_index

EMAIL, EMAIL_ROOT, PHONE, BILLING, DELIVERY = "email", "email_root", "phone", "billing", "delivery"
ADDRESS = "address"
"""Billing and delivery addresses are hashed as this one kind, so that each can be found by the other."""
_DOTLESS = {"gmail.com": "gmail.com", "googlemail.com": "gmail.com"}
"""Domains whose mailboxes ignore dots, and the name they share (Google's help page "Dots don't matter")."""


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address as shops have it; `line1` is street and number, `country` ISO 3166-1 alpha-2."""

    line1: str = ""
    line2: str = ""
    postcode: str = ""
    city: str = ""
    country: str = ""
    state: str = ""
    name: str = ""
    company: str = ""


@dataclass(frozen=True, slots=True)
class Identity:
    """What an order or a checkout tells about its buyer. The e-mail address has been validated at the door."""

    email: str = ""
    phone: str = ""
    billing: Address | None = None
    delivery: Address | None = None


def digests(index_key: bytes, *, live: bool, identity: Identity) -> dict[str, bytes]:
    """The blind indexes of an identity by kind; what is absent or cannot be read has none."""
    return {
        kind: digest(index_key, ADDRESS if kind in (BILLING, DELIVERY) else kind, value, live=live)
        for kind, value in _values(identity).items()
        if value
    }


def context_digests(index_key: bytes, *, live: bool, ip: str, device_id: str, handle: str) -> dict[str, bytes]:
    """The blind indexes of connection, device and means of payment by kind; what is absent has none. `ip` is normal."""
    values = {"ip": ip, "device": device_id.strip(), "handle": normal_handle(handle)}
    return {kind: digest(index_key, kind, value, live=live) for kind, value in values.items() if value}


def domain_digests(index_key: bytes, *, live: bool, email: str) -> dict[str, bytes]:
    """The blind indexes of a mail domain and those above it, as `domain:<name>`."""
    domains = normal_domains(normal_email(email)) if email else ()
    return {f"domain:{name}": digest(index_key, "domain", name, live=live) for name in domains}


def digest(index_key: bytes, kind: str, value: str, *, live: bool) -> bytes:
    """The blind index of a normal value. The mode is part of it."""
    return blind_index(index_key, f"{'live' if live else 'test'}.{kind}", value)


def identifying(found: dict[str, bytes]) -> tuple[str, bytes] | None:
    """The kind and digest that identify the buyer: e-mail, else phone, else None."""
    kind = EMAIL if EMAIL in found else PHONE
    return (kind, found[kind]) if kind in found else None


def _values(identity: Identity) -> dict[str, str]:
    email = normal_email(identity.email)
    home = identity.billing or identity.delivery
    return {
        EMAIL: email,
        EMAIL_ROOT: email_root(email),
        PHONE: normal_phone(identity.phone, home.country if home else ""),
        BILLING: normal_address(identity.billing),
        DELIVERY: normal_address(identity.delivery),
    }


def normal_email(text: str) -> str:
    """Case folded, without blanks around it, the domain in its ASCII form; "" when there is no domain."""
    local, at, domain = text.strip().rpartition("@")
    if not (local and at and domain):
        return ""
    if text.isascii():
        return f"{local}@{domain.removesuffix('.')}".lower()
    return _international_email(text.strip())


def _international_email(text: str) -> str:
    """Unicode addresses are rare and go the thorough way (RFC 6532, IDNA 2008)."""
    try:
        valid = validate_email(text, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return unicodedata.normalize("NFC", text).casefold()
    return f"{valid.local_part.casefold()}@{valid.ascii_domain}"


def normal_domains(email: str) -> tuple[str, ...]:
    """The domain of a normal e-mail address and those above it down to two labels: `a.b.example` is also `b.example`."""
    labels = email.rpartition("@")[2].split(".")
    return tuple(".".join(labels[start:]) for start in range(max(0, len(labels) - 5), len(labels) - 1))


def normal_handle(text: str) -> str:
    """A payment handle without blanks and case, as an IBAN is written with or without."""
    return "".join(text.split()).casefold()


def normal_ip(text: str) -> str:
    """An IP address in its normal form; of IPv6 the /64, which is one connection. "" for anything else."""
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address):
        return str(address.ipv4_mapped or ipaddress.ip_network((int(address), 64), strict=False))
    return str(address)


def email_root(email: str) -> str:
    """A normal e-mail address without its +tag, and without dots where the provider ignores them."""
    local, _, domain = email.rpartition("@")
    local = local.partition("+")[0] or local
    if domain in _DOTLESS:
        return f"{local.replace('.', '')}@{_DOTLESS[domain]}"
    return f"{local}@{domain}" if domain else ""


@lru_cache(maxsize=2_000)
def normal_phone(text: str, country: str) -> str:
    """E.164, reading national numbers as of `country`; "" for what is no valid number there.

    A checkout asks again while its buyer types, and reading a number costs as much as judging the order: kept a while.
    """
    if not text:
        return ""
    try:
        number = phonenumbers.parse(text, country or None)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_valid_number(number):
        return ""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def normal_address(address: Address | None) -> str:
    """Country, postcode and street with number, without case, punctuation, umlauts and the usual abbreviations.

    The city is left out: people misspell it, and the postcode says it. "" without street or postcode.
    """
    if address is None:
        return ""
    street = normal_street(address.line1 if _has_digit(address.line1) else f"{address.line1} {address.line2}")
    postcode = _words(address.postcode)
    return f"{address.country.upper()}|{postcode}|{street}" if street and postcode else ""


def normal_street(text: str) -> str:
    """`Königsallee 12 a` and `KOENIGSALLEE 12a` are one, `1-3` and `13` are two."""
    words = [_short(word) for word in _WORDS.findall(fold(text))]
    return _BETWEEN_DIGITS.sub("-", " ".join(words)).replace(" ", "")


def fold(text: str) -> str:
    """Lower case without accents; German umlauts and ß as they are written without them (ä → ae, ß → ss)."""
    folded = text.casefold()
    if folded.isascii():
        return folded
    spelled = unicodedata.normalize("NFC", folded).translate(_SPELLED)
    if spelled.isascii():
        return spelled
    return "".join(letter for letter in unicodedata.normalize("NFKD", spelled) if not unicodedata.combining(letter))


_SPELLED = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d"}
)
_WORDS = re.compile(r"[^\W\d_]+|\d+")
_BETWEEN_DIGITS = re.compile(r"(?<=\d) (?=\d)")
_SHORT = (("strasse", "str"), ("platz", "pl"))


def _short(word: str) -> str:
    for long, short in _SHORT:
        if word.endswith(long):
            return word.removesuffix(long) + short
    return word


def _words(text: str) -> str:
    return "".join(_WORDS.findall(fold(text)))


def _has_digit(text: str) -> bool:
    return any(letter.isdigit() for letter in text)
