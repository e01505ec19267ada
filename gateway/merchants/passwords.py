"""Passwords: argon2id hashes at the library's defaults, and the few rules a password must meet (NIST SP 800-63B)."""

import unicodedata
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from gateway.core.errors import Invalid

MIN_LENGTH, MAX_LENGTH = 12, 200
MIN_LETTERS = 5
"""Different letters that a password needs: `aaaaaaaaaaaa` is long and worth nothing."""
_WORDS = """
password1234 password12345 password123456 passwordpassword passwort1234 passwort12345 passwort123456
passwortpasswort qwertzuiopasdf qwertyuiopasdf qwertyuiop123 qwertzuiop123 qwertzuiop12 qwertyuiop12 1q2w3e4r5t6y
1q2w3e4r5t6z 123456789012 1234567890123 012345678901 1234567891011 123123123123 987654321098 abcdefghijkl
abcdefghijklm abcd12345678 iloveyou1234 ichliebedich ichliebedich1 willkommen123 willkommen1234 sommer2025sommer
administrator administrator1 administrator123 letmein12345 changemechangeme changeme1234 hallohallohallo
hallo12345678 geheimgeheim geheim123456 kulanzkulanz kulanz123456 correcthorsebatterystaple
"""
COMMON = frozenset(_WORDS.split())
"""Long enough, and still the first that are tried."""

_HASHER = PasswordHasher()


def check(password: str, *known: str) -> None:
    """Refuse a password that is short, common, or one of the `known` words about its owner. Raises Invalid."""
    plain = password.casefold()
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise Invalid.at("/password", f"has {MIN_LENGTH} to {MAX_LENGTH} characters")
    if plain in COMMON or len(set(plain)) < MIN_LETTERS:
        raise Invalid.at("/password", "is one of the first that are guessed")
    if any(plain in (word.casefold(), word.casefold().partition("@")[0]) for word in known if word):
        raise Invalid.at("/password", "must be neither the name nor the e-mail address")


def hash_password(password: str) -> str:
    """The hash to store, with its salt and costs."""
    return _HASHER.hash(_bytes(password))


def verify(stored: str | None, password: str) -> bool:
    """Whether the password is the one; without a stored hash the answer is no and takes as long."""
    try:
        _HASHER.verify(stored or _dummy(), _bytes(password[: 2 * MAX_LENGTH]))
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None


def is_outdated(stored: str) -> bool:
    """Whether the costs have been raised since; the next login then stores a new hash."""
    return _HASHER.check_needs_rehash(stored)


def _bytes(password: str) -> bytes:
    """One form of what different keyboards send for the same letters."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")


@cache
def _dummy() -> str:
    return _HASHER.hash("a password that nobody has")
