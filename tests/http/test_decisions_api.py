"""The decision over HTTP: what a shop asks and what it is told."""

from tests.builders import a_question, a_world


def test_a_first_time_buyer_with_a_usual_basket_is_offered_a_menu(app, services):
    """Every method comes back judged, safe ones first, with a token and an expiry."""
    world = a_world(services)
    answer = app.test_client().post("/v1/decisions", json=a_question(), headers=world.auth)
    assert answer.status_code == 201, answer.json
    body = answer.json
    assert {offer["method"] for offer in body["offers"]} == {"cheque", "stripe", "bacs", "cod"}
    shown = [offer["kind"] for offer in body["offers"] if offer["show"]]
    assert shown[:2] in (["prepayment", "card_3ds"], ["card_3ds", "prepayment"])
    assert body["token"].startswith("v1.k1.")
    again = app.test_client().get(f"/v1/decisions/{body['id']}", headers=world.auth)
    assert again.json == body
