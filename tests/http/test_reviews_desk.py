"""Reviews at the desk: a person decides with the decision beside him, and what he grants counts at the next checkout."""

import re
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select

from gateway.core import clock
from gateway.core.channels import Notice
from gateway.core.ids import to_public
from gateway.merchants import policies
from gateway.merchants.models import Role, UserEvent
from gateway.privacy import overdue
from gateway.privacy.rights import RightsRequest
from gateway.risk import lists
from gateway.risk.lists import NewEntry
from gateway.shops.models import Buyer, BuyerIndex
from tests.builders import a_world
from tests.desk_visits import Visitor, a_user, signed_in
from tests.rights_visits import RISKY, BuyerVisit, a_decision, a_link, mails


@pytest.fixture
def desk(app, services):
    world, visitor = signed_in(app, services)
    return world, visitor


def asked(app, world, kind="person", **form):
    """A buyer's decision and visit after he asked for something."""
    decision = a_decision(app, world, **RISKY)
    visit = BuyerVisit(app, a_link(app, world, decision))
    visit.open()
    assert visit.ask(kind, **form).status_code == 302
    return decision, visit


def the_request(services, world):
    with services.db.transaction(world.merchant_id) as session:
        return session.scalars(select(RightsRequest).order_by(RightsRequest.id.desc())).first()


def answer(visitor, row, act, text="Weil es so ist.", where="answer", **form):
    path = f"/admin/reviews/{to_public('rig', row.id)}"
    return visitor.post(f"{path}/{where}", {"act": act, "text": text} | form, page=path)


def shown(app, world, **more):
    return {offer["kind"] for offer in a_decision(app, world, **(RISKY | more))["offers"] if offer["show"]}


def acts(services, world):
    with services.db.transaction(world.merchant_id) as session:
        return [row.action for row in session.scalars(select(UserEvent).order_by(UserEvent.id))]


def test_the_queue_shows_what_was_asked_and_the_decision_beside_it(app, services, desk):
    """His own words, how he proved who he is, what the gateway thought."""
    world, visitor = desk
    asked(app, world, text="Ich zahle immer.")
    queue = visitor.get("/admin/reviews?language=de").text
    assert "Prüfung durch einen Menschen" in queue
    assert "Link und Postleitzahl" in queue
    page = visitor.get(re.search(r"/admin/reviews/rig_\w+", queue).group()).text
    assert "Ich zahle immer." in page
    assert "604,90" in page
    assert "nicht gezeigt" in page
    assert "/why/" in page


def test_granting_one_order_shows_the_invoice_for_it_and_for_no_other(app, services, desk):
    """Bound to shop, reference, amount and buyer, for some days; the buyer reads the answer on his page and by mail."""
    world, visitor = desk
    _, visit = asked(app, world, text="Bitte auf Rechnung.")
    row = the_request(services, world)
    assert "invoice" not in shown(app, world)
    assert answer(visitor, row, "granted-once", "Gern.", days="5").status_code == 302
    assert "invoice" in shown(app, world)
    assert "invoice" not in shown(app, world, reference="cart-2")
    assert "invoice" not in shown(app, world, total_minor=120_490, items=[{"quantity": 1, "unit_minor": 120_000}])
    assert "invoice" not in shown(app, world, buyer=RISKY["buyer"] | {"email": "eve@example.com"})
    with time_machine.travel(clock.now() + timedelta(days=6)):
        assert "invoice" not in shown(app, world)
    assert "Gern." in mails(services, world)[-1][0].body
    page = visit.get("?language=de").text
    assert "Geändert" in page
    assert "Gern." in page
    assert "rights.review.answered" in acts(services, world)


def test_trusting_a_mailbox_counts_for_its_next_orders(app, services, desk):
    """An entry of the allow list, with an end and the request as its reason."""
    world, visitor = desk
    asked(app, world)
    assert answer(visitor, the_request(services, world), "granted-list", days="30").status_code == 302
    assert "invoice" in shown(app, world, reference="cart-9")
    assert "review rig_" in visitor.get("/admin/lists").text


def test_upholding_needs_a_reason_and_changes_nothing(app, services, desk):
    """Without one the form comes back; a second answer is refused."""
    world, visitor = desk
    asked(app, world)
    row = the_request(services, world)
    assert answer(visitor, row, "upheld", "").status_code == 422
    assert answer(visitor, row, "upheld", "Zu viele Fehlversuche.").status_code == 302
    assert answer(visitor, row, "granted-once").status_code == 409
    assert "invoice" not in shown(app, world)
    letter = mails(services, world)[-1][0].body
    assert "bleibt bestehen" in letter
    assert "Aufsichtsbehörde" in letter
    assert "Weil es" not in visitor.get("/admin/reviews?state=answered").text


def test_a_blocked_buyer_is_not_granted_anything_by_mistake(app, services, desk):
    """The page says which step comes first."""
    world, visitor = desk
    asked(app, world)
    with services.db.transaction(world.merchant_id) as session:
        lists.add(
            session, services.keyring, NewEntry("block", "email", "ada@example.com", "x", live=True), "t", clock.now()
        )
    refused = answer(visitor, the_request(services, world), "granted-once")
    assert refused.status_code == 409
    assert "Liste" in refused.text or "lists" in refused.text
    assert the_request(services, world).state == "open"


def test_an_accepted_correction_changes_his_links_and_orders(app, services, desk):
    """The wrong phone number leads to him no more, the right one does; the shop gets a notice."""
    world, visitor = desk
    order = {
        "method": {"id": "bacs", "kind": "prepayment"},
        "currency": "EUR",
        "total_minor": 100,
        "placed_at": clock.now().isoformat(),
        "buyer": {"email": "ada@example.com", "phone": "+49 40 36902345"},
        "billing": {"line1": "Lange Reihe 7", "postcode": "20099", "city": "Hamburg", "country": "DE"},
    }
    assert app.test_client().put("/v1/orders/A-1", json=order, headers=world.auth).status_code == 201
    asked(app, world, "correction", phone="+49 40 36902399", billing_line1="Lange Reihe 7")
    before = links(services, world)
    assert answer(visitor, the_request(services, world), "corrected").status_code == 302
    after = links(services, world)
    assert len(before - after) >= 1
    assert len(after - before) >= 1
    told = app.test_client().get("/v1/orders/A-1", headers=world.auth).json
    assert told["buyer"]["phone"] == "+49 40 36902399"
    assert "buyer.corrected" in acts(services, world)
    assert "buyer-corrected" in notices(services, world)


def links(services, world):
    with services.db.transaction(world.merchant_id) as session:
        return {bytes(one) for one in session.scalars(select(BuyerIndex.digest).where(BuyerIndex.kind == "phone"))}


def notices(services, world):
    with services.db.transaction(world.merchant_id) as session:
        return [one.code for one in session.scalars(select(Notice).order_by(Notice.id))]


def test_an_admin_erases_whom_nobody_has_to_keep(app, services, desk):
    """He is written once more; then nothing of him can be read, and a clerk may not do it."""
    world, visitor = desk
    asked(app, world, "erasure", sure="y")
    row = the_request(services, world)
    clerk = Visitor(app)
    a_user(services, world, Role.CLERK, email="carl@example.com")
    clerk.sign_in("carl@example.com")
    assert answer(clerk, row, "erased", where="erase").status_code == 403
    assert answer(visitor, row, "erased", where="erase").status_code == 302
    assert "gelöscht" in mails(services, world)[-1][0].body
    with services.db.transaction(world.merchant_id) as session:
        buyer = session.scalars(select(Buyer)).one()
    assert (buyer.wrapped_key, buyer.erased_at is None) == (None, False)
    page = visitor.get(f"/admin/reviews/{to_public('rig', row.id)}?language=de")
    assert "kann" not in page.text or "unlesbar" in page.text


def test_what_the_policy_wants_reviewed_waits_until_somebody_takes_it_up(app, services, desk):
    """No row is written at the checkout; taking it up twice leads to the same request; the buyer is not written."""
    world, visitor = desk
    rule = {
        "id": "look",
        "when": {"rules": [{"field": "total_minor", "operator": ">", "value": 1}]},
        "then": {"action": "review"},
    }
    with services.db.transaction(world.merchant_id) as session:
        version = policies.save(session, world.shop_id, "checkout", {"rules": [rule]}, "t", "", clock.now())
        policies.activate(session, world.shop_id, "checkout", version, clock.now())
    decision = a_decision(app, world)
    assert decision["review"]
    assert "cart-1" in visitor.get("/admin/reviews").text
    page = f"/admin/decisions/{decision['id']}"
    first = visitor.post(f"{page}/review", page=page)
    assert visitor.post(f"{page}/review", page=page).location == first.location
    assert "Nichts wartet" not in visitor.get("/admin/reviews?language=de").text
    row = the_request(services, world)
    assert answer(visitor, row, "upheld", "In Ordnung, wird versandt.").status_code == 302
    assert "cart-1" not in visitor.get("/admin/reviews").text
    assert mails(services, world) == []


def test_readers_see_and_do_not_answer(app, services, desk):
    """403 for the act."""
    world, _visitor = desk
    asked(app, world)
    a_user(services, world, Role.READER, email="rita@example.com")
    reader = Visitor(app)
    reader.sign_in("rita@example.com")
    path = f"/admin/reviews/{to_public('rig', the_request(services, world).id)}"
    assert reader.get(path).status_code == 200
    assert reader.post(f"{path}/answer", {"act": "upheld", "text": "x"}, page="/admin/decisions").status_code == 403


def test_another_merchant_sees_nothing_of_it(app, services, desk):
    """Requests are rows of a tenant."""
    world, _ = desk
    asked(app, world)
    path = f"/admin/reviews/{to_public('rig', the_request(services, world).id)}"
    world_2, _visitor = signed_in_as(app, services, "otto@example.com")
    assert _visitor.get(path).status_code == 404
    assert world_2.merchant_id != world.merchant_id


def signed_in_as(app, services, email):
    world = a_world(services)
    a_user(services, world, email=email)
    visitor = Visitor(app)
    visitor.sign_in(email)
    return world, visitor


def test_late_answers_are_noticed_once_until_seen(app, services, desk):
    """Three days before, and when it is too late."""
    world, visitor = desk
    asked(app, world)
    row = the_request(services, world)
    for moment, expected in (
        (row.due_at - timedelta(days=4), []),
        (row.due_at - timedelta(days=2), ["rights-due"]),
        (row.due_at + timedelta(days=1), ["rights-due", "rights-overdue"]),
        (row.due_at + timedelta(days=2), ["rights-due", "rights-overdue"]),
    ):
        with services.db.transaction(world.merchant_id) as session:
            overdue.remind(session, moment)
        assert notices(services, world) == expected
    assert "überfällig" in visitor.get("/admin/notices?language=de").text


def test_who_answers_is_edited_at_the_desk_and_stands_on_the_page(app, services, desk):
    """The document `privacy`, checked and versioned like the other policies."""
    world, visitor = desk
    path = f"/admin/policies/{to_public('shp', world.shop_id)}/privacy"
    wrong = visitor.post(f"{path}/save", {"body": '{"review_days": 99}', "act": "activate"}, page=path)
    assert wrong.status_code == 422
    body = '{"controller": "Muster GmbH, Hamburg", "contact": "datenschutz@example.com", "recipients": ["Paketdienst"]}'
    assert visitor.post(f"{path}/save", {"body": body, "act": "activate"}, page=path).status_code == 302
    _, visit = asked(app, world)
    assert "Muster GmbH, Hamburg" in visit.get().text
    assert mails(services, world)[-1][0].reply_to == "datenschutz@example.com"


def test_a_shop_may_answer_sooner_than_the_law_says(app, services, desk):
    """`review_days` of the document `privacy`; never later than a month."""
    world, _ = desk
    with services.db.transaction(world.merchant_id) as session:
        version = policies.save(session, world.shop_id, "privacy", {"review_days": 3}, "t", "", clock.now())
        policies.activate(session, world.shop_id, "privacy", version, clock.now())
    asked(app, world)
    row = the_request(services, world)
    assert row.due_at - row.asked_at <= timedelta(days=4)
