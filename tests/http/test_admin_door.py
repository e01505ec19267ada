"""The door of the desk: who gets in, how long he stays, and what he may do inside."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from gateway.admin.routes import NEEDS, TABLE
from gateway.core import clock
from gateway.merchants import users
from gateway.merchants.models import Role
from tests.builders import a_world
from tests.desk_visits import PASSWORD, Visitor, a_user, signed_in

GENERIC = "Das hat nicht geklappt"


def test_nobody_enters_without_signing_in(app):
    """Every page leads to the door, and back to the page afterwards."""
    client = app.test_client()
    for path in ("/admin", "/admin/decisions", "/admin/keys", "/admin/nothing"):
        answer = client.get(path)
        assert answer.status_code == 302
        assert answer.location.startswith("/admin/login?next=")
    assert client.post("/admin/keys/create").status_code == 302


def test_the_right_password_opens_the_desk(app, services):
    """And the page that was asked for."""
    a_user(services, a_world(services))
    answer = Visitor(app).sign_in(next="/admin/orders?state=PLACED")
    assert answer.status_code == 302
    assert answer.location == "/admin/orders?state=PLACED"


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/admin", "//evil.example/admin", "/admin\\@evil", "/v1", "/admin/login"]
)
def test_signing_in_leads_nowhere_else(app, services, elsewhere):
    """No open redirect."""
    a_user(services, a_world(services))
    assert Visitor(app).sign_in(next=elsewhere).location == "/admin"


def test_an_unknown_address_a_wrong_password_and_a_locked_account_are_told_alike(app, services):
    """After ten tries from one place the right password does not help from there for the rest of the hour either."""
    a_user(services, a_world(services))
    visitor = Visitor(app)
    with time_machine.travel(datetime(2026, 3, 1, 12, tzinfo=UTC), tick=False):
        unknown = visitor.sign_in(email="nobody@example.com")
        wrong = [visitor.sign_in(password="wrong and long enough") for _ in range(10)]
        locked = visitor.sign_in()
    assert {answer.status_code for answer in (unknown, locked, *wrong)} == {401}
    assert all(GENERIC in answer.text for answer in (unknown, locked, *wrong))
    with time_machine.travel(datetime(2026, 3, 1, 13, tzinfo=UTC), tick=False):
        assert visitor.sign_in().status_code == 302


def test_a_stranger_who_guesses_does_not_lock_the_owner_out(app, services):
    """His tries are used up, not those of somebody in another network."""
    a_user(services, a_world(services))
    stranger, owner = Visitor(app), Visitor(app)
    stranger.client.environ_base["REMOTE_ADDR"] = "203.0.113.66"
    for _ in range(15):
        assert stranger.sign_in(password="wrong and long enough").status_code == 401
    assert owner.sign_in().status_code == 302


def test_one_connection_cannot_try_without_end(app, services):
    """Twenty tries in five minutes, whatever the accounts."""
    visitor = Visitor(app)
    with time_machine.travel(datetime(2026, 3, 1, 12, tzinfo=UTC), tick=False):
        proof = visitor.proof()
        form = {"email": "a@example.com", "password": "guess", "csrf_token": proof}
        answers = [visitor.client.post("/admin/login", data=form).status_code for _ in range(21)]
        refused = visitor.client.post("/admin/login", data=form)
    assert answers[:20] == [401] * 20
    assert answers[20] == 429
    assert int(refused.headers["Retry-After"]) == 300


def test_a_form_without_its_proof_is_refused(app, services):
    """Another site cannot sign anybody in, nor act in his name."""
    world, visitor = signed_in(app, services)
    assert visitor.client.post("/admin/login", data={"email": "x", "password": "y"}).status_code == 400
    refused = visitor.client.post("/admin/people/invite", data={"email": "x@example.com", "name": "X", "role": "owner"})
    assert refused.status_code == 400
    with services.db.transaction(world.merchant_id) as session:
        assert len(users.list_users(session, services.keyring)) == 1


def test_an_idle_session_ends_and_a_used_one_ends_at_night(app, services):
    """Half an hour without a click, or twelve hours in all."""
    start = datetime(2026, 3, 2, 8, tzinfo=UTC)
    with time_machine.travel(start, tick=False) as clock_:
        _, visitor = signed_in(app, services)
        for _ in range(28):
            clock_.shift(timedelta(minutes=25))
            assert visitor.get("/admin/notices").status_code == 200
        clock_.shift(timedelta(minutes=25))
        assert visitor.get("/admin/notices").status_code == 302
        assert visitor.sign_in().status_code == 302
        clock_.shift(timedelta(minutes=31))
        assert visitor.get("/admin/notices").status_code == 302


def test_signing_out_makes_a_copied_cookie_worthless(app, services):
    """The session ends on the server, not only in the browser."""
    _, visitor = signed_in(app, services)
    copied = visitor.client.get_cookie("session").value
    assert visitor.post("/admin/logout").location == "/admin/login"
    thief = app.test_client()
    thief.set_cookie("session", copied)
    assert thief.get("/admin/decisions").status_code == 302


def test_a_new_password_ends_every_session(app, services):
    """Whoever stole the old one is out."""
    world, visitor = signed_in(app, services)
    with services.db.transaction(world.merchant_id) as session:
        [user] = users.list_users(session, services.keyring)
        users.set_password(session, services.keyring, user.id, "quite another password", clock.now())
    assert visitor.get("/admin/decisions").status_code == 302


def test_a_disabled_user_is_out_at_once(app, services):
    """The next click leads to the door."""
    world, visitor = signed_in(app, services, Role.READER)
    a_user(services, world, email="second@example.com")
    with services.db.transaction(world.merchant_id) as session:
        reader = next(user for user in users.list_users(session, services.keyring) if user.role is Role.READER)
        users.disable(session, services.keyring, reader.id, clock.now())
    assert visitor.get("/admin/decisions").status_code == 302


def test_somebody_who_works_for_two_merchants_is_asked_which(app, services):
    """One address, one password, two desks."""
    first, second = a_world(services), a_world(services)
    for world in (first, second):
        a_user(services, world)
    visitor = Visitor(app)
    asked = visitor.sign_in()
    assert "Welche Verwaltung?" in asked.text
    proof = visitor.proof()
    chosen = visitor.client.post("/admin/login/desk", data={"desk": "1", "csrf_token": proof})
    assert chosen.location == "/admin"
    assert visitor.get("/admin/decisions").status_code == 200
    stranger = Visitor(app)
    form = {"desk": "1", "csrf_token": stranger.proof()}
    assert stranger.client.post("/admin/login/desk", data=form).location == "/admin/login"


RULES = {page.endpoint: page for page in TABLE}


@pytest.mark.parametrize("role", list(Role))
def test_every_page_and_act_is_kept_to_its_role(app, services, role):
    """The table says who may; whoever may less gets a page that says so."""
    _, visitor = signed_in(app, services, role)
    for page in RULES.values():
        if page.endpoint in ("logout", "nowhere"):
            continue
        path = "/admin" + page.rule.replace("<int:version>", "1").replace("<path:reference>", "x").replace(
            "<", ""
        ).replace(">", "")
        answer = visitor.client.open(path, method=page.methods[0])
        allowed = role.includes(page.role)
        assert (answer.status_code != 403) is allowed, f"{role} {page.endpoint}"


def test_every_route_of_the_desk_stands_in_the_table(app):
    """What does not is closed; nothing is."""
    routes = {rule.endpoint for rule in app.url_map.iter_rules() if rule.endpoint.startswith("admin.")}
    assert routes == set(NEEDS) | {"admin.static"}


def test_the_menu_shows_what_the_role_may(app, services):
    """A reader does not see doors that are closed to him."""
    _, visitor = signed_in(app, services, Role.READER)
    menu = visitor.get("/admin/decisions").text
    assert "/admin/lists" in menu
    assert "/admin/keys" not in menu


def test_an_invitation_opens_the_desk_once(app, services):
    """The link asks for a password, refuses a weak one, and is used up by a good one."""
    world = a_world(services)
    invited = a_user(services, world, Role.CLERK, password="")
    visitor = Visitor(app)
    link = f"/admin/invite/{invited.token}"
    proof = visitor.proof(link)
    weak = visitor.client.post(link, data={"password": "aaaaaaaaaaaaaa", "csrf_token": proof})
    assert weak.status_code == 422
    assert "ist eines der ersten, die geraten werden" in weak.text
    short = visitor.client.post(link, data={"password": "short", "csrf_token": proof})
    assert short.status_code == 422
    assert visitor.client.post(link, data={"password": PASSWORD, "csrf_token": proof}).location == "/admin/login"
    assert visitor.client.get(link).status_code == 410
    assert visitor.client.get("/admin/invite/nonsense").status_code == 410
    assert visitor.sign_in().status_code == 302


def test_while_the_cache_is_away_people_can_still_sign_in(app, services):
    """The limit falls back to the process; nothing else of the door needs the cache."""
    a_user(services, a_world(services))
    services.cache.connection_pool.disconnect()
    kwargs = services.cache.connection_pool.connection_kwargs
    before = dict(kwargs)
    kwargs["path"] = "/nowhere.sock"
    try:
        assert Visitor(app).sign_in().status_code == 302
    finally:
        kwargs.clear()
        kwargs.update(before)
