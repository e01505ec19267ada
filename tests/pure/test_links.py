"""A link opens the decision it was made for, and nothing else."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gateway.checkout import links
from gateway.checkout.links import COPY, EXPLANATION, Link
from gateway.core.crypto import new_key
from gateway.core.ids import new_id

KEY = new_key()
UNTIL = datetime(2026, 11, 24, 12, tzinfo=UTC)
LINK = Link(EXPLANATION, new_id(), new_id(), UNTIL)


def test_a_link_says_what_it_was_made_of():
    """There and back."""
    token = links.token(KEY, LINK)
    assert len(token) <= 80
    assert links.read(token) == LINK
    assert links.genuine(token, KEY)


def test_another_key_use_decision_or_date_is_another_link():
    """What stands in it is bound by the code."""
    code = links.token(KEY, LINK)[-22:]
    others = [
        Link(COPY, LINK.merchant_id, LINK.subject, UNTIL),
        Link(EXPLANATION, new_id(), LINK.subject, UNTIL),
        Link(EXPLANATION, LINK.merchant_id, new_id(), UNTIL),
        Link(EXPLANATION, LINK.merchant_id, LINK.subject, UNTIL + timedelta(days=1)),
    ]
    assert not links.genuine(links.token(KEY, LINK), new_key())
    for other in others:
        assert not links.genuine(links.token(KEY, other)[:-22] + code, KEY)


@given(st.integers(0, 70), st.sampled_from("ABCabc012-_"))
def test_no_letter_of_a_link_can_be_changed(place, letter):
    """Nor is there a second spelling of the same one."""
    token = links.token(KEY, LINK)
    changed = token[:place] + letter + token[place + 1 :]
    assert changed == token or not links.genuine(changed, KEY)


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_what_is_no_link_is_none(text):
    """Whatever somebody types behind the slash."""
    assert links.read(text) is None or len(text) == len(links.token(KEY, LINK))
    assert not links.genuine(text, KEY)
