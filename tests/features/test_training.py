"""Training: as much as the bads allow, natural rates, and no file that does not say what was trained."""

import json
import warnings
from datetime import date

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway import commands_model
from gateway.core.errors import Invalid
from gateway.risk import card, model_file
from gateway.risk.champions import proven
from gateway.risk.facts import Facts
from gateway.risk.model_file import Feature
from gateway.risk.score import raw_scores, score
from gateway.risk.training_data import Reading, read
from tests.training import needs_training, synthetic_orders


@pytest.fixture(autouse=True)
def lightgbm():
    """The libraries of the extra `train`."""
    needs_training()


def trained(orders, **order):
    """The model of these orders, on top of the expert card."""
    training = commands_model._training()
    text = card.shipped_text("expert-1")
    data = read("\n".join(map(json.dumps, orders)).encode(), Reading(), card.expert())
    wanted = {"id": "new", "note": "", "today": date(2026, 11, 24), "base": card.expert(), "base_raw": json.loads(text)}
    raw = training.train(data, training.Order(**(wanted | order)), lambda _: None)
    return model_file.load(model_file.dump(raw))


@pytest.mark.parametrize(
    ("rows", "base", "kind"),
    [(300, -4.0, "recalibrated"), (1500, -4.5, "additive"), (3000, -3.5, "trees")],
    ids=["under 50 bads", "50 to 200", "over 200"],
)
def test_how_much_is_learned_depends_on_how_many_went_bad(rows, base, kind):
    """Base rate, tables, trees; outputs nobody knows anything about stay as they were."""
    orders = synthetic_orders(rows, base)
    model = trained(orders)
    report = model.report["outputs"]
    bads = sum(order["default"] for order in orders)
    assert (report["default"]["kind"], report["default"]["bads"]) == (kind, bads)
    assert kind == ("recalibrated" if bads < 50 else "additive" if bads <= 200 else "trees")
    assert report["return"]["kind"] == "copied"
    assert bool(model.outputs["default"].trees) == (kind == "trees")
    facts = [Facts(**{name: order[name] for name in order if name not in ("date", "default")}) for order in orders]
    predicted = sum(score(model, one).default for one in facts)
    assert predicted == pytest.approx(bads, rel=0.1, abs=3)


def test_a_model_that_learned_something_is_proven_on_later_orders():
    """By the newest fifth of the rows; one that learned from noise is not."""
    model = trained(synthetic_orders(6000, -3.5))
    assert model.report["dates"] == ["2025-01-01", "2025-12-28"]
    assert proven(model.report, model.digest)
    noise = [order | {"default": int(n % 10 == 0)} for n, order in enumerate(synthetic_orders(2500, -3.5))]
    model = trained(noise)
    assert model.report["outputs"]["default"]["kind"] == "recalibrated" or not proven(model.report, model.digest)


def test_the_same_rows_give_the_same_file():
    """Byte by byte: an auditor can train it again."""
    orders = synthetic_orders(1500, -3.5)
    assert trained(orders).digest == trained(orders).digest


FEATURES = (
    Feature("size", "number"),
    Feature("count", "int"),
    Feature("flag", "bool"),
    Feature("land", "text", tuple("abcdefghij")),
)


@st.composite
def a_booster(draw, leaves):
    """A booster on random rows with zeros, unknown values and texts, under any of LightGBM's ways with missing values."""
    fitting = commands_model._training().fitting
    rng = fitting.np.random.default_rng(draw(st.integers(0, 10**6)))
    rows = draw(st.integers(150, 400))
    x = fitting.np.column_stack(
        [
            rng.choice([0.0, 1e-36, -1.0, *rng.normal(size=5)], rows),
            rng.integers(-3, 6, rows).astype(float),
            rng.integers(0, 2, rows).astype(float),
            rng.integers(0, 10, rows).astype(float),
        ]
    )
    x[rng.random((rows, 4)) < draw(st.sampled_from([0.0, 0.2]))] = fitting.np.nan
    y = (rng.random(rows) < 0.2 + 0.5 * (x[:, 0] > 0) + 0.2 * (x[:, 3] == 4)).astype(float)
    handling = draw(st.sampled_from([{}, {"zero_as_missing": True}, {"use_missing": False}]))
    small = {"min_data_in_leaf": 3, "min_data_per_group": 3, "cat_l2": 0.1, "num_leaves": leaves, **handling}
    dataset = fitting.lightgbm.Dataset(x, y, categorical_feature=[3], params={"verbosity": -1, **small})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # LightGBM tells that parameters stand twice
        booster = fitting.lightgbm.train({**fitting.SMALL, **small}, dataset, draw(st.integers(1, 12)))
    return booster, x


def exported(booster, x, *, stumps):
    """The model file of a booster."""
    export = commands_model._training().export
    learned = export.tables_of(booster, FEATURES, x) if stumps else export.trees_of(booster, FEATURES)
    body = {"tables": learned[1], "trees": []} if stumps else {"tables": [], "trees": learned[1]}
    output = {"intercept": learned[0], "platt": {"a": 1.0, "b": 0.0}, **body}
    features = [
        {"name": one.name, "type": one.type, **({"levels": list(one.levels)} if one.levels else {})} for one in FEATURES
    ]
    raw = {"format": "model-1", "id": "x", "domain": "free", "features": features, "outputs": {"bad": output}}
    return export, model_file.load(model_file.dump(raw))


@pytest.mark.parametrize("leaves", [8, 2], ids=["trees", "tables"])
def test_the_file_says_what_the_booster_says(leaves):
    """Zeros, values on and beside every threshold, unknown ones, texts seen and never seen: within 1e-9."""

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(a_booster(leaves))
    def holds(made):
        booster, x = made
        export, model = exported(booster, x, stumps=leaves == 2)
        assert export.prove(booster, model, "bad", x) <= 1e-9

    holds()


def test_a_file_that_says_something_else_is_not_written(monkeypatch):
    """One leaf off by a millionth is found."""
    export = commands_model._training().export
    own = export.trees_of

    def bent(booster, features):
        intercept, trees = own(booster, features)
        trees[0]["leaf"][0] += 2e-9
        return intercept, trees

    monkeypatch.setattr(export, "trees_of", bent)
    with pytest.raises(export.ExportDiffers):
        trained(synthetic_orders(3000, -3.5))


def test_trees_are_a_base_for_the_next_model():
    """A model trained before goes on where there is nothing new to learn, with its features and levels."""
    first = synthetic_orders(3000, -3.5)
    before = trained(first)
    raw = json.loads(model_file.dump(commands_model._training().train(
        read("\n".join(map(json.dumps, first)).encode(), Reading(), card.expert()),
        commands_model._training().Order(
            "new", "", date(2026, 11, 24), card.expert(), json.loads(card.shipped_text("expert-1"))
        ),
        lambda _: None,
    )))  # fmt: skip
    assert raw["hash"] == f"sha256:{before.digest}"
    few = synthetic_orders(200, -5.0, seed=2)
    again = trained(few, id="next", base=before, base_raw=raw)
    assert again.report["outputs"]["default"]["kind"] == "recalibrated"
    assert len(again.outputs["default"].trees) == len(before.outputs["default"].trees)
    row = {name: value for name, value in few[0].items() if name not in ("date", "default")}
    assert raw_scores(again, row)["default"] == pytest.approx(raw_scores(before, row)["default"], abs=1e-12)


def test_the_command_trains_checks_and_shows(tmp_path):
    """From a file of orders to a model for people."""
    source, out = tmp_path / "orders.jsonl", tmp_path / "new.json"
    source.write_text("\n".join(map(json.dumps, synthetic_orders(3000, -3.5))))
    run = CliRunner()
    done = run.invoke(
        commands_model.model, ["train", str(source), "--id", "new", "--out", str(out), "--note", "a trial"]
    )
    assert done.exit_code == 0, (done.output, done.exception)
    assert "trees" in done.output
    assert "new is sound" in run.invoke(commands_model.model, ["check", str(out)]).output
    shown = run.invoke(commands_model.model, ["show", str(out)]).output
    assert "a trial" in shown
    assert "asked" in shown
    assert "order total (`total_minor`)" in shown
    again = run.invoke(
        commands_model.model, ["train", str(source), "--id", "n", "--base", str(out), "--out", str(tmp_path / "n.json")]
    )
    assert again.exit_code == 0
    (tmp_path / "bad.json").write_text(out.read_text().replace("0.1", "0.2", 1))
    assert isinstance(run.invoke(commands_model.model, ["check", str(tmp_path / "bad.json")]).exception, Invalid)
