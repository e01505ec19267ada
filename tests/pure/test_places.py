"""A fault in a document is shown beside the line it is about."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.admin.places import line_of

TEXT = """{
  "methods": {"invoice": {
    "max_minr": 5}},
  "rules": [
    {"id": "a", "when": {"field": "b2b", "operator": "=", "value": true}},
    {"id": "b",
     "when": {"field": "totl", "operator": ">"}}
  ]
}"""


@pytest.mark.parametrize(
    ("pointer", "number"),
    [
        ("/", 1),
        ("/rules/1/when/field", 7),
        ("/rules/0", 5),
        ("/rules/1/then/kinds", 6),
        ("/methods/invoice/value/max_minr", 3),
        ("/methods/shoes/key", 2),
        ("/rules/9", 4),
        ("/nothing", 1),
    ],
)
def test_the_line_is_that_of_the_value_or_of_the_nearest_thing_around_it(pointer, number):
    """What is missing is shown where it would stand."""
    assert line_of(TEXT, pointer).number == number
    assert line_of(TEXT, pointer).text in TEXT


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=4), inner, max_size=3),
    max_leaves=10,
)


@given(values, st.text(max_size=8) | st.lists(st.sampled_from("ab01"), max_size=4).map("/".join))
def test_any_pointer_into_any_document_leads_somewhere(value, pointer):
    """Never an exception; always a line of the text."""
    text = json.dumps(value, indent=1)
    assert line_of(text, pointer).number <= text.count("\n") + 1


@given(st.text(max_size=20))
def test_what_is_no_json_leads_nowhere_or_to_its_first_line(text):
    """The page still says what is wrong with it."""
    found = line_of(text, "/rules/0/when")
    assert found is None or 1 <= found.number <= text.count("\n") + 1
