"""What training reads: CSV and JSON lines of facts with outcomes, refused at the row and column that is wrong."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import GatewayError, Invalid
from gateway.risk import card
from gateway.risk.training_data import Reading, read

CSV = (
    "currency,total_minor,guest,country,orders,default,date\n"
    "EUR,12990,yes,DE,,0,2026-01-05\n"
    "EUR,4990,0,AT,3,1,2026-01-04\n"
)


def test_csv_and_json_lines_say_the_same():
    """Empty is unknown; semicolons and tabs do as well; facts may stand in an object of their own."""
    lines = [
        {"facts": {"currency": "EUR", "total_minor": 12990, "guest": True, "country": "DE"}, "default": 0},
        {"currency": "EUR", "total_minor": 4990, "guest": False, "country": "AT", "orders": 3, "default": True},
    ]
    days = ["2026-01-05", "2026-01-04T10:00:00+00:00"]
    text = "\n".join(json.dumps(line | {"date": day}) for line, day in zip(lines, days, strict=True))
    sets = [read(raw.encode(), Reading()) for raw in (CSV, CSV.replace(",", ";"), CSV.replace(",", "\t"), text)]
    for one in sets:
        assert one.row(0) == {"currency": "EUR", "total_minor": 12990, "guest": True, "country": "DE", "orders": None}
        assert one.row(1)["orders"] == 3
        assert one.outcomes == {"default": [False, True]}
        assert (min(one.days).day, one.currencies) == (4, {"EUR"})


def test_features_and_levels_of_the_model_in_use_come_first():
    """So that its tables and trees go on meaning what they meant."""
    data = read(CSV.encode(), Reading(), card.expert())
    known = [one.name for one in card.expert().features]
    assert [one.name for one in data.features][: len(known)] == known
    assert set(data.row(0)) >= set(known)


FAULTS = [
    ("totalminor,default\n1,0\n", "/totalminor", "did you mean total_minor"),
    ("age,default\n1,0\n", "/age", "forbidden"),
    ("currency,total_minor,default\nEUR,12.5,0\n", "/rows/0/total_minor", "whole number"),
    ("currency,guest,default\nEUR,maybe,0\n", "/rows/0/guest", "neither"),
    ("currency,guest,default\nEUR,1,0\nEUR,1,2\n", "/rows/1/default", "neither"),
    ("currency,guest\nEUR,1\n", "", "no outcome"),
    ("guest,default\n1,0\n", "/currency", "in which currency"),
    ("currency,guest,default\neuro,1,0\n", "/currency", "ISO 4217"),
    ("currency,guest,default,weight\nEUR,1,0,-1\n", "/rows/0/weight", "above 0"),
    ("currency,guest,default,date\nEUR,1,0,yesterday\n", "/rows/0/date", ""),
    ("currency,guest,default,live\nEUR,1,0,true\nEUR,1,0,false\n", "/rows/1/live", "test shop"),
    ("currency,guest,guest,default\nEUR,1,1,0\n", "/rows/0", "same"),
    ("currency,guest,default\nEUR,1\n", "/rows/1", "cells"),
    ("currency,guest,default\n", "", "no rows"),
    ('{"currency": "EUR", "default": 0}\n[]\n', "/rows/1", "object"),
    ('{"currency": "EUR", "default": 0}\n{\n', "", "neither CSV nor JSON lines"),
]


@pytest.mark.parametrize(("text", "path", "words"), FAULTS, ids=[words or path for _, path, words in FAULTS])
def test_what_is_wrong_is_named_by_row_and_column(text, path, words):
    """The first row is row 0."""
    with pytest.raises(Invalid) as caught:
        read(text.encode(), Reading())
    assert caught.value.facts["errors"][0]["path"] == path
    assert words in caught.value.facts["errors"][0]["message"]


def test_columns_can_be_left_out_and_models_outside_the_checkout_read_anything():
    """Except what no score may read."""
    text = "age,size,colour,bad\n44,1.5,red,0\n50,,blue,1\n"
    data = read(text.encode(), Reading(("bad",), frozenset({"age"})))
    assert {one.name: one.type for one in data.features} == {"size": "number", "colour": "text"}
    assert data.row(1) == {"size": None, "colour": "blue"}
    with pytest.raises(Invalid):
        read(text.encode(), Reading(("bad",)))


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_nothing_but_a_refusal_comes_of_junk(raw):
    """Whatever somebody gives as a file."""
    with pytest.raises(GatewayError):
        read(raw, Reading())
