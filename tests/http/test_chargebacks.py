"""Chargebacks over HTTP: the API of one shop, and the desk with its evidence and preview."""

import io

from gateway.chargebacks import commands
from gateway.core.ids import new_id, to_public
from tests.builders import a_world
from tests.chargebacks import Merchant, a_due, a_fact
from tests.desk_visits import Visitor, a_user
from tests.features.test_chargebacks import PDF, soon


def disputed(services, **fact):
    merchant = Merchant(services)
    merchant.order(name="<b>#Schuh</b>")
    merchant.tell(a_fact("opened", 1, **fact), a_due(soon()))
    return merchant, to_public("cbk", merchant.row().id)


def test_a_shop_reads_says_uploads_and_submits_once(app, services):
    merchant, id_ = disputed(services)
    client, auth = app.test_client(), merchant.world.auth
    listed = client.get("/v1/chargebacks", headers=auth)
    assert [one["id"] for one in listed.json["chargebacks"]] == [id_]
    assert client.put(f"/v1/chargebacks/{id_}/statement", json={"statement": "#x"}, headers=auth).status_code == 200
    form = {"piece": "delivery", "file": (io.BytesIO(PDF), "pod.pdf")}
    assert client.post(f"/v1/chargebacks/{id_}/evidence", data=form, headers=auth).status_code == 200
    told = client.get(f"/v1/chargebacks/{id_}/evidence", headers=auth).json
    assert told["recommendation"] == "answer"
    fields = told["fields"]
    assert (fields["shipping_carrier"], fields["shipping_tracking_number"]) == ("DHL", "00340434")
    assert "DHL 00340434" in fields["uncategorized_text"]
    sent = client.post(f"/v1/chargebacks/{id_}/submit", headers=auth | {"Idempotency-Key": "k"})
    assert (sent.status_code, sent.json["state"]) == (200, "SENDING")
    again = client.post(f"/v1/chargebacks/{id_}/submit", headers=auth)
    assert (again.status_code, again.json["code"]) == (409, "refused")


def test_another_shop_sees_and_does_none_of_it(app, services):
    _, id_ = disputed(services)
    client, auth = app.test_client(), a_world(services).auth
    assert client.get("/v1/chargebacks", headers=auth).json["chargebacks"] == []
    for verb, path in (("GET", ""), ("GET", "/evidence"), ("POST", "/submit"), ("POST", "/accept")):
        answered = client.open(f"/v1/chargebacks/{id_}{path}", method=verb, headers=auth)
        assert (answered.status_code, answered.json["code"]) == (404, "chargeback-unknown")
    assert client.get(f"/v1/chargebacks/{to_public('cbk', new_id())}", headers=auth).status_code == 404


def test_the_desk_shows_the_calendar_the_evidence_and_the_pdf(app, services):
    merchant, id_ = disputed(services)
    merchant.do(commands.say, "<script>alert(1)</script>")
    a_user(services, merchant.world)
    visitor = Visitor(app)
    visitor.sign_in()
    assert id_ in visitor.get("/admin/chargebacks").text
    page = visitor.get(f"/admin/chargebacks/{id_}")
    assert page.status_code == 200
    assert "<b>#Schuh" not in page.text
    assert "<script>alert(1)" not in page.text
    assert visitor.get(f"/admin/chargebacks/{id_}/pdf").data.startswith(b"%PDF")
    assert visitor.post(f"/admin/chargebacks/{id_}/sent").status_code == 302
    assert merchant.row().state == "SUBMITTED"
    assert visitor.post(f"/admin/chargebacks/{id_}/submit").status_code == 302
    assert (merchant.row().state, merchant.row().request_id) == ("SUBMITTED", None)
