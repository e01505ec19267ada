"""Sealed fields open only in their place and under their key; wrapped keys survive the rotation of master keys."""

import base64
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.crypto import (
    INDEX_BYTES,
    Keyring,
    KeyUnknown,
    Tampered,
    blind_index,
    derive,
    new_key,
    seal,
    unseal,
)

KEYS = st.binary(min_size=32, max_size=32)
CONTEXTS = st.text(max_size=60).filter(lambda text: text.isprintable())


def two_keyrings() -> tuple[Keyring, Keyring]:
    """An installation before and after the rotation from k1 to k2."""
    old, new = Keyring.generate("k1"), Keyring.generate("k2")
    return Keyring.parse(old), Keyring.parse(f"{new},{old}")


@given(KEYS, st.binary(max_size=400), CONTEXTS)
def test_a_sealed_value_opens_in_its_place(key, plaintext, context):
    """What was sealed for a place comes back unchanged, and its blob is 29 bytes longer."""
    blob = seal(key, plaintext, context)
    assert unseal(key, blob, context) == plaintext
    assert len(blob) == len(plaintext) + 29


@given(KEYS, st.binary(max_size=60), st.data())
def test_a_single_changed_bit_is_noticed(key, plaintext, data):
    """Whichever bit of the blob flips, it no longer opens."""
    blob = bytearray(seal(key, plaintext, "buyer.email:1"))
    bit = data.draw(st.integers(0, len(blob) * 8 - 1))
    blob[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Tampered):
        unseal(key, bytes(blob), "buyer.email:1")


@given(KEYS, CONTEXTS, CONTEXTS)
def test_a_blob_moved_to_another_row_does_not_open(key, here, there):
    """The context is part of the seal."""
    blob = seal(key, b"Anna Muster", here)
    if here != there:
        with pytest.raises(Tampered):
            unseal(key, blob, there)


@given(st.binary(max_size=80))
def test_arbitrary_bytes_are_named_tampered(blob):
    """Whatever stands in a column, opening it answers with a named error."""
    with pytest.raises(Tampered):
        unseal(bytes(32), blob, "x")
    with pytest.raises((Tampered, KeyUnknown)):
        Keyring({"k1": bytes(32)}).unwrap(blob, "x")


def test_another_key_does_not_open_and_the_error_tells_nothing():
    """The message of the failure holds neither key nor content."""
    blob = seal(new_key(), b"DE02120300000000202051", "payment.iban:1")
    with pytest.raises(Tampered) as caught:
        unseal(new_key(), blob, "payment.iban:1")
    assert "DE02" not in str(caught.value)
    assert caught.value.status == 500
    assert caught.value.__cause__ is None


def test_equal_values_are_sealed_differently():
    """Two buyers of the same name cannot be told by their ciphertexts."""
    key = new_key()
    assert len({seal(key, b"Anna", "x") for _ in range(100)}) == 100


def test_threads_may_share_a_key():
    """A busy web process seals with one key from many threads at once."""
    key = new_key()

    def there_and_back(number: int) -> bool:
        text = str(number).encode() * 50
        return unseal(key, seal(key, text, "x"), "x") == text

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(there_and_back, range(4000)))


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_key_of_the_wrong_length_is_refused(length):
    """AES-128 by accident is a mistake, not a choice."""
    with pytest.raises(ValueError, match="32 bytes"):
        seal(bytes(length), b"", "x")


@given(KEYS, st.text(max_size=20), st.text(max_size=20), st.text(max_size=20), st.text(max_size=20))
def test_blind_indexes_are_equal_only_for_equal_kind_and_value(key, kind, value, other_kind, other_value):
    """An e-mail address never matches a phone number that is spelled alike, wherever the border lies."""
    same = (kind, value) == (other_kind, other_value)
    assert (blind_index(key, kind, value) == blind_index(key, other_kind, other_value)) is same


def test_blind_indexes_of_two_merchants_do_not_match():
    """Nothing can be joined across merchants; values nobody normalised do not break it."""
    assert blind_index(new_key(), "email", "a@b.example") != blind_index(new_key(), "email", "a@b.example")
    assert len(blind_index(new_key(), "email", "\ud800")) == INDEX_BYTES


def test_sub_keys_differ_by_purpose_and_stay_the_same():
    """HKDF-SHA256 of RFC 5869: one key gives one sub-key per purpose."""
    key = new_key()
    assert derive(key, "index") == derive(key, "index")
    assert len({key, derive(key, "index"), derive(key, "sealing"), derive(new_key(), "index")}) == 4


def test_rotation_keeps_every_data_key():
    """Old blobs open under the new keyring, are wrapped anew once, and then no longer need the old master key."""
    before, after = two_keyrings()
    key = new_key()
    old = before.wrap(key, "buyer.key:1")
    assert after.unwrap(old, "buyer.key:1") == key
    new = after.rewrap(old, "buyer.key:1")
    assert (after.kid_of(old), after.kid_of(new)) == ("k1", "k2")
    assert after.rewrap(new, "buyer.key:1") is new
    assert new.startswith(after.mark)
    with pytest.raises(KeyUnknown) as caught:
        before.unwrap(new, "buyer.key:1")
    assert (caught.value.status, caught.value.facts) == (503, {"kid": "k2"})


def test_a_wrapped_key_moved_to_another_buyer_does_not_open():
    """Wrapping binds to the place as sealing does, also while it is wrapped anew."""
    before, after = two_keyrings()
    blob = before.wrap(new_key(), "buyer.key:1")
    for attempt in (before.unwrap, after.unwrap, after.rewrap):
        with pytest.raises(Tampered):
            attempt(blob, "buyer.key:2")


@given(st.data())
def test_a_wrapped_key_with_a_flipped_bit_is_refused(data):
    """Also when the flip falls into the id of its master key."""
    keyring = Keyring({"k1": bytes(32), "k3": bytes(32)})
    blob = bytearray(keyring.wrap(bytes(32), "x"))
    bit = data.draw(st.integers(0, len(blob) * 8 - 1))
    blob[bit // 8] ^= 1 << bit % 8
    with pytest.raises((Tampered, KeyUnknown)):
        keyring.unwrap(bytes(blob), "x")


def test_a_sealed_value_is_no_wrapped_key_and_the_other_way_round():
    """The first byte tells the two kinds apart."""
    keyring = Keyring.parse(Keyring.generate())
    with pytest.raises(Tampered):
        keyring.unwrap(seal(new_key(), new_key(), "x"), "x")
    with pytest.raises(Tampered):
        unseal(new_key(), keyring.wrap(new_key(), "x"), "x")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "needs an id"),
        ("k1", "k1 is not the base64"),
        ("k1:QUJD", "k1 is not the base64"),
        ("k1:" + "é" * 44, "k1 is not the base64"),
        (":" + base64.b64encode(bytes(32)).decode(), "master key 1 needs an id"),
        ("ключ:" + base64.b64encode(bytes(32)).decode(), "master key 1 needs an id"),
        (",".join(["k1:" + base64.b64encode(bytes(32)).decode()] * 2), "k1 appears twice"),
    ],
)
def test_a_faulty_keyring_is_refused_with_the_entry_named(text, says):
    """An operator's slip at start-up is told plainly and shows no key."""
    with pytest.raises(ValueError, match=says) as caught:
        Keyring.parse(text)
    assert base64.b64encode(bytes(32)).decode() not in str(caught.value)


def test_a_keyring_never_prints_its_keys():
    """Logs and tracebacks show ids only."""
    text = Keyring.generate("k1")
    assert repr(Keyring.parse(text)) == "Keyring(k1)"
    with pytest.raises(ValueError, match="letters"):
        Keyring.generate("my key")
    with pytest.raises(ValueError, match="at least one"):
        Keyring({})
