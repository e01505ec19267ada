"""A wrong body costs little more than a right one."""

import pytest
from marshmallow import Schema, ValidationError, fields, validate

from gateway.core import fastload


class ItemSchema(Schema):
    """Counts how often marshmallow loads one."""

    loads = 0
    quantity = fields.Integer(strict=True, required=True)
    tags = fields.List(fields.String(), validate=validate.Length(max=3))

    def _do_load(self, *args, **options):
        ItemSchema.loads += 1
        return super()._do_load(*args, **options)


class BasketSchema(Schema):
    currency = fields.String(required=True)
    items = fields.List(fields.Nested(ItemSchema), validate=validate.Length(max=5))


@pytest.fixture
def load(monkeypatch):
    monkeypatch.setattr(ItemSchema, "loads", 0)
    return fastload.loader(BasketSchema())


@pytest.mark.parametrize("others", [{}, {"currency": "EUR"}, {"currency": 1, "unknown": 2}])
def test_a_list_that_is_too_long_is_refused_before_its_elements_are_read(load, others):
    """Eighty thousand empty elements fit into 256 kB; each would be loaded and its faults named."""
    with pytest.raises(ValidationError) as refused:
        load(others | {"items": [{}] * 80_000})
    assert refused.value.messages == {"items": ["Longer than maximum length 5."]}
    assert ItemSchema.loads == 0


def test_a_list_within_a_list_is_measured_too_and_named_by_its_place(load):
    """Otherwise the same would be done one level deeper."""
    with pytest.raises(ValidationError) as refused:
        load({"currency": "EUR", "items": [{"quantity": 1}, {"quantity": 1, "tags": ["x"] * 4}]})
    assert refused.value.messages == {"items": {1: {"tags": ["Longer than maximum length 3."]}}}
    assert ItemSchema.loads == 0


def test_every_other_fault_is_still_named_all_at_once(load):
    """By marshmallow itself."""
    with pytest.raises(ValidationError) as refused:
        load({"items": [{}, {"quantity": "x"}]})
    assert set(refused.value.messages) == {"currency", "items"}
    assert set(refused.value.messages["items"]) == {0, 1}
