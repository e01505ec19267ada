"""The signed answer: exactly the v1 format that the shop's function verifies."""

import hashlib
import hmac
from datetime import date

import pytest

from gateway.checkout.token import TokenFacts, sign, verify
from tests.conftest import SHARED

KEY = bytes(range(32))
FACTS = TokenFacts(
    expires=date(2026, 11, 22),
    outcome="allow",
    max_minor=15_000,
    currency="EUR",
    ref="d7k2",
    email="ada@example.com",
    customer_id="gid://shopify/Customer/7",
    country="NL",
    postcode="1012 AB",
)
KNOWN = "v1.k1.2026-11-22.allow.1500000.eca.d7k2.5e9ac0e873fa0d59bbf6f9a99d41b2678bc6b78a47b71f65c86b0b3b5a43fed6"


def test_the_token_of_the_working_function_is_made_byte_for_byte():
    """The example that the built function accepts."""
    assert sign("k1", KEY, FACTS) == KNOWN


def test_the_message_is_what_the_format_says():
    """Thirteen fields, each ended by a line feed; spelled out independently here."""
    message = (
        "v1\nk1\n2026-11-22\nallow\n1500000\neca\nd7k2\nEUR\nada@example.com\ngid://shopify/Customer/7\nNL\n1012ab\n"
    )
    assert KNOWN.rpartition(".")[2] == hmac.new(KEY, message.encode(), hashlib.sha256).hexdigest()


def test_our_signer_and_the_reference_signer_agree():
    """Over outcomes, bindings and currencies, against the proof's own code."""
    proof = SHARED / "proofs/shopify-function/tools/token_.py"
    if not proof.exists():
        pytest.skip("the reference signer is not in this clone")
    space: dict = {}
    exec(compile(proof.read_text(), "token_", "exec"), space)
    from decimal import Decimal  # noqa: PLC0415 - only where the proof is there

    for facts in (
        FACTS,
        TokenFacts(FACTS.expires, "decline", 1, "EUR", "x"),
        TokenFacts(FACTS.expires, "review", 995, "CHF", "y", email="Ä@B.de "),
    ):
        ours = sign("k9", KEY, facts)
        theirs = space["sign"](
            KEY,
            kid="k9",
            expires=facts.expires.isoformat(),
            outcome=facts.outcome,
            max_amount=Decimal(facts.max_minor) / 100,
            currency=facts.currency,
            bind=facts.bind,
            ref=facts.ref,
            email=facts.email,
            customer_id=facts.customer_id,
            country=facts.country,
            zip_code=facts.postcode,
        )
        assert ours == theirs


@pytest.mark.parametrize(
    "change", [{"email": "eve@example.com"}, {"max_minor": 15_001}, {"outcome": "decline"}, {"country": "BE"}]
)
def test_a_token_speaks_only_of_its_own_facts(change):
    """Another buyer, amount, outcome or place does not verify."""
    other = {name: getattr(FACTS, name) for name in FACTS.__slots__} | change
    token = sign("k1", KEY, FACTS)
    assert verify(token, {"k1": KEY}, FACTS, date(2026, 11, 22))
    assert not verify(token, {"k1": KEY}, TokenFacts(**other), date(2026, 11, 22))


def test_a_token_ends_with_its_day_and_with_its_key():
    """The day after, and after the key was retired, it is worth nothing."""
    token = sign("k1", KEY, FACTS)
    assert not verify(token, {"k1": KEY}, FACTS, date(2026, 11, 23))
    assert not verify(token, {"k2": KEY}, FACTS, date(2026, 11, 22))
    assert not verify("nonsense", {"k1": KEY}, FACTS, date(2026, 11, 22))


def test_fields_cannot_smuggle_separators():
    """A dot or line break in a field is an error, never another token."""
    with pytest.raises(ValueError, match="line break or a dot"):
        sign("k1", KEY, TokenFacts(FACTS.expires, "al.low", 1, "EUR", "x"))
