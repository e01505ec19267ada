"""The score card: small, additive, explained, and strict about what it reads."""

import hashlib
import json
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.errors import GatewayError, Invalid
from gateway.risk import card, model_file
from gateway.risk.facts import CATALOGUE, Facts
from gateway.risk.score import attributions, score

RAW = json.loads((card.CARDS / "expert-1.json").read_text())


def sealed(raw) -> str:
    """The file of these words, with their hash."""
    return json.dumps(raw | {"hash": model_file.hash_of(raw)})


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
    raw["features"][3]["name"] = "age"
    with pytest.raises(Invalid) as caught:
        card.load(sealed(raw))
    assert caught.value.facts["errors"][0] == {
        "path": "/features/3/name",
        "message": "this feature is forbidden in a score",
    }


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw.update(format="model-2"),
        lambda raw: raw["outputs"].pop("fraud"),
        lambda raw: raw["outputs"]["default"].update(intercept="NaN"),
        lambda raw: raw["outputs"]["default"]["tables"][0]["bands"]["cuts"].reverse(),
        lambda raw: raw["outputs"]["default"]["tables"][0]["bands"]["values"].pop(),
        lambda raw: raw["outputs"]["default"]["tables"][0].update(yes_no={"yes": 1, "no": 0}),
        lambda raw: raw["outputs"]["default"]["tables"][0]["bands"]["values"].__setitem__(0, 1e9),
        lambda raw: raw["outputs"]["default"].update(tables=[{"fact": "guest", "yes_no": {"yes": 1, "no": 0}}] * 101),
        lambda raw: raw["outputs"]["default"].update(tables=[{"fact": "guest", "yes_no": {"yes": 1, "no": 0}}] * 2),
        lambda raw: raw["outputs"]["default"]["platt"].update(a=0),
        lambda raw: raw["outputs"]["default"]["platt"].update(b=True),
        lambda raw: raw["outputs"]["default"].update(bias=1),
        lambda raw: raw["features"].append(raw["features"][0]),
        lambda raw: raw["features"].append({"name": "shoe_size", "type": "int"}),
        lambda raw: raw["features"][0].update(type="text"),
        lambda raw: raw.update(currencies=[]),
        lambda raw: raw.update(note="a\0b"),
        lambda raw: raw.update(id="../etc"),
        lambda raw: raw.update(report={"rows": 1}),
    ],
)
def test_a_damaged_card_is_refused(change):
    """Types, sizes, order and finite numbers."""
    raw = json.loads(json.dumps(RAW))
    change(raw)
    with pytest.raises(Invalid) as caught:
        card.load(sealed(raw))
    assert caught.value.facts["errors"][0]["path"] != "/hash"


def test_a_file_that_was_edited_by_hand_is_told_from_its_hash():
    """Whoever changes a number makes another model, with a hash of its own."""
    raw = json.loads(json.dumps(RAW))
    raw["outputs"]["default"]["intercept"] = -9
    with pytest.raises(Invalid) as caught:
        card.load(json.dumps(raw))
    assert caught.value.facts["errors"][0]["path"] == "/hash"


def test_the_hash_is_of_what_is_said_and_not_of_how_it_is_laid_out():
    """Other spaces, another order of names: the same model."""
    assert card.load(json.dumps(RAW, indent=7, sort_keys=True)).digest == card.expert().digest


EARLIER = json.loads((Path(__file__).parent / "data/expert-1.additive-1.json").read_text())


def by_the_earlier_form(sheet: Facts, output: str) -> float:
    """The card as version 0.1 read it: plain sums, in the order of the file, amounts in euros and francs only."""
    part = EARLIER["outputs"][output]
    total = part["intercept"]
    for table in part["tables"]:
        value = getattr(sheet, table["fact"])
        if value is None or (sheet.currency not in card.AMOUNTS_IN and table["fact"].endswith("_minor")):
            total += table["missing"]
        elif "yes_no" in table:
            total += table["yes_no"]["yes" if value else "no"]
        else:
            total += table["bands"]["values"][sum(cut <= value for cut in table["bands"]["cuts"])]
    return round(1 / (1 + math.exp(-total)), 6)


def values_of(name: str):
    """Anything a fact can be, mostly near the bands; None for not known."""
    if CATALOGUE[name].type == "bool":
        return st.none() | st.booleans()
    if CATALOGUE[name].type == "text":
        return st.none() | st.sampled_from(["DE", "AT", "block"])
    return st.none() | st.integers(0, 60) | st.integers(0, 10**9)


SHEETS = st.builds(
    Facts,
    currency=st.sampled_from(["EUR", "CHF", "PLN"]),
    total_minor=st.integers(0, 200_000),
    **{name: values_of(name) for name in CATALOGUE if name not in ("currency", "total_minor")},
)


@settings(max_examples=300)
@given(SHEETS)
def test_the_expert_card_scores_as_it_did_in_its_earlier_form(sheet):
    """Decisions recorded under the earlier file are made again with the same result."""
    now = score(card.expert(), sheet)
    assert [now.default, now.fraud, now.return_] == [by_the_earlier_form(sheet, name) for name in card.OUTPUTS]


def test_decisions_that_name_the_earlier_file_find_the_card():
    """By the digest of that file, and by no other."""
    text = (Path(__file__).parent / "data/expert-1.additive-1.json").read_bytes()
    assert card.shipped_as("expert-1", hashlib.sha256(text).hexdigest()) is card.expert()
    assert card.shipped_as("expert-1", card.expert().digest) is card.expert()
    assert card.shipped_as("expert-1", "0" * 64) is None
    assert card.shipped_as("expert-0", card.expert().digest) is None


@given(SHEETS)
def test_effects_and_the_usual_add_up_to_the_score(sheet):
    """And the four told are the strongest of them."""
    apart = attributions(card.expert(), sheet)
    told = score(card.expert(), sheet)
    for name, chance in zip(card.OUTPUTS, (told.default, told.fraud, told.return_), strict=True):
        part = apart[name]
        assert part.usual + sum(part.effects.values()) == pytest.approx(part.total, abs=1e-9)
        assert chance == pytest.approx(1 / (1 + math.exp(-part.total)), abs=1e-6)
    if sheet.currency in card.AMOUNTS_IN:
        every = sorted((abs(effect) for part in apart.values() for effect in part.effects.values()), reverse=True)
        assert [abs(one.effect) for one in told.reasons] == pytest.approx(every[:4], abs=1e-6)


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["outputs", "tables", "fact", "bands", "cuts", "format", "id", "default", "trees", "hash"]),
            inner,
        )
    ),
    max_leaves=15,
)


@given(junk)
def test_nothing_but_a_refusal_comes_of_junk(raw):
    """Hostile files never crash the loader."""
    with pytest.raises(GatewayError):
        card.load(json.dumps(raw))
