"""Decisions recorded before policies had days, samples and trials are made again as they were."""

import json
from pathlib import Path

from gateway.checkout import documents, records
from gateway.risk.card import expert

OLD = json.loads((Path(__file__).parent / "record-0.1.json").read_text())
"""Synthetic: a policy with rules and a table, and the record that 0.1 wrote of one order judged by it."""


def test_a_record_of_the_first_version_is_made_again_to_the_letter():
    """A rule that lacked a fact, a row that did, words of the merchant, no day, no draw."""
    record = OLD["record"]
    terms, economics = documents.compile_policy(OLD["policy"], 3), documents.compile_economics({}, 0)
    again = records.replay(record, expert(), terms, economics)
    assert json.loads(json.dumps(again)) == {"score": record["score"], "choice": record["choice"]}
    assert {step["result"] for step in record["choice"]["trace"]} == {"hit", "missing"}
