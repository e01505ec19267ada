"""The score card: small, additive, explained, and strict about what it reads."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import GatewayError, Invalid
from gateway.risk import card
from gateway.risk.facts import CATALOGUE, Facts
from gateway.risk.score import score

RAW = json.loads((card.CARDS / "expert-1.json").read_text())


def a_sheet(**known) -> Facts:
    return Facts(**({"currency": "EUR", "total_minor": 10_000} | known))


def test_the_score_is_the_sum_of_its_tables():
    """Every table of the file, looked up by hand, adds up to the probability."""
    sheet = a_sheet(
        total_minor=9_000, paid_orders=3, overdue_days=9, email_disposable=True, same_address=False, ip_24h=20
    )
    by_hand = RAW["outputs"]["default"]["intercept"] - 1.1 + 1.2 + 1.4 + 0.25 + 0.6 + 0.15
    assert score(card.expert(), sheet).default == pytest.approx(1 / (1 + math.exp(-by_hand)), abs=1e-6)


def test_more_risk_signs_never_lower_the_risk():
    """Each velocity counter, overdue amount and suspicion only ever raises default and fraud."""
    calm = score(card.expert(), a_sheet())
    for name in CATALOGUE:
        if name.endswith(("_1h", "_24h", "_30d")) or name in ("overdue_days", "overdue_minor", "open_minor"):
            loud = score(card.expert(), a_sheet(**{name: 10**6}))
            assert (loud.default, loud.fraud) >= (calm.default, calm.fraud), name


def test_reasons_name_what_moved_the_score_most_in_order():
    """At most four, strongest first."""
    reasons = score(card.expert(), a_sheet(email_disposable=True, overdue_days=40, guest=True)).reasons
    assert len(reasons) == 4
    assert reasons[0].fact == "overdue_days"
    assert [abs(reason.effect) for reason in reasons] == sorted(
        (abs(reason.effect) for reason in reasons), reverse=True
    )


def test_no_card_reads_a_forbidden_feature():
    """BDSG § 37a: no gender, name, age, social network, account flows, bare address."""
    read = {table["fact"] for output in RAW["outputs"].values() for table in output["tables"]}
    assert not read & card.FORBIDDEN
    assert not set(CATALOGUE) & card.FORBIDDEN


def test_a_card_with_a_forbidden_feature_is_refused():
    """Also when somebody writes one himself."""
    raw = json.loads(json.dumps(RAW))
    raw["outputs"]["default"]["tables"][0]["fact"] = "age"
    with pytest.raises(Invalid) as caught:
        card.load(json.dumps(raw))
    assert caught.value.facts["errors"][0] == {
        "path": "/outputs/default/tables/0/fact",
        "message": "this feature is forbidden in a score",
    }


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw.update(format="additive-2"),
        lambda raw: raw["outputs"].pop("fraud"),
        lambda raw: raw["outputs"]["default"].update(intercept="NaN"),
        lambda raw: raw["outputs"]["default"]["tables"][0]["bands"]["cuts"].reverse(),
        lambda raw: raw["outputs"]["default"]["tables"][0]["bands"]["values"].pop(),
        lambda raw: raw["outputs"]["default"]["tables"][0].update(yes_no={"yes": 1, "no": 0}),
        lambda raw: raw["outputs"]["default"]["tables"][0]["bands"]["values"].__setitem__(0, 1e9),
        lambda raw: raw["outputs"]["default"].update(tables=[{"fact": "guest", "yes_no": {"yes": 1, "no": 0}}] * 101),
    ],
)
def test_a_damaged_card_is_refused(change):
    """Types, sizes, order and finite numbers."""
    raw = json.loads(json.dumps(RAW))
    change(raw)
    with pytest.raises(Invalid):
        card.load(json.dumps(raw))


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["outputs", "tables", "fact", "bands", "cuts", "format", "id", "default"]), inner
        )
    ),
    max_leaves=15,
)


@given(junk)
def test_nothing_but_a_refusal_comes_of_junk(raw):
    """Hostile files never crash the loader."""
    with pytest.raises(GatewayError):
        card.load(json.dumps(raw))
