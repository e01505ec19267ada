"""The compiled loader is marshmallow, only faster: same values, same faults."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load, pre_load, validate

from gateway.checkout.schemas import CheckoutSchema
from gateway.core.fastload import loader
from tests.builders import a_question

QUESTION = a_question(
    delivery={"line1": "Packstation 101", "postcode": "20095", "country": "DE"},
    context={"ip": "198.51.100.7", "device_id": "d-1", "device_consent": True},
)
PLACES = [
    ("currency",),
    ("total_minor",),
    ("items",),
    ("items", 0),
    ("items", 0, "quantity"),
    ("items", 0, "kind"),
    ("buyer",),
    ("buyer", "email"),
    ("buyer", "guest"),
    ("buyer", "surprise"),
    ("billing", "country"),
    ("context", "ip"),
    ("context", "device_consent"),
    ("methods",),
    ("methods", 1, "id"),
    ("methods", 1, "kind"),
    ("methods", 1, "supports_deposit"),
]
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 10**16),
    st.floats(allow_nan=False),
    st.sampled_from(
        ["", "DE", "de", "EUR", "XXX", "invoice", "physical", "true", "no", "12", "::1", "a@b.cd", "x" * 600]
    ),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(
        st.sampled_from(["id", "kind", "quantity", "unit_minor", "country"]), st.integers(0, 3), max_size=2
    ),
)


def outcome(load, body):
    try:
        return load(copy.deepcopy(body))
    except ValidationError as error:
        return error.normalized_messages()


def assert_alike(schema, body):
    """The same, except that a list of the wrong length is refused before anything else is looked at."""
    fast, slow = outcome(loader(schema), body), outcome(schema.load, body)
    if fast != slow:
        assert "Length must be" in str(fast) or "Longer than" in str(fast) or "Shorter than" in str(fast)
        assert isinstance(slow, dict)
        assert fast.keys() <= slow.keys()


@given(st.lists(st.tuples(st.sampled_from(PLACES), VALUES), max_size=3), st.sampled_from([None, *PLACES]))
def test_every_body_loads_or_fails_as_the_schema_says(changes, left_out):
    """Valid, spoiled in any place, or with a part missing."""
    body = copy.deepcopy(QUESTION)
    for place, value in changes:
        put(body, place, value)
    if left_out:
        put(body, left_out, None, leave_out=True)
    assert_alike(CheckoutSchema(), body)


def put(body, place, value, *, leave_out=False):
    """Change the place where there is one."""
    *path, last = place
    for step in path:
        body = (
            body[step]
            if isinstance(body, dict) and step in body
            else body[step]
            if isinstance(body, list) and isinstance(step, int) and step < len(body)
            else {}
        )
    if leave_out and isinstance(body, dict):
        body.pop(last, None)
    elif isinstance(body, dict) or (isinstance(body, list) and isinstance(last, int) and last < len(body)):
        body[last] = value


@given(st.one_of(VALUES, st.text(max_size=3)))
def test_what_is_no_object_fails_alike(body):
    assert_alike(CheckoutSchema(), body)


class Odd(Schema):
    """What the loader leaves to marshmallow itself."""

    class Meta:
        unknown = EXCLUDE

    name = fields.String(data_key="Name", required=True)
    amount = fields.Decimal(load_default=None)

    @pre_load
    def strip(self, data, **_):
        return {key: value.strip() if isinstance(value, str) else value for key, value in data.items()}


class Around(Schema):
    """Fields beside the usual ones."""

    odd = fields.Nested(Odd)
    odds = fields.Nested(Odd, many=True)
    day = fields.Date()
    size = fields.Integer(validate=[validate.Range(min=1), validate.Range(max=9, max_inclusive=False)])
    strict = fields.Integer(strict=True, validate=[validate.Range(min=1), validate.Range(max=9, max_inclusive=False)])
    word = fields.String(validate=lambda value: value != "no", allow_none=True)
    words = fields.List(fields.String(validate=validate.Length(equal=2)), load_default=list)
    flag = fields.Boolean(truthy={"yes"}, falsy={"no"})

    @post_load
    def count(self, data, **_):
        return data | {"count": len(data)}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"odd": {"Name": " a ", "more": 1}, "odds": [{"Name": "b", "amount": "1.5"}], "day": "2026-01-02"},
        {"odd": {"name": "a"}},
        {"odds": {"Name": "b"}},
        {"size": "3", "strict": 3},
        {"size": 9, "strict": 9},
        {"strict": "3"},
        {"strict": True},
        {"word": None, "words": ["ab", "abc"]},
        {"word": "no", "words": "ab"},
        {"flag": True},
        {"flag": "yes"},
        {"day": "tomorrow", "unknown": 1},
    ],
)
def test_unusual_schemas_are_marshmallow_s_own_affair(body):
    """Hooks before loading, other names, other unknowns, fields that convert."""
    assert outcome(loader(Around()), body) == outcome(Around().load, body)
