"""Policy documents of the checkout: the form merchants edit, checked to the last field, compiled for `choose` (pure).

`checkout` (limits, rules, table) and `economics` (margins, fees, completion) decide; `privacy` says how buyers are
answered. A document that passes here cannot fail at a checkout.
"""

import difflib
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from gateway.checkout import bureau_policy, economics
from gateway.checkout.bureau_policy import BureauPolicySchema
from gateway.checkout.conditions import Condition, all_of, compile_condition, leaf
from gateway.checkout.economics import Economics
from gateway.checkout.methods import DEPOSIT_LADDER, KINDS
from gateway.checkout.privacy_settings import compile_privacy
from gateway.checkout.rules import ACTIONS, Rule
from gateway.checkout.shield_rules import SHIELD_RULES
from gateway.checkout.terms import Explore, Limits, Policy
from gateway.core.errors import Invalid
from gateway.core.faults import pointers
from gateway.core.fields import Strict, YesNo
from gateway.core.money import MAX_MINOR
from gateway.law.consumer_credit import INVOICE_DAYS, SME_INVOICE_DAYS

_KIND = validate.OneOf(sorted(KINDS))
_AMOUNT = validate.Range(min=0, max=MAX_MINOR)
_SHARE = validate.Range(min=0.0, max=1.0)
_MISSING = validate.OneOf(["score", "safe_only", "review"])
MOST_SAMPLED_PERCENT = 5


class LimitsSchema(Strict):
    """Limits of one kind."""

    enabled = YesNo(load_default=True)
    min_minor = fields.Integer(strict=True, validate=_AMOUNT, load_default=None)
    max_minor = fields.Integer(strict=True, validate=_AMOUNT, load_default=None)
    countries = fields.List(fields.String(validate=validate.Regexp(r"^[A-Z]{2}\Z")), load_default=None)
    b2b = fields.String(validate=validate.OneOf(["both", "only", "never"]), load_default="both")
    max_default = fields.Float(validate=_SHARE, load_default=None)
    buyer_limit_minor = fields.Integer(strict=True, validate=_AMOUNT, load_default=None)
    max_deposit_percent = fields.Integer(strict=True, validate=validate.OneOf(DEPOSIT_LADDER), load_default=100)

    @validates_schema
    def ordered(self, data: dict[str, Any], **_: Any) -> None:
        low, high = data.get("min_minor"), data.get("max_minor")
        if low is not None and high is not None and low > high:
            raise ValidationError("no order can be within: the smallest amount is above the largest", "min_minor")


class ThenSchema(Strict):
    """What a rule does."""

    action = fields.String(required=True, validate=validate.OneOf(ACTIONS))
    kinds = fields.List(fields.String(validate=_KIND), load_default=list)
    percent = fields.Integer(strict=True, validate=validate.OneOf(DEPOSIT_LADDER[1:]), load_default=0)
    max_minor = fields.Integer(strict=True, validate=_AMOUNT, load_default=None)

    @validates_schema
    def complete(self, data: dict[str, Any], **_: Any) -> None:
        if data["action"] != "review" and not data["kinds"]:
            raise ValidationError("name the kinds it is about", "kinds")
        if (data["action"] == "deposit") != bool(data["percent"]):
            raise ValidationError("goes with the action deposit, and only with it", "percent")
        if (data["action"] == "limit") != (data["max_minor"] is not None):
            raise ValidationError("goes with the action limit, and only with it", "max_minor")


class BuyerTextSchema(Strict):
    """What the buyer may read when the rule takes something away from him, by language."""

    de = fields.String(validate=validate.Length(min=1, max=300))
    en = fields.String(validate=validate.Length(min=1, max=300))


class TellingSchema(Strict):
    """What rules and rows have in common: what they do, why, and from when until when."""

    then = fields.Nested(ThenSchema, required=True)
    reason = fields.String(load_default="", validate=validate.Length(max=300))
    buyer_text = fields.Nested(BuyerTextSchema, load_default=dict)
    valid_from = fields.Date(load_default=None, allow_none=True)
    valid_until = fields.Date(load_default=None, allow_none=True)

    @validates_schema
    def some_day(self, data: dict[str, Any], **_: Any) -> None:
        first, last = data["valid_from"], data["valid_until"]
        if first is not None and last is not None and last < first:
            raise ValidationError("is before the first day, so it is never valid", "valid_until")


class RuleSchema(TellingSchema):
    """A rule: a condition over facts and what follows."""

    id = fields.String(required=True, validate=validate.Regexp(r"^[a-z0-9][a-z0-9_-]{0,39}\Z"))
    when = fields.Dict(required=True)


class ColumnSchema(Strict):
    """A column of the decision table: each cell is compared with a fact by one operator."""

    field = fields.String(required=True)
    operator = fields.String(required=True)


class RowSchema(TellingSchema):
    """A row: one cell per column, null for any; the first row that holds acts."""

    cells = fields.List(fields.Raw(allow_none=True), required=True)


class TableSchema(Strict):
    """The decision table."""

    columns = fields.List(fields.Nested(ColumnSchema), required=True, validate=validate.Length(min=1, max=20))
    rows = fields.List(fields.Nested(RowSchema), required=True, validate=validate.Length(max=500))


class ExploreSchema(Strict):
    """Sampling: a few orders get what risk alone would take away."""

    percent = fields.Integer(required=True, strict=True, validate=validate.Range(min=0, max=MOST_SAMPLED_PERCENT))
    max_minor = fields.Integer(required=True, strict=True, validate=_AMOUNT)
    kinds = fields.List(fields.String(validate=_KIND), load_default=lambda: ["invoice"])


class CheckoutPolicySchema(Strict):
    """The document of kind `checkout`."""

    loss_limit_bp = fields.Integer(strict=True, load_default=300, validate=validate.Range(min=0, max=10_000))
    loss_limit_minor = fields.Integer(strict=True, load_default=2_500, validate=_AMOUNT)
    buyer_limit_minor = fields.Integer(strict=True, load_default=75_000, allow_none=True, validate=_AMOUNT)
    methods = fields.Dict(keys=fields.String(validate=_KIND), values=fields.Nested(LimitsSchema), load_default=dict)
    rules = fields.List(fields.Nested(RuleSchema), load_default=list, validate=validate.Length(max=100))
    table = fields.Nested(TableSchema, load_default=None, allow_none=True)
    without_history = fields.String(load_default="score", validate=_MISSING)
    without_velocity = fields.String(load_default="score", validate=_MISSING)
    without_bureau = fields.String(load_default="score", validate=_MISSING)
    invoice_days = fields.Integer(strict=True, load_default=14, validate=validate.Range(min=1, max=SME_INVOICE_DAYS))
    seller_is_sme = YesNo(load_default=False)
    invoice_fee_minor = fields.Integer(strict=True, load_default=0, validate=_AMOUNT)
    shop_limit_minor = fields.Integer(strict=True, load_default=None, allow_none=True, validate=_AMOUNT)
    explore = fields.Nested(ExploreSchema, load_default=None, allow_none=True)
    bureau = fields.Nested(BureauPolicySchema, load_default=None, allow_none=True)

    @validates_schema
    def lawful(self, data: dict[str, Any], **_: Any) -> None:
        """Own invoice later than 14 days after delivery is consumer credit unless the seller is an SME (CCD2 2(2)(h))."""
        if data["invoice_days"] > INVOICE_DAYS and not data["seller_is_sme"]:
            raise ValidationError(
                "more than 14 days after delivery is consumer credit unless the seller is an SME", "invoice_days"
            )
        if data["methods"].get("instalments", {}).get("enabled"):
            raise ValidationError("own instalments need a licensed partner; none is connected", "methods")
        companies_only = data["methods"].get("invoice", {}).get("b2b") == "only"
        if data["invoice_fee_minor"] and not companies_only:
            raise ValidationError("an invoice that costs a consumer anything is consumer credit", "invoice_fee_minor")


class KindEconomicsSchema(Strict):
    """Figures of one kind; absent ones are the priors."""

    fee_bp = fields.Integer(strict=True, validate=validate.Range(min=0, max=10_000))
    fee_fixed_minor = fields.Integer(strict=True, validate=_AMOUNT)
    completion = fields.Float(validate=_SHARE)
    lgd = fields.Float(validate=_SHARE)
    chargeback = fields.Float(validate=_SHARE)


class EconomicsSchema(Strict):
    """The document of kind `economics`."""

    margin_bp = fields.Integer(strict=True, validate=validate.Range(min=0, max=10_000))
    return_cost_minor = fields.Integer(strict=True, validate=_AMOUNT)
    chargeback_fee_minor = fields.Integer(strict=True, validate=_AMOUNT)
    kinds = fields.Dict(keys=fields.String(validate=_KIND), values=fields.Nested(KindEconomicsSchema))
    deposit_completion = fields.Dict(
        keys=fields.String(validate=validate.OneOf([str(step) for step in DEPOSIT_LADDER])),
        values=fields.Float(validate=_SHARE),
    )


_CHECKOUT, _ECONOMICS = CheckoutPolicySchema(), EconomicsSchema()
_FIELDS = sorted(
    {
        name
        for schema in (
            CheckoutPolicySchema,
            LimitsSchema,
            RuleSchema,
            ThenSchema,
            TableSchema,
            RowSchema,
            ColumnSchema,
            ExploreSchema,
            BureauPolicySchema,
            EconomicsSchema,
            KindEconomicsSchema,
        )
        for name in schema().fields
    }
)

DEFAULT_CHECKOUT: dict[str, Any] = {
    "methods": {
        "invoice": {"max_minor": 150_000, "countries": ["DE", "AT", "CH"], "max_default": 0.15},
        "sepa_debit": {"max_minor": 150_000, "countries": ["DE", "AT"], "max_default": 0.15},
        "cash_on_delivery": {"max_minor": 50_000, "countries": ["DE", "AT", "CH"]},
        "instalments": {"enabled": False},
    },
    "rules": SHIELD_RULES,
}
"""What a new shop starts with; the desk shows it filled in with the defaults."""


def compile_policy(body: dict[str, Any], version: int) -> Policy:
    """The policy of a document of kind `checkout`. Raises Invalid with the path of every fault."""
    data = _load(_CHECKOUT, body)
    ids = [rule["id"] for rule in data["rules"]]
    if len(set(ids)) < len(ids):
        raise Invalid.at("/rules", "two rules have the same id")
    rules = tuple(compile_rule(rule, place) for place, rule in enumerate(data["rules"]))
    return Policy(
        version=version,
        loss_limit_bp=data["loss_limit_bp"],
        loss_limit_minor=data["loss_limit_minor"],
        buyer_limit_minor=data["buyer_limit_minor"],
        limits={kind: _limits(limits) for kind, limits in data["methods"].items()},
        rules=rules,
        table=_table(data["table"]) if data["table"] else (),
        without_history=data["without_history"],
        without_velocity=data["without_velocity"],
        invoice_days=data["invoice_days"],
        without_bureau=data["without_bureau"],
        seller_is_sme=data["seller_is_sme"],
        invoice_fee_minor=data["invoice_fee_minor"],
        shop_limit_minor=data["shop_limit_minor"],
        explore=_explore(data["explore"]),
        bureau=bureau_policy.from_loaded(data["bureau"]) if data["bureau"] is not None else None,
    )


def compile_economics(body: dict[str, Any], version: int) -> Economics:
    """The figures of a document of kind `economics`. Raises Invalid with the path of every fault."""
    return economics.from_dict(_load(_ECONOMICS, body), version)


COMPILERS: dict[str, Callable[[dict[str, Any], int], Any]] = {
    "checkout": compile_policy,
    "economics": compile_economics,
    "privacy": compile_privacy,
}
DEFAULTS: dict[str, dict[str, Any]] = {"checkout": DEFAULT_CHECKOUT, "economics": {}, "privacy": {}}
EDITION = 2
"""Of the defaults; a decision by version 0 names it, so that it is made again by the defaults of its day."""
_EDITIONS: dict[int, dict[str, dict[str, Any]]] = {
    1: {"checkout": {"methods": DEFAULT_CHECKOUT["methods"]}, "economics": {}, "privacy": {}},
    EDITION: DEFAULTS,
}


def default_of(kind: str, edition: int) -> dict[str, Any]:
    """The default document of a kind as it was in that edition. Raises KeyError for one that never was."""
    return _EDITIONS[edition][kind]


def load_checkout(body: Any) -> dict[str, Any]:
    """The document of kind `checkout` with its defaults filled in. Raises Invalid with the path of every fault."""
    return _load(_CHECKOUT, body)


def _load(schema: Schema, body: Any) -> dict[str, Any]:
    try:
        loaded: dict[str, Any] = schema.load(body)
    except ValidationError as error:
        raise Invalid(errors=[_with_suggestion(fault) for fault in pointers(error.messages)]) from error
    return loaded


def _with_suggestion(fault: dict[str, str]) -> dict[str, str]:
    """An unknown field is told with the one that was perhaps meant."""
    if fault["message"] != "Unknown field.":
        return fault
    name = fault["path"].rpartition("/")[2]
    close = close_to(name, _FIELDS)
    return fault | {"message": f"no such field{f'; did you mean {close}?' if close else ''}"}


def close_to(word: str, known: Iterable[str]) -> str:
    """What was perhaps meant, or ""."""
    return next(iter(difflib.get_close_matches(word[:60], sorted(known), n=1)), "")


def _limits(data: dict[str, Any]) -> Limits:
    countries = data["countries"]
    return Limits(**(data | {"countries": None if countries is None else frozenset(countries)}))


def _explore(data: dict[str, Any] | None) -> Explore | None:
    if not data or not data["percent"]:
        return None
    return Explore(data["percent"], data["max_minor"], frozenset(data["kinds"]))


def compile_rule(data: dict[str, Any], place: int) -> Rule:
    """A rule. Raises Invalid with the path of its fault."""
    return _acting(data, data["id"], compile_condition(data["when"], f"/rules/{place}/when"))


def _acting(data: dict[str, Any], id_: str, condition: Condition) -> Rule:
    then = data["then"]
    return Rule(
        id=id_,
        condition=condition,
        action=then["action"],
        kinds=frozenset(then["kinds"]),
        percent=then["percent"],
        reason=data["reason"],
        max_minor=then["max_minor"] or 0,
        buyer_text=data["buyer_text"],
        valid_from=data["valid_from"],
        valid_until=data["valid_until"],
    )


def _table(data: dict[str, Any]) -> tuple[Rule, ...]:
    return tuple(compile_row(data["columns"], row, place) for place, row in enumerate(data["rows"]))


def compile_row(columns: list[dict[str, str]], row: dict[str, Any], place: int) -> Rule:
    """A row of the table. Raises Invalid with the path of its fault."""
    path = f"/table/rows/{place}"
    if len(row["cells"]) != len(columns):
        raise Invalid.at(f"{path}/cells", f"needs {len(columns)} cells, one per column")
    used = [
        (column, cell, n)
        for n, (column, cell) in enumerate(zip(columns, row["cells"], strict=True))
        if cell is not None
    ]
    tests = [leaf(column["field"], column["operator"], cell, f"{path}/cells/{n}") for column, cell, n in used]
    condition = Condition(all_of(tests), frozenset(column["field"] for column, _, _ in used))
    equals = {column["field"]: cell for column, cell, _ in used if column["operator"] == "="}
    return replace(_acting(row, f"row-{place + 1}", condition), equals=equals)
