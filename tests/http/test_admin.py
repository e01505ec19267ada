"""The desk's pages: decisions found and told, lists, policies, keys, users, messages, and the log of it all."""

import json
import re
from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from gateway.checkout.models import Decision
from gateway.core import clock
from gateway.core.channels import post_notice
from gateway.core.ids import from_public, new_id, to_public
from gateway.core.outbox import Channel, Message, OutboxMessage, queue
from gateway.merchants.models import Role, UserEvent
from gateway.shops.models import Buyer
from tests.builders import a_question, a_world
from tests.desk_visits import PASSWORD, Visitor, signed_in


def ask(app, world, **question):
    answer = app.test_client().post("/v1/decisions", json=a_question(**question), headers=world.auth)
    assert answer.status_code == 201, answer.json
    return answer.json


def acts(services, world):
    with services.db.transaction(world.merchant_id) as session:
        rows = session.scalars(
            select(UserEvent).where(UserEvent.merchant_id == world.merchant_id).order_by(UserEvent.id)
        )
        return [row.action for row in rows]


def references(page):
    return re.findall(r"<td>(cart-\d+)</td>", page.text)


# --- pages as a whole


PAGES = "decisions reviews orders bank lists policies notices messages keys people log"


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("shop", [{}, {"live": False}])
def test_an_empty_desk_says_what_to_do(app, services, language, shop):
    """No page is a blank table."""
    _, visitor = signed_in(app, services, **shop)
    for name in PAGES.split():
        page = visitor.get(f"/admin/{name}?language={language}", follow_redirects=True)
        assert page.status_code == 200, name
        assert f'<html lang="{language}">' in page.text
    words = {"de": "Noch keine Entscheidungen", "en": "No decisions yet"}
    assert words[language] in visitor.get("/admin/decisions").text


def test_no_page_holds_anything_inline_and_every_page_is_protected(app, services):
    """The content policy forbids inline scripts and styles, so no page may need them."""
    world, visitor = signed_in(app, services)
    decision = ask(app, world)["id"]
    pages = [f"/admin/{name}" for name in PAGES.split()] + [
        f"/admin/decisions/{decision}",
        "/admin/nothing",
        "/docs",
        "/docs/problems",
    ]
    for path in [*pages, "/admin/login"]:
        page = visitor.get(path, follow_redirects=True)
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        assert page.headers["Referrer-Policy"] == "same-origin"
        assert page.headers["Cache-Control"] == "no-store"
        assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son[a-z]+=|javascript:", page.text), path
        assert not re.search(r"(?:src|href)=\"https?://(?!kulanz\.test)", page.text), path


def test_every_field_has_a_label_and_every_table_heads(app, services):
    """Screen readers name each field, and each column."""
    world, visitor = signed_in(app, services)
    ask(app, world)
    for name in PAGES.split():
        page = visitor.get(f"/admin/{name}", follow_redirects=True).text
        labelled = set(re.findall(r'<label[^>]* for="([^"]+)"', page))
        wrapped = set(re.findall(r'<label[^>]*>\s*<input[^>]* id="([^"]+)"', page))
        fields = re.findall(r'<(?:input|select|textarea)(?![^>]*type="hidden")[^>]* id="([^"]+)"', page)
        assert not [field for field in fields if field not in labelled | wrapped], name
        assert page.count("<table") == page.count("<thead")
        assert '<a class="skip-link" href="#content">' in page


def test_pages_over_https_demand_https(services):
    """Browsers are told to stay on HTTPS, and the cookie travels there only."""
    from gateway.app import create_app  # noqa: PLC0415 - built anew with another address

    secure = type(services)(
        **{name: getattr(services, name) for name in services.__slots__} | {"public_url": "https://kulanz.test"}
    )
    page = create_app(secure).test_client().get("/admin/login")
    assert page.headers["Strict-Transport-Security"].startswith("max-age=")
    assert "Secure" in page.headers["Set-Cookie"]


# --- decisions


def test_the_newest_decisions_stand_first_page_by_page(app, services):
    """Forty a page, by keyset: nothing is skipped and nothing comes twice."""
    world, visitor = signed_in(app, services)
    for number in range(45):
        ask(app, world, reference=f"cart-{number}")
    first = visitor.get("/admin/decisions")
    older = re.search(r'rel="next" href="([^"]+)"', first.text).group(1).replace("&amp;", "&")
    second = visitor.get(older)
    assert references(first) + references(second) == [f"cart-{number}" for number in reversed(range(45))]


def test_decisions_are_found_by_what_is_known_of_them(app, services):
    """Outcome, reference, day, and the buyer's e-mail or phone."""
    world, visitor = signed_in(app, services)
    ask(app, world, reference="cart-1")
    other = {"email": "bo@example.com", "phone": "+49 30 23125101"}
    second = ask(app, world, reference="cart-2", buyer=other, total_minor=0, items=[])
    today = clock.now().date()
    for query, expected in (
        ("reference=cart-1", ["cart-1"]),
        ("buyer=BO@example.com", ["cart-2"]),
        ("buyer=030 23125101", ["cart-2"]),
        ("buyer=nobody@example.com", []),
        (f"outcome={second['outcome']}&reference=cart-2", ["cart-2"]),
        (f"since={today - timedelta(days=1)}&until={today + timedelta(days=1)}", ["cart-2", "cart-1"]),
        (f"until={today - timedelta(days=3)}", []),
        (f"since={today + timedelta(days=3)}", []),
        ("since=nonsense&outcome=nonsense&shop=nonsense", ["cart-2", "cart-1"]),
        (f"shop={to_public('shp', world.shop_id)}", ["cart-2", "cart-1"]),
    ):
        assert references(visitor.get(f"/admin/decisions?{query}")) == expected, query
    assert "Nichts gefunden" in visitor.get("/admin/decisions?reference=none").text
    assert visitor.get("/admin/decisions?before=nonsense").status_code == 404


def test_one_decision_tells_everything_that_led_to_it(app, services):
    """Buyer as told, offers with reasons, facts with units, what was not known and why, versions, token."""
    world, visitor = signed_in(app, services)
    decision = ask(app, world)
    page = visitor.get(f"/admin/decisions/{decision['id']}").text
    assert "ada@example.com" in page
    assert "Lange Reihe 7" in page
    assert "124,90" in page
    assert decision["token"].split(".")[-1] in page
    assert "mitgelieferte Vorgabe" in page
    assert "Nicht bekannt" in page
    assert "vom Shop nicht gesendet" in page
    english = visitor.get(f"/admin/decisions/{decision['id']}?language=en").text
    assert "the shop did not send it" in english


def test_replaying_says_same_and_a_forged_row_says_different(app, services):
    """The record alone must give the stored answer, and the digest must be its own."""
    world, visitor = signed_in(app, services)
    decision = ask(app, world)
    assert "Gleich:" in visitor.get(f"/admin/decisions/{decision['id']}?replay=1").text
    forged = new_id()
    with services.db.transaction(world.merchant_id) as session:
        row = session.scalars(select(Decision).where(Decision.id == from_public("dec", decision["id"]))).one()
        columns = {column.name: getattr(row, column.name) for column in Decision.__table__.columns}
        record = json.loads(row.record)
        record["score"]["default"] = 0.5
        session.execute(
            insert(Decision).values(columns | {"id": forged, "record": json.dumps(record), "told_sealed": None})
        )
    page = visitor.get(f"/admin/decisions/{to_public('dec', forged)}?replay=1").text
    assert "Anders." in page
    assert "/score/default" in page
    assert "Prüfsumme" in page


def test_of_an_erased_buyer_the_page_says_so(app, services):
    """His words cannot be read again; the decision stays."""
    world, visitor = signed_in(app, services)
    decision = ask(app, world)
    with services.db.transaction(world.merchant_id) as session:
        session.scalars(select(Buyer)).one().wrapped_key = None
    page = visitor.get(f"/admin/decisions/{decision['id']}").text
    assert "Dieser Kunde wurde gelöscht" in page
    assert "ada@example.com" not in page


def test_of_somebody_nobody_can_name_nothing_was_kept(app, services):
    """Neither e-mail nor phone: no buyer, no words."""
    world, visitor = signed_in(app, services)
    decision = ask(app, world, buyer={})
    assert "darum wurde nichts aufbewahrt" in visitor.get(f"/admin/decisions/{decision['id']}").text


def test_what_buyers_type_is_never_taken_for_markup(app, services):
    """A name is text."""
    world, visitor = signed_in(app, services)
    buyer = {"email": "ada@example.com", "first_name": "<script>alert(1)</script>"}
    decision = ask(app, world, buyer=buyer, reference='"><img src=x>')
    for path in ("/admin/decisions", f"/admin/decisions/{decision['id']}"):
        page = visitor.get(path).text
        assert "<script>alert" not in page
        assert "<img src=x" not in page


def test_nobody_sees_the_decisions_of_another_merchant(app, services):
    """Neither in the list nor by address."""
    other = a_world(services)
    foreign = ask(app, other, reference="cart-99")
    _, visitor = signed_in(app, services)
    assert "cart-99" not in visitor.get("/admin/decisions").text
    assert visitor.get(f"/admin/decisions/{foreign['id']}").status_code == 404
    assert visitor.get(f"/admin/policies/{to_public('shp', other.shop_id)}/checkout").status_code == 404
    assert visitor.get(f"/admin/orders/{to_public('shp', other.shop_id)}/x").status_code == 404


# --- orders


def test_an_order_is_told_with_what_happened_to_it(app, services):
    """Amounts, events, the buyer, and the way back to the list."""
    world, visitor = signed_in(app, services)
    order = {
        "method": {"id": "cheque", "kind": "invoice"},
        "currency": "EUR",
        "total_minor": 5_000,
        "placed_at": "2026-03-01T10:00:00Z",
        "due_date": "2026-03-15",
        "buyer": {"email": "ada@example.com"},
    }
    client = app.test_client()
    assert client.put("/v1/orders/A-1", json=order, headers=world.auth).status_code == 201
    event = {"event": "paid", "external_id": "p1", "occurred_at": "2026-03-02T10:00:00Z", "amount_minor": 2_000}
    assert client.post("/v1/orders/A-1/events", json=event, headers=world.auth).status_code == 200
    listed = visitor.get("/admin/orders").text
    assert "überfällig" in listed
    link = re.search(r'href="(/admin/orders/shp_[^"]+)"', listed).group(1)
    page = visitor.get(link).text
    assert "30,00" in page
    assert "Zahlung" in page
    assert "ada@example.com" in page
    assert "Keine Bestellungen" in visitor.get("/admin/orders?state=CANCELLED").text


# --- lists


def entry(**form):
    return {
        "action": "block",
        "kind": "email",
        "value": "ada@example.com",
        "reason": "unpaid",
        "mode": "live",
        "country": "DE",
    } | form


def test_who_is_blocked_at_the_desk_is_blocked_at_the_next_checkout(app, services):
    """And allowed again when the entry is removed; both stand in the log."""
    world, visitor = signed_in(app, services, Role.CLERK)
    assert visitor.post("/admin/lists/add", entry()).location == "/admin/lists"
    assert ask(app, world)["outcome"] == "decline"
    page = visitor.get("/admin/lists").text
    assert "ada@example.com" in page
    remove = re.search(r'action="(/admin/lists/lst_[^"]+/remove)"', page).group(1)
    assert visitor.post(remove).status_code == 302
    assert ask(app, world)["outcome"] != "decline"
    assert visitor.post(remove).status_code == 404
    assert acts(services, world)[-2:] == ["list.added", "list.removed"]


def test_a_postal_address_is_listed_by_its_parts(app, services):
    """Street, postcode, country."""
    world, visitor = signed_in(app, services)
    form = entry(kind="address", value="Lange Reihe 7", postcode="20099", city="Hamburg")
    assert visitor.post("/admin/lists/add", form).status_code == 302
    assert ask(app, world)["outcome"] == "decline"


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"value": "nobody"}, "ist keine erkennbare E-Mail-Adresse"),
        ({"value": ""}, "value-error"),
        ({"reason": ""}, "reason-error"),
        ({"kind": "shoe"}, "kind-error"),
        ({"expires_on": "2020-01-01"}, "liegt in der Vergangenheit"),
        ({"expires_on": "soon"}, "expires_on-error"),
    ],
)
def test_a_faulty_entry_is_told_beside_its_field(app, services, form, words):
    """In the language of the page, and nothing is kept."""
    world, visitor = signed_in(app, services)
    answer = visitor.post("/admin/lists/add", entry(**form))
    assert answer.status_code == 422
    assert words in answer.text
    assert "list.added" not in acts(services, world)


# --- policies


def policy_url(world, kind="checkout"):
    return f"/admin/policies/{to_public('shp', world.shop_id)}/{kind}"


def save(visitor, world, body, act="activate", kind="checkout"):
    form = {"body": body if isinstance(body, str) else json.dumps(body), "note": "because", "act": act}
    return visitor.post(f"{policy_url(world, kind)}/save", form, page=policy_url(world, kind))


def test_a_policy_that_is_saved_decides_from_then_on(app, services):
    """And an older version can be made to decide again."""
    world, visitor = signed_in(app, services)
    assert save(visitor, world, {"methods": {"card_3ds": {"enabled": False}}}).status_code == 302
    first = ask(app, world)
    assert first["versions"]["policy"] == 1
    assert not next(offer for offer in first["offers"] if offer["kind"] == "card_3ds")["show"]
    assert save(visitor, world, {"methods": {}}).status_code == 302
    assert ask(app, world)["versions"]["policy"] == 2
    assert visitor.post(f"{policy_url(world)}/1/activate", page=policy_url(world)).status_code == 302
    assert ask(app, world)["versions"]["policy"] == 1
    page = visitor.get(policy_url(world)).text
    assert "because" in page
    assert acts(services, world)[-5:] == ["policy.saved", "policy.activated"] * 2 + ["policy.activated"]
    assert visitor.get(f"{policy_url(world)}?version=9").status_code == 404


def test_checking_and_saving_decide_nothing(app, services):
    """Only the last button does."""
    world, visitor = signed_in(app, services)
    checked = save(visitor, world, {"methods": {}}, act="check")
    assert "Alle Prüfungen bestanden" in checked.text
    assert save(visitor, world, {"margin_bp": 2500}, act="save", kind="economics").status_code == 302
    assert ask(app, world)["versions"] == {"card": "expert-1", "policy": 0, "economics": 0}


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ("{", "Expecting property name"),
        ("[]", "/"),
        ({"methods": {"shoes": {}}}, "/methods/shoes"),
        (
            {
                "rules": [
                    {"id": "a", "when": {"field": "totl", "operator": "=", "value": 1}, "then": {"action": "review"}}
                ]
            },
            "/rules/0/when/field",
        ),
        ({"invoice_days": 30}, "/invoice_days"),
        ({"loss_limit_bp": "many"}, "/loss_limit_bp"),
    ],
)
def test_a_faulty_policy_is_told_at_its_place_and_not_saved(app, services, body, place):
    """What the merchant typed stays in the form."""
    world, visitor = signed_in(app, services)
    answer = save(visitor, world, body)
    assert answer.status_code == 422
    assert place in answer.text
    assert "policy.saved" not in acts(services, world)


def test_a_reader_sees_the_policy_and_no_form(app, services):
    """What he may not change he cannot submit."""
    world, visitor = signed_in(app, services, Role.READER)
    page = visitor.get(policy_url(world)).text
    assert "max_default" in page
    assert "<textarea" not in page


# --- keys


def test_a_new_key_is_shown_once_and_works(app, services):
    """Afterwards only its first letters tell it from others."""
    world, visitor = signed_in(app, services)
    shop = to_public("shp", world.shop_id)
    form = {"shop": shop, "name": "plugin", "scopes": ["decisions:write"], "expires_on": ""}
    made = visitor.post("/admin/keys/create", form, page="/admin/keys")
    assert made.status_code == 201
    secret = re.search(r"kz_live_[\w-]{20,}", made.text).group(0)
    headers = {"Authorization": f"Bearer {secret}"}
    assert app.test_client().post("/v1/decisions", json=a_question(), headers=headers).status_code == 201
    assert secret not in visitor.get("/admin/keys").text
    assert acts(services, world)[-1] == "key.created"


def test_a_revoked_key_stops_working(app, services):
    """Revoking is one click and stands in the log."""
    world, visitor = signed_in(app, services)
    page = visitor.get("/admin/keys").text
    revoke = re.search(r'action="(/admin/keys/key_[^"]+/revoke)"', page).group(1)
    assert visitor.post(revoke, page="/admin/keys").status_code == 302
    assert app.test_client().post("/v1/decisions", json=a_question(), headers=world.auth).status_code == 401
    assert acts(services, world)[-1] == "key.revoked"


def test_a_key_without_a_scope_or_for_a_foreign_shop_is_not_made(app, services):
    """The form says what is missing."""
    other = a_world(services)
    _, visitor = signed_in(app, services)
    for shop, scopes in ((to_public("shp", other.shop_id), ["decisions:write"]), ("nonsense", ["decisions:write"])):
        form = {"shop": shop, "name": "x", "scopes": scopes}
        assert visitor.post("/admin/keys/create", form, page="/admin/keys").status_code == 422


# --- users


def test_an_owner_invites_and_the_invited_comes_in_with_his_role(app, services):
    """The link is shown once; the role is what was chosen."""
    world, owner = signed_in(app, services)
    form = {"email": "kai@example.com", "name": "Kai Klerk", "role": "clerk", "language": "en"}
    invited = owner.post("/admin/people/invite", form, page="/admin/people")
    assert invited.status_code == 201
    link = re.search(r"http://kulanz\.test(/admin/invite/[\w.-]+)", invited.text).group(1)
    kai = Visitor(app)
    assert kai.client.post(link, data={"password": PASSWORD, "csrf_token": kai.proof(link)}).status_code == 302
    assert kai.sign_in("kai@example.com").status_code == 302
    page = kai.get("/admin/decisions").text
    assert '<html lang="en">' in page
    assert "/admin/keys" not in page
    again = owner.post("/admin/people/invite", form, page="/admin/people")
    assert again.status_code == 409
    assert "arbeitet hier schon" in again.text
    assert "user.invited" in acts(services, world)


def test_a_role_is_changed_and_a_user_disabled_but_the_last_owner_stays(app, services):
    """A merchant is never locked out of his own desk."""
    world, owner = signed_in(app, services)
    form = {"email": "kai@example.com", "name": "Kai Klerk", "role": "clerk", "language": "de"}
    page = owner.post("/admin/people/invite", form, page="/admin/people").text
    ids = re.findall(r"/admin/people/(usr_\w+)/role", page)
    assert owner.post(f"/admin/people/{ids[1]}/role", {"role": "admin"}, page="/admin/people").status_code == 302
    assert owner.post(f"/admin/people/{ids[1]}/disable", page="/admin/people").status_code == 302
    refused = owner.post(f"/admin/people/{ids[0]}/disable", page="/admin/people")
    assert refused.status_code == 409
    assert "mindestens einen Inhaber" in refused.text
    assert owner.post(f"/admin/people/{ids[1]}/invite", page="/admin/people").status_code == 404
    assert "user.disabled" in acts(services, world)


# --- messages, notices, log


def test_a_parked_message_is_sent_again_or_dropped(app, services):
    """Parked means: somebody decides."""
    world, visitor = signed_in(app, services)
    ids = [parked(services, world, number) for number in range(2)]
    page = visitor.get("/admin/messages").text
    assert all(to_public("msg", id_) in page for id_ in ids)
    assert "http-500" in page
    replay = f"/admin/messages/out/{to_public('msg', ids[0])}/replay"
    assert visitor.post(replay).status_code == 302
    assert visitor.post(f"/admin/messages/out/{to_public('msg', ids[1])}/cancel").status_code == 302
    with services.db.transaction(world.merchant_id) as session:
        states = {row.id: row.state for row in session.scalars(select(OutboxMessage))}
    assert states == {ids[0]: "queued", ids[1]: "cancelled"}
    assert visitor.post(replay).status_code == 302
    assert visitor.post(f"/admin/messages/in/{to_public('msg', new_id())}/replay").status_code == 404
    assert visitor.post(f"/admin/messages/up/{to_public('msg', new_id())}/replay").status_code == 404
    assert "Nichts ist geparkt" in visitor.get("/admin/messages").text
    assert acts(services, world)[-2:] == ["message.replayed", "message.cancelled"]


def parked(services, world, number):
    now = clock.now()
    with services.db.transaction(world.merchant_id) as session:
        message = Message(Channel.HTTP, "endpoint-1", b"{}", f"key-{number}", live=True)
        made = queue(session, message, data_key=bytes(32), now=now)
        row = session.get(OutboxMessage, (world.merchant_id, made.id))
        row.state, row.parked_at, row.last_error = "parked", now, "http-500"
    return made.id


def test_a_notice_stands_until_somebody_has_seen_it(app, services):
    """The menu counts what is unread."""
    world, visitor = signed_in(app, services)
    with services.db.transaction(world.merchant_id) as session:
        post_notice(session, "outbox-parked", "http:endpoint-1", {"error": "http-500"}, clock.now())
    page = visitor.get("/admin/notices").text
    assert "Eine Nachricht ging nicht hinaus" in page
    assert re.search(r"kz-tag warn\">1<span[^>]*> offen<", page)
    seen = re.search(r'action="(/admin/notices/ntc_[^"]+/read)"', page).group(1)
    assert visitor.post(seen).status_code == 302
    assert "Nichts anzusehen" in visitor.get("/admin/notices").text
    assert acts(services, world)[-1] == "notice.read"


def test_the_log_tells_who_did_what(app, services):
    """By name, in words, the newest first."""
    _, visitor = signed_in(app, services)
    visitor.post("/admin/lists/add", entry())
    page = visitor.get("/admin/log").text
    assert page.index("Listeneintrag angelegt") < page.index("angemeldet")
    assert "Ina Inhaber" in page
    assert "ada@example.com" not in page
