"""What models are worth: small trees beside full LightGBM on public data, and money on 92,790 real baskets.

Rows are scored by models that have not seen them: five folds, the same for every model of a set. The costs below are
assumptions, fixed here; the set has no customer and no time. Needs `kulanz[train]` and the data beside the project.
"""

import importlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bench import credit_data
from bench.credit_data import Basket
from bench.figures import Figure, Section
from gateway.checkout import documents
from gateway.checkout.methods import Method
from gateway.checkout.policy import Case, choose
from gateway.risk.facts import Facts
from gateway.risk.model_file import FORMAT, hash_of, read
from gateway.risk.score import Score, predict
from gateway.risk.training_data import TrainingSet

TITLE = "Models on public data"
FULL: Mapping[str, Any] = {
    "objective": "binary",
    "num_leaves": 31,
    "min_data_in_leaf": 20,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "seed": 2009,
    "verbosity": -1,
}
FULL_ROUNDS = 500
MARGIN = 0.12
"""Of the basket."""
COSTS = {
    "invoice": (0.01, 50, 0.88, 1.00),
    "card_3ds": (0.015, 25, 0.10, 0.92),
    "prepayment": (0.002, 10, 0.0, 0.62),
}
"""Method → fee as a share, fee fixed in cents, share lost on fraud, share of buyers who finish."""
FORMULA = "profit = completes · (0.12·amount − fee − fraud·loss·amount)"


@dataclass(frozen=True)
class Trained:
    """A set with what small trees said of it out of fold."""

    data: TrainingSet
    sample: Any
    fitted: Any
    chances: Any

    @property
    def raw(self) -> Any:
        """Log-odds out of fold."""
        return self.fitted.raw


def section(*, quick: bool = False) -> Section:
    """Everything, or a section without figures whose title says what is missing."""
    try:
        tools = Tools()
    except ModuleNotFoundError:
        return Section(f"{TITLE}: not measured, LightGBM is not installed (make environment-train)", "", [])
    if credit_data.german() is None:
        return Section(f"{TITLE}: not measured, {credit_data.MISSING}", "", [])
    figures = [one for name in ("german",) if quick for one in compared(tools, name)]
    if not quick:
        figures = [one for name in ("german", "taiwan", "pakdd") for one in compared(tools, name)]
        figures += money(tools)
    return Section(TITLE, _how(), figures)


def _how() -> str:
    costs = "; ".join(
        f"{name} {fee:.1%} + {fixed / 100:.2f}, loses {lost:.0%} of a fraud, {finish:.0%} finish"
        for name, (fee, fixed, lost, finish) in COSTS.items()
    )
    return (
        "Small trees: at most 150 of 8 leaves, natural rates, Platt step, as `kulanz model train` makes them; full: "
        f"LightGBM with 31 leaves, at most {FULL_ROUNDS} rounds, without what no score may read. AUC is the mean of five "
        "folds, ECE of 15 bins over all rows, both out of fold. Baskets of BNP Paribas Personal Finance (fraud 1.42 %): "
        f"{FORMULA}, in euros a basket; assumed: {costs}. The policy shows the method with the highest expected profit; "
        "the oracle knows which baskets are frauds."
    )


class Tools:
    """The training part, which is there only with its extra. Raises ModuleNotFoundError."""

    def __init__(self) -> None:
        self.training = importlib.import_module("gateway.risk.training")
        self.fitting = self.training.fitting
        self.export = self.training.export
        self.np = self.fitting.np

    def sample(self, data: TrainingSet) -> Any:
        outcome = next(iter(data.outcomes.values()))
        y = self.np.array([float(bool(one)) for one in outcome])
        texts = [place for place, one in enumerate(data.features) if one.type == "text"]
        return self.fitting.Sample(self.training.matrix_of(data), y, self.np.ones(len(y)), texts)

    def small(self, data: TrainingSet) -> Trained:
        sample = self.sample(data)
        fitted = self.fitting.fit(sample, self.fitting.SMALL)
        return Trained(data, sample, fitted, self.fitting.platt_out_of_fold(fitted.raw, sample.y, sample.weights))

    def auc(self, y: Any, raw: Any) -> float:
        """The mean of the folds."""
        return float(self.np.mean([self.fitting.auc(y[judge], raw[judge]) for _, judge in self.fitting.folds(y)]))


def compared(tools: Tools, name: str) -> list[Figure]:
    """One set: how far small trees are behind the full model, and how far their chances are off."""
    load: Callable[[], TrainingSet | None] = getattr(credit_data, name)
    data = load()
    if data is None:
        return []
    small = tools.small(data)
    y = small.sample.y
    full = tools.fitting.fit(small.sample, FULL, FULL_ROUNDS, (0.05,))
    auc, full_auc = tools.auc(y, small.raw), tools.auc(y, full.raw)
    error = tools.fitting.calibration_error(y, small.chances)
    note = f"{len(y):,} rows, {y.mean():.1%} bad; AUC small {auc:.4f}, full {full_auc:.4f}"
    figures = [Figure(f"{name}: AUC behind full", "% points", [100 * (full_auc - auc)], orientation=0.5, note=note)]
    budget = 2.0 if len(y) >= 30_000 else None
    return [*figures, Figure(f"{name}: ECE", "%", [100 * error], orientation=budget)]


def money(tools: Tools) -> list[Figure]:
    """Baskets: what the calibrated policy earns between the best single method and the oracle; and how long it takes."""
    loaded = credit_data.baskets()
    if loaded is None:
        return []
    data, baskets = loaded
    small = tools.small(data)
    amounts = tools.np.array([one.total_minor for one in baskets], dtype=float)
    fraud = small.sample.y
    singles = {name: float(profit(amounts, name, fraud).mean()) / 100 for name in COSTS}
    best = max(singles.values())
    predicted, realised = policy(tools, amounts, small.chances, fraud)
    oracle = float(tools.np.max([profit(amounts, name, fraud) for name in COSTS], axis=0).mean()) / 100
    weighted = weighted_chances(tools, small.sample)
    wrong_predicted, wrong_realised = policy(tools, amounts, weighted, fraud)
    told = ", ".join(f"{name} for all {value:.2f}" for name, value in singles.items())
    shares = f"{told}; policy {realised:.2f} (predicted {predicted:.2f}), oracle {oracle:.2f}"
    return [
        Figure(
            "baskets: (policy − best single) / (oracle − best single)",
            "%",
            [100 * (realised - best) / (oracle - best)],
            lowest=50.0,
            note=shares,
        ),
        Figure(
            "baskets: predicted beside realised profit",
            "% off",
            [100 * abs(predicted - realised) / realised],
            orientation=1.0,
        ),
        Figure(
            "baskets: negative control, class-weighted model",
            "%",
            [100 * (wrong_realised - best) / (oracle - best)],
            note=f"realised {wrong_realised:.2f}, predicted {wrong_predicted:.2f}",
        ),
        Figure(
            "baskets: AUC",
            "",
            [tools.auc(fraud, small.raw)],
            note=f"ECE {tools.fitting.calibration_error(fraud, small.chances):.2%}",
        ),
        Figure(
            "baskets: facts to menu, the whole file on one core", "s", [_walk(tools, small, baskets)], orientation=30.0
        ),
    ]


def profit(amounts: Any, method: str, fraud: Any) -> Any:
    """In cents a basket, for what happened (0 or 1) or for a chance of it."""
    fee, fixed, lost, finish = COSTS[method]
    return finish * (MARGIN * amounts - fee * amounts - fixed - fraud * lost * amounts)


def policy(tools: Tools, amounts: Any, chances: Any, fraud: Any) -> tuple[float, float]:
    """Profit of the method with the highest expected one, in euros a basket: as predicted, and as it came."""
    expected = tools.np.array([profit(amounts, name, chances) for name in COSTS])
    came = tools.np.array([profit(amounts, name, fraud) for name in COSTS])
    chosen, rows = expected.argmax(axis=0), tools.np.arange(len(amounts))
    return float(expected[chosen, rows].mean()) / 100, float(came[chosen, rows].mean()) / 100


def weighted_chances(tools: Tools, sample: Any) -> Any:
    """The negative control: bads weighted up until both classes weigh the same, chances taken as they come."""
    chances = tools.np.empty(len(sample))
    for learn, judge in tools.fitting.folds(sample.y):
        part = sample.take(learn)
        booster = tools.fitting.lightgbm.train(
            {**tools.fitting.SMALL, "learning_rate": 0.08, "is_unbalance": True}, part.dataset(), 150
        )
        chances[judge] = booster.predict(sample.x[judge])
    return chances


def model_of(tools: Tools, small: Trained, name: str = "baskets") -> dict[str, Any]:
    """A model file of all rows, compared with its booster."""
    fitted = small.fitted
    a, b = tools.fitting.platt(fitted.raw, small.sample.y, small.sample.weights)
    intercept, trees = tools.export.trees_of(fitted.booster, small.data.features)
    outcome = next(iter(small.data.outcomes))
    output = {"intercept": intercept, "tables": [], "trees": trees, "platt": {"a": a, "b": b}}
    features = [
        {"name": one.name, "type": one.type, **({"levels": list(one.levels)} if one.levels else {})}
        for one in small.data.features
    ]
    raw = {"format": FORMAT, "id": name, "domain": "free", "features": features, "outputs": {outcome: output}}
    raw["hash"] = hash_of(raw)
    tools.export.prove(fitted.booster, read(raw), outcome, small.sample.x)
    return raw


def _walk(tools: Tools, small: Trained, baskets: list[Basket]) -> float:
    """Seconds of one core for the whole file: model, facts, economics, policy, one basket after the other."""
    model = read(model_of(tools, small))
    policy_ = documents.compile_policy(POLICY, 1)
    economics = documents.compile_economics(ECONOMICS, 1)
    methods = tuple(Method(name, name) for name in COSTS)
    rows = [small.data.row(place) for place in range(len(baskets))]
    began = time.process_time()
    for row, basket in zip(rows, baskets, strict=True):
        chance = predict(model, row)["fraud"]
        score = Score(chance, chance, 0.0, (), model.id)
        choose(Case(facts_of(basket), score, methods, economics, policy_, holds_orders=True))
    return time.process_time() - began


def facts_of(basket: Basket) -> Facts:
    """What the checkout would know of such a basket."""
    return Facts(
        currency="EUR",
        total_minor=basket.total_minor,
        items=basket.lines,
        pieces=basket.pieces,
        dearest_minor=basket.dearest_minor,
        most_of_one=basket.most_of_one,
    )


POLICY: dict[str, Any] = {"methods": {"invoice": {"max_default": 0.15}}}
"""As the default, without its list of countries: where these baskets were sent is not known."""
ECONOMICS: dict[str, Any] = {
    "margin_bp": round(MARGIN * 10_000),
    "return_cost_minor": 0,
    "chargeback_fee_minor": 0,
    "kinds": {
        name: {"fee_bp": round(fee * 10_000), "fee_fixed_minor": fixed, "completion": finish, "lgd": lost}
        for name, (fee, fixed, lost, finish) in COSTS.items()
    },
}
"""The same costs as a policy document of kind `economics`."""
