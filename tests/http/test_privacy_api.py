"""`/v1/privacy`: a shop brings in what its buyers ask for, answers, and fetches a copy; of its own mode and shop only."""

import json

import pytest

from gateway.core import clock
from gateway.core.ids import new_id, to_public
from tests.builders import a_question, a_world
from tests.rights_visits import a_decision, mails

URL = "/v1/privacy/requests"
CHANGES = {"phone": "+49 40 36902399"}


@pytest.fixture
def world(services):
    return a_world(services)


@pytest.fixture
def decision(app, world):
    return a_decision(app, world)


def ask(app, world, **body):
    return app.test_client().post(URL, json={"buyer": "ada@example.com"} | body, headers=world.auth)


def answer(app, world, request_id, outcome, **more):
    body = {"outcome": outcome, "text": "Weil es so ist."} | more
    return app.test_client().post(f"{URL}/{request_id}/answer", json=body, headers=world.auth)


def get(app, world, path):
    return app.test_client().get(path, headers=world.auth)


def place(app, world, reference="A-1", **more):
    order = {
        "method": {"id": "cheque", "kind": "invoice"},
        "currency": "EUR",
        "total_minor": 4_990,
        "placed_at": clock.now().isoformat(),
        "buyer": {"email": "ada@example.com", "first_name": "Ada"},
    }
    assert app.test_client().put(f"/v1/orders/{reference}", json=order | more, headers=world.auth).status_code == 201


def test_a_request_is_brought_in_listed_and_answered(app, services, world, decision):
    """With deadline, the shop as proof, and a letter to the buyer."""
    made = ask(app, world, kind="review", decision_id=decision["id"], text="Bitte prüfen.")
    assert made.status_code == 201, made.json
    assert (made.json["state"], made.json["proof"], made.json["text"]) == ("open", "merchant", "Bitte prüfen.")
    assert [one["id"] for one in get(app, world, URL).json["requests"]] == [made.json["id"]]
    assert get(app, world, f"{URL}?due_in_days=3").json["requests"] == []
    done = answer(app, world, made.json["id"], "granted", days=3)
    assert (done.json["state"], done.json["outcome"], done.json["answer"]) == ("answered", "granted", "Weil es so ist.")
    assert answer(app, world, made.json["id"], "upheld").status_code == 409
    assert len(mails(services, world)) == 1
    assert (
        get(app, world, f"{URL}?state=answered").json["requests"][0] == get(app, world, f"{URL}/{made.json['id']}").json
    )


def test_an_objection_counts_at_once(app, world, decision):
    """Stored, answered, and seen by the next decision, which replays like any other."""
    assert ask(app, world, kind="objection").json["outcome"] == "noted"
    after = a_decision(app, world)
    assert {offer["kind"] for offer in after["offers"] if offer["show"]} == {"card_3ds", "prepayment"}
    assert after["outcome"] == "decline"
    assert after["missing"]["profiling"] == "the buyer objected to being assessed"
    assert not {"paid_orders", "email_24h", "same_address", "email_given"} & _facts(app, world, after)


def _facts(app, world, decision):
    told = get(app, world, f"/v1/decisions/{decision['id']}/explanation").json
    return {fact["fact"] for group in told["groups"] for fact in group["facts"]}


def test_erasure_is_done_or_refused_with_the_date_at_once(app, services, world, decision):
    """Never an error: the answer says which."""
    place(app, world)
    refused = ask(app, world, kind="erasure").json
    assert (refused["state"], refused["outcome"]) == ("answered", "refused")
    assert f"{clock.now().year + 3}-12-31: an order is not paid" in refused["answer"]
    other = a_question(buyer={"email": "eve@example.com"})
    app.test_client().post("/v1/decisions", json=other, headers=world.auth)
    erased = ask(app, world, kind="erasure", buyer="eve@example.com").json
    assert erased["outcome"] == "erased"
    assert erased["answer"] == "", "the key is gone that would open it"
    assert ask(app, world, kind="access", buyer="eve@example.com").json["code"] == "buyer-unknown"
    assert ask(app, world, kind="access", buyer=erased["buyer_id"]).json["code"] == "buyer-erased"


def test_a_correction_is_carried_out_by_its_answer(app, world):
    """The order then shows the right name."""
    place(app, world)
    made = ask(app, world, kind="correction", changes={"first_name": "Adele"}).json
    assert made["changes"] == {"first_name": "Adele"}
    assert answer(app, world, made["id"], "corrected").json["outcome"] == "corrected"
    assert get(app, world, "/v1/orders/A-1").json["buyer"]["first_name"] == "Adele"


def test_the_copy_holds_all_that_names_him_and_says_why_it_is_kept(app, services, world, decision):
    """Orders, decisions with explanations, his list entries, requests; purposes, recipients, origin, duration, rights."""
    place(app, world)
    buyer_id = ask(app, world, kind="access").json["buyer_id"]
    assert get(app, world, "/v1/privacy/buyers/ada@example.com/copy").status_code == 404, "no address in an address"
    copy = get(app, world, f"/v1/privacy/buyers/{buyer_id}/copy?language=en").json
    assert [order["reference"] for order in copy["orders"]] == ["A-1"]
    assert copy["decisions"][0]["explanation"]["decision_id"] == decision["id"]
    assert copy["decisions"][0]["told"]["buyer"]["email"] == "ada@example.com"
    assert [one["kind"] for one in copy["requests"]] == ["access"]
    assert copy["complete"] is True
    for part in ("purposes", "recipients", "retention", "origin", "rights", "counters"):
        assert copy["about"][part], part
    by_id = get(app, world, f"/v1/privacy/buyers/{copy['buyer']['id']}/copy").json
    assert by_id["orders"] == copy["orders"]
    assert json.dumps(by_id) != json.dumps(copy), "German by default"


def test_buyers_of_another_shop_mode_or_merchant_are_not_found(app, services, world, decision):
    """404 for persons and requests alike."""
    made = ask(app, world, kind="review", decision_id=decision["id"]).json
    for other in (a_world(services), a_world(services, live=False)):
        assert ask(app, other, kind="access").json["code"] == "buyer-unknown"
        assert get(app, other, f"{URL}/{made['id']}").json["code"] == "request-unknown"
        assert get(app, other, URL).json["requests"] == []
        assert get(app, other, f"/v1/privacy/buyers/{made['buyer_id']}/copy").json["code"] == "buyer-unknown"
        assert answer(app, other, made["id"], "upheld").status_code == 404
        assert ask(app, other, kind="review", buyer="", decision_id=decision["id"]).json["code"] == "decision-unknown"


def test_the_same_call_twice_is_one_request(app, services, world, decision):
    """By `Idempotency-Key`: the second is told how things stand; another content is a conflict."""
    headers = world.auth | {"Idempotency-Key": "k-1"}
    body = {"kind": "access", "buyer": "ada@example.com"}
    client = app.test_client()
    first, second = (client.post(URL, json=body, headers=headers) for _ in range(2))
    assert (first.status_code, first.json) == (second.status_code, second.json)
    assert client.post(URL, json=body | {"kind": "review"}, headers=headers).json["code"] == "idempotency-conflict"
    path, sent = f"{URL}/{first.json['id']}/answer", {"outcome": "sent", "text": "Anbei."}
    ended = [client.post(path, json=sent, headers=headers).json["state"] for _ in range(2)]
    assert ended == ["answered"] * 2
    assert len(mails(services, world)) == 1


FAULTS = [
    ({"kind": "review"}, "/decision_id"),
    ({"kind": "access", "buyer": ""}, "/buyer"),
    ({"kind": "access", "buyer": "nobody"}, "/buyer"),
    ({"kind": "correction"}, "/changes"),
    ({"kind": "correction", "changes": {"email": "x@example.com"}}, "/changes/email"),
    ({"kind": "correction", "changes": {"billing_country": "Germany"}}, "/changes/billing_country"),
    ({"kind": "nonsense"}, "/kind"),
    ({"kind": "access", "language": "fr"}, "/language"),
]


@pytest.mark.parametrize(("body", "path"), FAULTS, ids=range(len(FAULTS)))
def test_what_is_wrong_is_named_by_its_place(app, world, decision, body, path):
    """422 with the pointer."""
    refused = ask(app, world, **body)
    assert refused.status_code == 422, refused.json
    assert any(fault["path"].startswith(path) for fault in refused.json["errors"]), refused.json


def test_an_outcome_of_another_kind_and_an_unknown_request_are_refused(app, world, decision):
    """422 and 404."""
    made = ask(app, world, kind="review", decision_id=decision["id"]).json
    assert answer(app, world, made["id"], "erased").status_code == 422
    assert answer(app, world, made["id"], "granted", days=91).status_code == 422
    assert answer(app, world, to_public("rig", new_id()), "upheld").status_code == 404
    assert ask(app, world, kind="review", decision_id=decision["id"]).json["code"] == "already-asked"


def test_a_key_without_the_scope_sees_no_requests(app, services):
    """403, by name."""
    world = a_world(services, scopes=frozenset({"decisions:read", "decisions:write"}))
    assert get(app, world, URL).json["code"] == "scope-missing"
