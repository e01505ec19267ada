"""What needs no web server: the judgement alone, and the counters of one decision in one round trip."""

import os
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from bench import synthetic_models
from bench.figures import Figure, Section
from bench.stack import Stack
from gateway.checkout import documents
from gateway.checkout.conditions import MAX_LEAVES, MAX_LIST, compile_condition
from gateway.checkout.methods import Method
from gateway.checkout.policy import Case, choose
from gateway.core import clock
from gateway.risk import card as cards
from gateway.risk.facts import CATALOGUE, Facts
from gateway.risk.panel import Panel
from gateway.risk.score import score_all
from gateway.risk.velocity import SUBJECTS, WINDOWS, Attempt, Velocity

RULES, ROWS = 20, 50
_METHODS = ("prepayment", "card_3ds", "paypal", "invoice", "sepa_debit", "cash_on_delivery")


def judgement(rounds: int, calls: int = 2_000) -> Section:
    """From facts to the menu: score with its reasons, economics, policy; then with challengers and trees."""
    policy, economics = documents.compile_policy(_document(), 1), documents.compile_economics({}, 0)
    methods = tuple(Method(f"m-{kind}", kind) for kind in _METHODS)
    cases = [_facts(number) for number in range(50)]
    expert, forests = cards.expert(), [synthetic_models.forest(seed) for seed in (1, 2, 3)]
    panels = {
        "one judgement": Panel((expert,)),
        f"with two challengers of {synthetic_models.TREES} trees": Panel((expert, *forests[:2])),
        "the same, the champion being trees too": Panel((forests[2], *forests[:2])),
    }

    def measured(panel: Panel) -> float:
        def judge(number: int) -> None:
            facts = cases[number % len(cases)]
            score, _ = score_all(panel, facts)
            choose(Case(facts, score, methods, economics, policy, holds_orders=True))

        judge(0)
        return _median_us(judge, calls)

    longest = compile_condition(_longest())

    def longest_rule() -> float:
        return _median_us(lambda number: longest.test(cases[number % len(cases)]), calls)

    values: dict[str, list[float]] = {name: [] for name in panels}
    rule: list[float] = []
    for _ in range(rounds):
        for name, panel in panels.items():
            values[name].append(measured(panel))
        rule.append(longest_rule())
    how = (
        f"{RULES} rules, a decision table of {ROWS} rows, {len(_METHODS)} methods, in one process and thread. Synthetic "
        f"challengers hold {synthetic_models.TREES} trees of 8 leaves for default, and tables for fraud and return; reasons "
        "are told of the champion."
    )
    budgets = dict.fromkeys(list(panels)[:2], 60.0)
    figures = [Figure(name, "µs", found, orientation=budgets.get(name)) for name, found in values.items()]
    longest_of = f"the longest rule there can be ({MAX_LEAVES} comparisons)"
    return Section("Facts to menu, in process", how, [*figures, Figure(longest_of, "µs", rule, orientation=10_000.0)])


def _longest() -> dict[str, Any]:
    """A rule of as many comparisons as are accepted, each over the longest list, and all of them have to be made."""
    countries = [f"{number:03d}" for number in range(MAX_LIST)]
    leaf = {"field": "country", "operator": "notIn", "value": countries}
    return {"combinator": "and", "rules": [leaf] * MAX_LEAVES}


def velocity(stack: Stack, rounds: int, calls: int = 1_000) -> Section:
    """All counters of a decision beside the shortest command there is."""
    services = stack.services()
    counters = Velocity(services.cache)
    people = [{subject: os.urandom(16) for subject in SUBJECTS} for _ in range(calls)]
    now_s = clock.now().timestamp()

    def count(number: int) -> None:
        basket = b"cart-%d" % number
        counters.count(Attempt(stack.merchant_id, people[number % calls], basket), now_s)

    connection = services.cache.connection_pool.get_connection()

    def ping(_: int) -> None:
        connection.send_command("PING")
        connection.read_response()

    values, floors = [], []
    for round_ in range(rounds):
        values.append(_median_us(count, calls, first=round_ * calls) / 1000)
        floors.append(_median_us(ping, calls) / 1000)
    name = f"{len(SUBJECTS)} subjects in {len(WINDOWS)} windows"
    how = "One round trip over the socket on one connection; floor: one PING on such a connection."
    figures = [
        Figure(name, "ms", values, floors, at_most=4.0),
        Figure("the same, absolute", "ms", values, orientation=0.5),
    ]
    return Section("Velocity", how, figures)


def _median_us(call: Callable[[int], Any], calls: int, first: int = 0) -> float:
    took = []
    for number in range(first, first + calls):
        began = time.perf_counter()
        call(number)
        took.append(time.perf_counter() - began)
    return median(took) * 1e6


def _document() -> dict[str, Any]:
    """A policy of many rules that rarely hit and a table that is read to its last row."""
    rules = [
        {
            "id": f"rule-{number}",
            "when": {
                "combinator": "and",
                "rules": [
                    {"field": "total_minor", "operator": ">", "value": 10_000 + 5_000 * (RULES - number)},
                    {"field": "country", "operator": "in", "value": ["DE", "AT", "CH"]},
                    {
                        "combinator": "or",
                        "rules": [
                            {"field": "email_24h", "operator": ">=", "value": 3},
                            {"field": "overdue_days", "operator": ">", "value": number},
                        ],
                    },
                ],
            },
            "then": {"action": "deposit", "kinds": ["invoice", "sepa_debit"], "percent": 30},
        }
        for number in range(RULES)
    ]
    columns = [
        {"field": "orders", "operator": ">="},
        {"field": "country", "operator": "="},
        {"field": "total_minor", "operator": ">"},
    ]
    rows = [
        {"cells": [number % 7, "LU", 1_000 * (ROWS - number)], "then": {"action": "hide", "kinds": ["invoice"]}}
        for number in range(ROWS - 1)
    ]
    last = {"cells": [0, None, None], "then": {"action": "deposit", "kinds": ["cash_on_delivery"], "percent": 10}}
    return documents.DEFAULT_CHECKOUT | {"rules": rules, "table": {"columns": columns, "rows": [*rows, last]}}


def _facts(number: int) -> Facts:
    """Everything known, in different sizes."""
    known = {name: fact.example for name, fact in CATALOGUE.items() if name not in ("listed", "listed_reason")}
    known |= {"total_minor": 5_000 + 997 * number, "orders": number % 6, "email_24h": number % 4}
    return Facts(**known)
