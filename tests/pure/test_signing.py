"""Signed messages: what we sign the public library verifies, and the other way round, also while keys change."""

from datetime import UTC, datetime, timedelta

import pytest
import standardwebhooks
from hypothesis import given
from hypothesis import strategies as st

from gateway.core import clock
from gateway.core.signing import BadSignature, SigningKey, secret_text, sign, verify

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
OLD = SigningKey("k1", b"o" * 32, NOW - timedelta(days=400))
NEW = SigningKey("k2", b"n" * 32, NOW - timedelta(hours=1))
BODY = b'{"type":"claim.settled","amount_minor":12990}'


def test_the_public_library_verifies_what_we_sign():
    """A receiver who uses the standardwebhooks package needs nothing of ours."""
    now = clock.now()
    key = SigningKey("k", b"w" * 32, now)
    headers = sign([key], "msg_1", BODY, now)
    assert standardwebhooks.Webhook(secret_text(key.secret)).verify(BODY, headers)["amount_minor"] == 12990


def test_we_verify_what_the_public_library_signs():
    """And a sender neither."""
    signature = standardwebhooks.Webhook(NEW.secret).sign("evt_9", NOW, BODY.decode())
    headers = {"Webhook-Id": "evt_9", "Webhook-Timestamp": str(int(NOW.timestamp())), "Webhook-Signature": signature}
    assert verify([OLD, NEW], headers, BODY, NOW) is NEW


def test_during_a_rotation_receivers_of_either_key_are_served():
    """Both signatures stand in the header until the old key is retired."""
    headers = sign([OLD, NEW], "msg_1", BODY, NOW)
    assert verify([OLD], headers, BODY, NOW) is OLD
    assert verify([NEW], headers, BODY, NOW) is NEW


def test_a_retired_key_signs_and_verifies_nothing():
    """A leaked secret is worth nothing once it is retired."""
    retired = SigningKey("k1", OLD.secret, OLD.created_at, retired_at=NOW)
    headers = sign([OLD], "msg_1", BODY, NOW)
    with pytest.raises(BadSignature):
        verify([retired, NEW], headers, BODY, NOW)
    with pytest.raises(ValueError):
        sign([retired], "msg_1", BODY, NOW)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"webhook-timestamp": str(int(NOW.timestamp()) - 301)}, "too-old"),
        ({"webhook-timestamp": str(int(NOW.timestamp()) + 301)}, "too-new"),
        ({"webhook-timestamp": "yesterday"}, "bad-timestamp"),
        ({"webhook-timestamp": "٣"}, "bad-timestamp"),
        ({"webhook-timestamp": "9" * 400}, "bad-timestamp"),
        ({"webhook-id": "msg_2"}, "no-match"),
        ({"webhook-id": ""}, "missing-header"),
        ({"webhook-signature": ""}, "missing-header"),
        ({"webhook-signature": "v2,abc v1, v1"}, "no-match"),
        ({"webhook-signature": "v1,ÿ\udcff"}, "no-match"),
    ],
)
def test_a_message_that_was_touched_is_refused_with_its_reason(change, reason):
    """Every signed part counts: id, time and signature."""
    headers = sign([NEW], "msg_1", BODY, NOW) | change
    with pytest.raises(BadSignature) as refused:
        verify([NEW], headers, BODY, NOW)
    assert refused.value.facts == {"reason": reason}


def test_another_body_is_refused():
    """An amount cannot be changed on the way."""
    headers = sign([NEW], "msg_1", BODY, NOW)
    with pytest.raises(BadSignature):
        verify([NEW], headers, BODY.replace(b"12990", b"1"), NOW)


@given(body=st.binary(max_size=200), message_id=st.from_regex(r"\A[a-z0-9_]{1,30}\Z"))
def test_any_body_survives_the_way_out_and_in(body, message_id):
    """Bytes that are no text are signed as they are."""
    assert verify([NEW], sign([OLD, NEW], message_id, body, NOW), body, NOW) is NEW


def test_a_secret_is_told_as_receivers_libraries_read_it():
    """The prefix of the specification and plain base64."""
    assert secret_text(b"0123456789abcdef") == "whsec_MDEyMzQ1Njc4OWFiY2RlZg=="


def test_a_short_secret_is_refused_and_none_is_ever_printed():
    """24 bytes is what the specification asks for."""
    with pytest.raises(ValueError):
        SigningKey("k", b"short", NOW)
    assert "nnnn" not in repr(NEW)
