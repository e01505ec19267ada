"""A life cycle moves by its table only."""

import pytest

from gateway.core.errors import Refused
from gateway.core.states import Lifecycle

DOOR = Lifecycle(
    "door", "shut", {("shut", "opened"): "open", ("open", "closed"): "shut", ("open", "bricked_up"): "wall"}
)


def test_a_listed_move_is_made():
    """The table says where an event leads."""
    assert DOOR.after("shut", "opened") == "open"
    assert DOOR.allows("open", "closed")


def test_any_other_move_is_refused_with_both_names():
    """There is no back door."""
    with pytest.raises(Refused) as caught:
        DOOR.after("wall", "opened")
    assert caught.value.facts == {"thing": "door", "state": "wall", "event": "opened"}


def test_final_states_are_those_nothing_leaves():
    """Derived from the table, not declared beside it."""
    assert DOOR.states == {"shut", "open", "wall"}
    assert DOOR.final == {"wall"}
