"""`/v1/objections` over HTTP: told once per key, answered once, for the shop's own claims and with its scopes only."""

import pytest

from gateway.core.ids import new_id, to_public
from gateway.merchants.auth import SCOPES
from gateway.receivables.agreement_models import Objection
from gateway.receivables.letter_models import Letter
from tests.builders import a_world
from tests.debtors import Debtor

ANSWER = {"outcome": "rejected", "answer": "Am 3. Juni zugestellt.", "finding": "unclear", "grounds": "Tracking"}
"""Rejects."""


@pytest.fixture
def debtor(services):
    return Debtor(services, a_world(services))


@pytest.fixture
def claim_id(debtor):
    return debtor.owes()


@pytest.fixture
def call(app, debtor):
    def request(method, path="", body=None, *, world=None, **headers):
        auth = (world or debtor.world).auth
        return app.test_client().open(f"/v1/objections{path}", method=method, json=body, headers=auth | headers)

    return request


@pytest.fixture
def tell(call, claim_id):
    def telling(more=None, **options):
        told = {"claim_id": to_public("clm", claim_id), "category": "defective", "words": "<b>kaputt</b>"} | (
            more or {}
        )
        return call("POST", "", told, **options)

    return telling


def kinds(debtor):
    return [row.kind for row in debtor.rows(Letter)]


def test_an_objection_is_told_once_per_key_and_read_back(debtor, claim_id, call, tell):
    first, again = (tell(**{"Idempotency-Key": "k-1"}) for _ in range(2))
    assert (first.status_code, first.json["state"], first.json["words"]) == (201, "OPEN", "<b>kaputt</b>")
    assert (again.status_code, again.json) == (201, first.json)
    assert (len(debtor.rows(Objection)), kinds(debtor)) == (1, ["objection_received"])
    assert debtor.claim(claim_id).state == "DISPUTED"
    assert call("GET", f"/{first.json['id']}").json == first.json
    assert [one["id"] for one in call("GET").json["objections"]] == [first.json["id"]]
    other = tell({"words": "anders"}, **{"Idempotency-Key": "k-1"})
    assert (other.status_code, other.json["code"]) == (409, "idempotency-conflict")


def test_a_second_objection_waits_for_the_first(debtor, tell):
    tell()
    second = tell()
    assert (second.status_code, second.json["code"], len(debtor.rows(Objection))) == (409, "already-objected", 1)


def test_it_is_answered_once(debtor, claim_id, call, tell):
    """The same key again tells how it stands; without it the second answer is refused."""
    path = f"/{tell().json['id']}/answer"
    for _ in range(2):
        answered = call("POST", path, ANSWER, **{"Idempotency-Key": "k-2"})
        assert (answered.status_code, answered.json["state"]) == (200, "REJECTED")
    second = call("POST", path, ANSWER | {"outcome": "accepted"})
    assert (second.status_code, second.json["code"]) == (409, "refused")
    assert call("POST", path.replace("answer", "withdraw")).status_code == 409
    assert kinds(debtor) == ["objection_received", "objection_answer"]
    assert debtor.claim(claim_id).state != "DISPUTED"


def test_an_accepted_one_credits_and_a_withdrawn_one_changes_nothing(debtor, claim_id, call, tell):
    withdrawn = call("POST", f"/{tell().json['id']}/withdraw")
    assert (withdrawn.json["state"], debtor.claim(claim_id).principal_minor) == ("WITHDRAWN", 12_490)
    told = ANSWER | {"outcome": "accepted", "finding": "partly", "credit_minor": 2_490}
    accepted = call("POST", f"/{tell().json['id']}/answer", told)
    assert (accepted.json["state"], accepted.json["credit_minor"]) == ("ACCEPTED", 2_490)
    assert debtor.claim(claim_id).principal_minor == 10_000
    assert [one["state"] for one in call("GET", "?state=ACCEPTED").json["objections"]] == ["ACCEPTED"]


@pytest.mark.parametrize(
    ("more", "status", "code"),
    [
        ({"category": "mood"}, 422, "invalid-input"),
        ({"amount_minor": 0}, 422, "invalid-input"),
        ({"amount_minor": 99_999_999}, 422, "invalid-input"),
        ({"claim_id": "clm_nonsense"}, 404, "claim-unknown"),
        ({"claim_id": "clm_01m88893fcdethsgs2p390zs0h5"}, 404, "claim-unknown"),
        ({"surprise": 1}, 422, "invalid-input"),
    ],
)
def test_what_cannot_be_is_a_clear_problem_and_changes_nothing(debtor, claim_id, tell, more, status, code):
    refused = tell(more)
    assert (refused.status_code, refused.json["code"]) == (status, code)
    assert (debtor.rows(Objection), debtor.claim(claim_id).state) == ([], "OPEN")


@pytest.mark.parametrize(
    "wrong", [{"outcome": "maybe"}, {"answer": ""}, {"grounds": ""}, {"finding": "x"}, {"credit_minor": 99_999_999}]
)
def test_an_answer_without_grounds_or_beyond_the_debt_leaves_it_open(debtor, call, tell, wrong):
    path = f"/{tell().json['id']}/answer"
    assert call("POST", path, ANSWER | {"outcome": "accepted"} | wrong).status_code in (409, 422)
    assert [row.state for row in debtor.rows(Objection)] == ["OPEN"]


def test_another_shop_sees_and_answers_none_of_it(services, debtor, call, tell):
    other, id_ = a_world(services), tell().json["id"]
    assert call("GET", world=other).json["objections"] == []
    for method, path, body in (("GET", "", None), ("POST", "/answer", ANSWER), ("POST", "/withdraw", None)):
        refused = call(method, f"/{id_}{path}", body, world=other)
        assert (refused.status_code, refused.json["code"]) == (404, "objection-unknown")
    assert tell(world=other).json["code"] == "claim-unknown"
    assert [row.state for row in debtor.rows(Objection)] == ["OPEN"]


@pytest.mark.parametrize(
    "id_", ["nonsense", "obj_1", "clm_01m88893fcdethsgs2p390zs0h5", "obj_01m80jtwssevksa7y719cbahm4"]
)
def test_an_id_that_is_none_is_unknown(call, id_):
    assert call("GET", f"/{id_}").json["code"] == "objection-unknown"
    assert call("POST", f"/{id_}/answer", ANSWER).json["code"] == "objection-unknown"


def test_reading_and_writing_are_scopes_of_their_own(services, call):
    reader = a_world(services, scopes=frozenset({"objections:read"}))
    stranger = a_world(services, scopes=SCOPES - {"objections:read", "objections:write"})
    assert call("GET", world=reader).status_code == 200
    for world, method, body in ((reader, "POST", {}), (stranger, "GET", None), (stranger, "POST", {})):
        assert call(method, "", body, world=world).status_code == 403
    assert call("POST", f"/{to_public('obj', new_id())}/answer", ANSWER, world=reader).status_code == 403
