"""Policy documents: a typo is found when saving, not at a checkout."""

import pytest

from gateway.checkout.documents import DEFAULTS, compile_economics, compile_policy
from gateway.core.errors import Invalid


def test_the_defaults_are_valid_documents():
    """A new shop decides from the first call."""
    assert compile_policy(DEFAULTS["checkout"], 0).limits["invoice"].max_minor == 150_000
    assert compile_economics(DEFAULTS["economics"], 0).kinds["invoice"].lgd == 0.75


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"loss_limit": 5}, "/loss_limit"),
        ({"methods": {"invoise": {}}}, "/methods/invoise/key"),
        ({"methods": {"invoice": {"max_minor": "5"}}}, "/methods/invoice/value/max_minor"),
        ({"methods": {"invoice": {"min_minor": 5, "max_minor": 4}}}, "/methods/invoice/value/min_minor"),
        ({"methods": {"instalments": {}}}, "/methods"),
        ({"invoice_days": 30}, "/invoice_days"),
        (
            {"rules": [{"id": "a", "when": {"field": "x", "operator": "="}, "then": {"action": "review"}}]},
            "/rules/0/when/field",
        ),
        ({"rules": [{"id": "a", "when": {}, "then": {"action": "hide"}}]}, "/rules/0/then/kinds"),
        (
            {
                "table": {
                    "columns": [{"field": "b2b", "operator": "="}],
                    "rows": [{"cells": [], "then": {"action": "review"}}],
                }
            },
            "/table/rows/0/cells",
        ),
    ],
)
def test_a_fault_is_named_by_its_place(body, path):
    """JSON pointers into the document."""
    with pytest.raises(Invalid) as caught:
        compile_policy(body, 1)
    assert path in {fault["path"] for fault in caught.value.facts["errors"]}


def test_invoice_terms_up_to_fifty_days_are_for_small_sellers():
    """CCD2 Art. 2(2)(h): 14 days, 50 for an SME."""
    assert compile_policy({"invoice_days": 50, "seller_is_sme": True}, 1).version == 1


def test_two_rules_cannot_share_an_id():
    """Reasons and hit counts would be ambiguous."""
    rule = {"id": "a", "when": {"field": "b2b", "operator": "=", "value": True}, "then": {"action": "review"}}
    with pytest.raises(Invalid):
        compile_policy({"rules": [rule, rule]}, 1)


@pytest.mark.parametrize(
    "body", [{"margin_bp": -1}, {"kinds": {"invoice": {"lgd": 1.5}}}, {"deposit_completion": {"20": 0.5}}]
)
def test_impossible_figures_are_refused(body):
    """Shares are between 0 and 1, margins not negative, deposits on the ladder."""
    with pytest.raises(Invalid):
        compile_economics(body, 1)
