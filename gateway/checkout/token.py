"""The signed answer that a plugin or a Shopify Function verifies offline (pure).

`v1.<kid>.<yyyy-mm-dd>.<outcome>.<max amount × 10⁴>.<bind>.<ref>.<64 hex>`; the MAC is HMAC-SHA-256 over v1, kid, expiry,
outcome, amount, bind, ref, currency, e-mail, customer id, country and postcode, each ended by a line feed; buyer facts
that `bind` (e, c, a) does not name are empty. No buyer data is in the token: the verifier takes it from the checkout.
"""

import hmac
from dataclasses import dataclass
from datetime import date

from gateway.core.money import exponent

_LOWER = str.maketrans({chr(code): chr(code + 32) for code in range(65, 91)})
"""ASCII only, as the function in the shop does."""


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """What a token says and is bound to."""

    expires: date
    outcome: str
    max_minor: int
    currency: str
    ref: str
    email: str = ""
    customer_id: str = ""
    country: str = ""
    postcode: str = ""

    @property
    def bind(self) -> str:
        named = (("e", self.email), ("c", self.customer_id), ("a", self.country or self.postcode))
        return "".join(letter for letter, value in named if value)


def sign(kid: str, key: bytes, facts: TokenFacts) -> str:
    """The token. Raises ValueError for a field that holds a line break, or a dot where it would split."""
    head = ["v1", kid, facts.expires.isoformat(), facts.outcome, _units(facts), facts.bind, facts.ref]
    buyer = [normal_email(facts.email), facts.customer_id, facts.country, normal_postcode(facts.postcode)]
    fields = [*head, facts.currency, *buyer]
    if any("\n" in field for field in fields) or any("." in field for field in head):
        raise ValueError("a token field holds a line break or a dot")
    mac = hmac.digest(key, "".join(field + "\n" for field in fields).encode(), "sha256").hex()
    return ".".join([*head, mac])


def verify(token: str, keys: dict[str, bytes], facts: TokenFacts, today: date) -> bool:
    """Whether the token was signed by one of `keys` for these facts and is not past its day."""
    kid = token.split(".")[1] if token.startswith("v1.") else ""
    if kid not in keys or today > facts.expires:
        return False
    return hmac.compare_digest(token.encode(), sign(kid, keys[kid], facts).encode())


def normal_email(text: str) -> str:
    return text.strip().translate(_LOWER)


def normal_postcode(text: str) -> str:
    return "".join(letter for letter in text if letter not in " -").translate(_LOWER)


def _units(facts: TokenFacts) -> str:
    return str(facts.max_minor * 10 ** (4 - exponent(facts.currency)))
