"""Model files with trees: read strictly, scored in one pass exactly as if every tree were walked, refused when hostile."""

import json
import math
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.errors import GatewayError, Invalid
from gateway.risk import card, model_file
from gateway.risk.facts import Facts
from gateway.risk.panel import Panel
from gateway.risk.score import attributions, predict, raw_scores, score, score_all
from gateway.risk.trees import ZERO, means

LEVELS = ["DE", "AT", "CH"]
FEATURES = [
    {"name": "size", "type": "number"},
    {"name": "count", "type": "int"},
    {"name": "flag", "type": "bool"},
    {"name": "land", "type": "text", "levels": LEVELS},
]
THRESHOLDS = [-3.5, -ZERO, -1e-36, 0.0, 1e-36, ZERO, 0.5, 1.0, 2.5, 7.25, 1e9]


@st.composite
def a_tree(draw, features=FEATURES):
    """Any tree of two to eight leaves, as a file has it."""
    size = draw(st.integers(1, 7))
    children, ends = [[0, 0]], [(0, 0), (0, 1)]
    while len(children) < size:
        parent, side = ends.pop(draw(st.integers(0, len(ends) - 1)))
        children.append([0, 0])
        children[parent][side] = len(children) - 1
        ends += [(len(children) - 1, 0), (len(children) - 1, 1)]
    for leaf, (parent, side) in enumerate(draw(st.permutations(ends))):
        children[parent][side] = ~leaf
    used = [draw(st.integers(0, len(features) - 1)) for _ in children]
    texts = [features[one]["type"] == "text" for one in used]
    leaves = [draw(st.floats(-1, 1)) for _ in ends]
    level = st.lists(st.integers(0, len(LEVELS) - 1), min_size=1, unique=True)
    return {
        "feature": used,
        "split": [sorted(draw(level)) if text else draw(st.sampled_from(THRESHOLDS)) for text in texts],
        "missing": ["nan" if text else draw(st.sampled_from(["none", "zero", "nan"])) for text in texts],
        "default_left": [False if text else draw(st.booleans()) for text in texts],
        "left": [left for left, _ in children],
        "right": [right for _, right in children],
        "mean": means([tuple(one) for one in children], leaves, [1.0] * len(leaves)),
        "leaf": leaves,
    }


TABLES = [
    {"fact": "size", "bands": {"cuts": [0, 2.5], "values": [0.25, 0, -0.5]}, "missing": 0.125, "usual": 0},
    {"fact": "count", "bands": {"cuts": [1, 3.5], "values": [0.1, 0.2, 0.3]}, "missing": 0, "usual": 0.1},
    {"fact": "flag", "yes_no": {"yes": 0.5, "no": -0.5}, "missing": 0.05},
    {"fact": "land", "cases": {"DE": 0.1, "FR": 0.7, "*": -0.1}, "missing": 0.3},
]


def a_model(trees, tables=(), **more) -> dict:
    """A model outside the checkout with one output."""
    output = {"intercept": -2.0, "tables": list(tables), "trees": trees, "platt": {"a": 1.5, "b": 0.25}}
    raw = {"format": "model-1", "id": "a-model", "domain": "free", "features": FEATURES, "outputs": {"bad": output}}
    return raw | more


def sealed(raw) -> str:
    return json.dumps(raw | {"hash": model_file.hash_of(raw)})


def loaded(raw) -> card.Card:
    return model_file.load(sealed(raw))


ROWS = st.fixed_dictionaries(
    {},
    optional={
        "size": st.none() | st.just(math.nan) | st.sampled_from([*THRESHOLDS, math.inf, -math.inf]) | st.floats(-9, 9),
        "count": st.none() | st.integers(-5, 12),
        "flag": st.none() | st.booleans(),
        "land": st.none() | st.sampled_from([*LEVELS, "FR", "", "de"]),
    },
)


def walked(model, row) -> float:
    """The raw score of the one output, tree by tree and table by table."""
    output = model.outputs["bad"]
    values = [one.place_of(row.get(one.name)) for one in model.features]
    named = {one.name: row.get(one.name) for one in model.features}
    named = {name: None if value != value else value for name, value in named.items()}  # noqa: PLR0124 - NaN is unknown
    total = output.intercept + sum(table.value_of(named[table.fact]) for table in output.tables)
    return total + sum(tree.leaves[tree.leaf(values.__getitem__)] for tree in output.trees)


@settings(max_examples=300)
@given(st.lists(a_tree(), max_size=9), st.booleans(), st.lists(ROWS, min_size=1, max_size=8))
def test_one_pass_gives_what_walking_every_tree_gives(trees, with_tables, rows):
    """Numbers on, beside and far from thresholds, zeros, unknown values, unseen texts."""
    model = loaded(a_model(trees, TABLES if with_tables else ()))
    for row in rows:
        assert raw_scores(model, row)["bad"] == pytest.approx(walked(model, row), abs=1e-12)
        odds = 1.5 * walked(model, row) + 0.25
        assert predict(model, row)["bad"] == pytest.approx(1 / (1 + math.exp(-odds)), abs=1e-6)


CHECKOUT = [
    {"name": "total_minor", "type": "int"},
    {"name": "orders", "type": "int"},
    {"name": "guest", "type": "bool"},
    {"name": "country", "type": "text", "levels": LEVELS},
]


def for_checkout(name, trees, currencies=("EUR",)) -> card.Card:
    """A model for the checkout whose three outputs hold these trees."""
    outputs = {
        output: {"intercept": -3, "tables": [], "trees": trees[place::3], "platt": {"a": 0.8, "b": -0.1}}
        for place, output in enumerate(card.OUTPUTS)
    }
    raw = {"format": "model-1", "id": name, "domain": "checkout", "features": CHECKOUT, "outputs": outputs}
    return loaded(raw | {"currencies": list(currencies)})


SHEETS = st.builds(
    Facts,
    currency=st.sampled_from(["EUR", "PLN"]),
    total_minor=st.integers(0, 12),
    orders=st.none() | st.integers(0, 12),
    guest=st.none() | st.booleans(),
    country=st.none() | st.sampled_from([*LEVELS, "FR"]),
)


@settings(max_examples=150)
@given(st.lists(a_tree(CHECKOUT), min_size=1, max_size=8), st.lists(a_tree(CHECKOUT), max_size=6), SHEETS)
def test_models_that_score_together_score_as_each_alone(own, others, sheet):
    """The expert, trees that know the currency and trees that do not, in either order."""
    models = [for_checkout("one", own), for_checkout("other", others, ["PLN", "EUR"]), card.expert()]
    for order in (models, models[::-1]):
        champion, challenges = score_all(Panel(order), sheet)
        assert champion == score(order[0], sheet)
        for model, said in zip(order[1:], challenges, strict=True):
            alone = score(model, sheet)
            assert (said.model, said.digest) == (model.id, model.digest)
            assert (said.default, said.fraud, said.return_) == (alone.default, alone.fraud, alone.return_)


@settings(max_examples=150)
@given(st.lists(a_tree(CHECKOUT), min_size=1, max_size=9), SHEETS)
def test_reasons_of_trees_and_the_rest_add_up_to_the_score(trees, sheet):
    """Differences of means along each path; the four strongest are told, an amount in a foreign currency is not."""
    model = for_checkout("one", trees)
    told, apart = score(model, sheet), attributions(model, sheet)
    for name, chance in zip(card.OUTPUTS, (told.default, told.fraud, told.return_), strict=True):
        part = apart[name]
        assert part.usual + sum(part.effects.values()) == pytest.approx(part.total, abs=1e-9)
        assert chance == pytest.approx(1 / (1 + math.exp(-part.total)), abs=1e-6)
    tellable = [
        abs(effect)
        for part in apart.values()
        for fact, effect in part.effects.items()
        if abs(effect) > 1e-9 and (sheet.currency == "EUR" or fact != "total_minor")
    ]
    strongest = sorted(tellable, reverse=True)[:4]
    assert [abs(one.effect) for one in told.reasons][: len(strongest)] == pytest.approx(strongest, abs=2e-6)


SOUND = {
    "feature": [0, 1, 3],
    "split": [0.5, 2.5, [0, 2]],
    "missing": ["nan", "none", "nan"],
    "default_left": [True, False, False],
    "left": [1, -1, -3],
    "right": [2, -2, -4],
    "mean": [0.25, 0.5, 0.0],
    "leaf": [1.0, 0.0, 0.5, -0.5],
}
DAMAGE = [
    ("a cycle", {"left": [1, 0, -3]}, "left"),
    ("a child twice", {"left": [1, -1, 1]}, "left"),
    ("a leaf twice", {"right": [2, -2, -3]}, "left"),
    ("a circle beside the root", {"left": [-1, 2, 1], "right": [-4, -2, -3]}, "left"),
    ("a child that is not there", {"left": [7, -1, -3]}, "left/0"),
    ("a leaf that is not there", {"left": [1, -9, -3]}, "left/1"),
    ("a feature that is not there", {"feature": [4, 1, 3]}, "feature/0"),
    ("yes for a number", {"feature": [True, 1, 3]}, "feature/0"),
    ("a level that is not there", {"split": [0.5, 2.5, [0, 3]]}, "split/2/1"),
    ("a level twice", {"split": [0.5, 2.5, [0, 0]]}, "split/2"),
    ("a threshold for a text", {"split": [0.5, 2.5, 1.0]}, "split/2"),
    ("levels for a number", {"split": [[0], 2.5, [0]]}, "split/0"),
    ("an unknown text that goes left", {"default_left": [True, False, True]}, "missing/2"),
    ("an unknown kind of missing", {"missing": ["NaN", "none", "nan"]}, "missing/0"),
    ("a huge leaf", {"leaf": [1e9, 0.0, 0.5, -0.5]}, "leaf/0"),
    ("a leaf too many", {"leaf": [1.0, 0.0, 0.5, -0.5, 0.0]}, "leaf"),
    ("a column too short", {"mean": [0.25, 0.5]}, "mean"),
    ("a mean that no rows have", {"mean": [2.0, 0.5, 0.0]}, "mean/0"),
    ("nine leaves", {name: [0] * 8 for name in ("feature", "split", "missing", "left", "right")}, "feature"),
    ("nothing", dict.fromkeys(("feature", "split", "missing", "default_left", "left", "right", "mean"), ()), "feature"),
]


@pytest.mark.parametrize(("change", "place"), [one[1:] for one in DAMAGE], ids=[one[0] for one in DAMAGE])
def test_a_damaged_tree_is_refused_at_its_place(change, place):
    """What cannot be a tree never becomes one."""
    loaded(a_model([SOUND]))
    with pytest.raises(Invalid) as caught:
        loaded(a_model([SOUND | change]))
    assert caught.value.facts["errors"][0]["path"] == f"/outputs/bad/trees/0/{place}"


def test_too_many_trees_are_refused():
    """At most 150 per output: what a checkout has time for."""
    loaded(a_model([SOUND] * 150))
    with pytest.raises(Invalid):
        loaded(a_model([SOUND] * 151))


@pytest.mark.parametrize("name", ["SEX", "personal.status.and.sex", "ageInYears", "date_of_birth_date_name", "City"])
def test_forbidden_features_are_known_by_their_words(name):
    """However a file spells them."""
    features = [*FEATURES, {"name": name, "type": "number"}]
    with pytest.raises(Invalid) as caught:
        loaded(a_model([SOUND], features=features))
    assert "forbidden" in caught.value.facts["errors"][0]["message"]


HOSTILE = [
    b"",
    b"\xff\xfe{}",
    b"[" * 200_000,
    b'{"a":' * 50_000,
    b" " * 2_000_000,
    b"1" * 6000,
    b'{"format": 1e999}',
    b'{"format": NaN}',
    b'{"format": "model-1", "format": "model-1"}',
    b'"\\ud800"',
    sealed(a_model([SOUND])).replace('"a-model"', '"\\ud800"').encode(),
    sealed(a_model([SOUND])).replace('"size"', '"size", "\\ud800": 1').encode(),
    json.dumps([[[[[[[[[[[[[[1]]]]]]]]]]]]]]).encode(),
]


@pytest.mark.parametrize("raw", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_files_are_refused_at_once(raw):
    """Too long, too deep, not text, not numbers: one named refusal, in no time."""
    began = time.perf_counter()
    with pytest.raises(Invalid):
        model_file.load(raw)
    assert time.perf_counter() - began < 1.0


PLACES = st.sampled_from(["format", "id", "hash", "domain", "features", "outputs", "note", "currencies", "report"])
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(PLACES | st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


def places(value, path=()):
    """Every place in a document, the inner ones too."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inner:
        yield from places(part, (*path, key))


SPOTS = [path for path in places(a_model([SOUND], TABLES)) if path]


@settings(max_examples=400)
@given(st.sampled_from(SPOTS), JUNK)
def test_whatever_stands_at_any_place_the_file_loads_or_is_refused(path, junk):
    """Never another error: the hash is right, one place is not."""
    raw = json.loads(json.dumps(a_model([SOUND], TABLES)))
    at = raw
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = junk
    try:
        model = loaded(raw)
    except GatewayError as error:
        assert error.code == "invalid-input"  # noqa: PT017 - refusing is one of the two right answers
    else:
        predict(model, {})


def test_outputs_that_a_challenger_copied_are_scored_once_and_told_for_both():
    """A model that learned default only has fraud and return of the one before."""
    raw = json.loads(card.shipped_text("expert-1")) | {"id": "copy"}
    raw["outputs"]["default"]["intercept"] = -2.0
    copy, expert = model_file.load(model_file.dump(raw)), card.expert()
    sheet = Facts("EUR", 50_000, paid_orders=3, guest=True)
    champion, (said,) = score_all(Panel((expert, copy)), sheet)
    assert champion == score(expert, sheet)
    alone = score(copy, sheet)
    assert (said.default, said.fraud, said.return_) == (alone.default, alone.fraud, alone.return_)
    assert said.default > champion.default
