"""The dunning policy: what is shipped is lawful, and what is not lawful is refused with its place and a way out."""

import copy

import pytest

from gateway.core.errors import Invalid
from gateway.receivables import dunning_lint
from gateway.receivables.dunning_defaults import DEFAULT_DUNNING
from gateway.receivables.dunning_schema import compile_dunning


def a_policy(steps=None, **track):
    """A policy of one track for consumers in Germany, with the shipped steps unless others are given."""
    body = copy.deepcopy(DEFAULT_DUNNING["tracks"][0]) | track
    rest = {"id": "rest", "segment": {}, "steps": []}
    return {"tracks": [body | ({"steps": steps} if steps is not None else {}), rest]}


def faults_of(body):
    with pytest.raises(Invalid) as refused:
        dunning_lint.check(body)
    return {one["path"]: one["message"] for one in refused.value.facts["errors"]}


def changed(place, **fields):
    body = a_policy()
    body["tracks"][0]["steps"][place] |= fields
    return body


def test_the_shipped_policy_has_no_fault_and_no_warning():
    assert dunning_lint.check(DEFAULT_DUNNING) == []


@pytest.mark.parametrize(
    ("country", "debtor", "track"),
    [
        ("DE", "consumer", "de-consumer"),
        ("DE", "business", "de-business"),
        ("AT", "business", "at-business"),
        ("CH", "consumer", "ch-consumer"),
        ("FR", "business", "elsewhere"),
    ],
)
def test_every_debtor_of_europe_has_a_track_without_any_configuration(country, debtor, track):
    class debt:  # noqa: N801 - four facts
        currency, principal_minor = "EUR", 5_000

    debt.country, debt.debtor = country, debtor
    assert compile_dunning(DEFAULT_DUNNING, 0).track_for(debt, regular=False).id == track


def test_no_shipped_step_costs_a_fee_and_no_consumer_owes_a_lump_sum():
    for track in compile_dunning(DEFAULT_DUNNING, 0).tracks:
        assert all(step.fee_minor == 0 for step in track.steps)
        assert track.segment.debtor == "business" or not any(step.lump_sum for step in track.steps)


@pytest.mark.parametrize(
    ("place", "fields", "path", "words"),
    [
        (0, {"fee_minor": 100, "fee_proof": "x", "channel": "post"}, "steps/0/fee_minor", "only a dunning letter"),
        (1, {"fee_minor": 100, "fee_proof": "x", "channel": "post"}, "steps/1/fee_minor", "must be free"),
        (2, {"fee_minor": 100, "fee_proof": "x"}, "steps/2/fee_minor", "no paper and no postage"),
        (2, {"fee_minor": 100, "channel": "post"}, "steps/2/fee_proof", "name the proof"),
        (2, {"fee_minor": 251, "fee_proof": "x", "channel": "post"}, "steps/2/fee_minor", "no court"),
        (2, {"lump_sum": True}, "steps/2/lump_sum", "companies only"),
        (1, {"deadline_days": 3}, "steps/1/deadline_days", "at least 7"),
        (0, {"interest": True}, "steps/0/interest", "not by a reminder"),
        (0, {"bureau_notice": True}, "steps/0/bureau_notice", "not before the first dunning letter"),
        (1, {"handover_notice": True}, "steps/1/handover_notice", "not before a dunning letter"),
        (1, {"channel": "call"}, "steps/1/channel", "cannot be phoned"),
        (1, {"kind": "call"}, "steps/1/channel", "goes by the channel call"),
    ],
)
def test_what_no_law_allows_is_refused_with_its_place_and_a_way_out(place, fields, path, words):
    told = faults_of(changed(place, **fields))
    assert words in told[f"/tracks/0/{path}"]


def test_a_final_letter_needs_a_dunning_letter_before_it():
    steps = copy.deepcopy(DEFAULT_DUNNING["tracks"][0]["steps"])
    told = faults_of(a_policy([steps[0], steps[3]]))
    assert "put a step of kind dunning first" in told["/tracks/0/steps/1"]


def test_six_letters_are_too_many_and_five_are_warned_of():
    step = {"kind": "dunning", "delay_days": 20, "fallback": "post"}
    many = [step | {"key": f"d{number}"} for number in range(6)]
    assert "more than 5" in faults_of(a_policy(many))["/tracks/0/steps"]
    assert any("three or four" in one["message"] for one in dunning_lint.check(a_policy(many[:5])))


def test_a_track_behind_a_wider_one_is_refused():
    body = copy.deepcopy(DEFAULT_DUNNING)
    body["tracks"].insert(0, {"id": "all", "segment": {}, "steps": []})
    assert "can never be the first" in faults_of(body)["/tracks/1/segment"]


def test_a_misspelt_field_is_told_with_the_right_one():
    assert "did you mean delay_days" in faults_of(changed(0, delay_day=3))["/tracks/0/steps/0/delay_day"]


def test_an_undo_window_beyond_the_last_hour_is_refused():
    assert "at most 15" in faults_of(a_policy(undo_hours=16))["/tracks/0/undo_hours"]


def test_a_bureau_notice_by_mail_is_kept_with_a_warning():
    assert any("post is safe" in one["message"] for one in dunning_lint.check(changed(2, bureau_notice=True)))
