"""A hundred calendars: which letter leaves on which day, at what price, and why nothing follows.

Weekends, holidays of the Länder, year ends, returns, payments, promises, plans, outages; see data/dunning_calendars.yaml.
"""

from pathlib import Path

import pytest
import yaml

from tests.pure.dunning_nights import played

SCENARIOS = yaml.safe_load((Path(__file__).parent / "data" / "dunning_calendars.yaml").read_text())


def test_there_are_a_hundred_calendars_and_each_says_why():
    assert len(SCENARIOS) >= 100
    assert len({one["why"] for one in SCENARIOS}) == len(SCENARIOS)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=[one["why"][:60] for one in SCENARIOS])
def test_the_calendar_is_kept(scenario):
    letters, why = played(scenario)
    assert letters == scenario["letters"]
    assert why == scenario["ends"]
