"""Returns at the desk: seen with their deadlines, received, decided; readers only see."""

from datetime import timedelta

from gateway.core import clock
from gateway.core.ids import to_public
from gateway.merchants.models import Role
from gateway.returns.models import OrderReturn
from tests.desk_visits import signed_in
from tests.http.test_returns_api import Shop


def a_shop(app, services, role=Role.OWNER):
    world, visitor = signed_in(app, services, role)
    return Shop(app.test_client(), services, world), visitor


def test_a_return_is_received_at_the_desk(app, services):
    """The list names its state; words of the buyer are never markup."""
    shop, visitor = a_shop(app, services)
    shop.order()
    shop.claim()
    shop.announce("withdrawal", amount_minor=4_000, words="<b>Ich widerrufe</b>")
    row = shop.rows(OrderReturn)[0]
    page = f"/admin/returns/{to_public('ret', row.id)}"
    assert "Widerruf" in visitor.get("/admin/returns?state=ANNOUNCED").text
    assert "&lt;b&gt;Ich widerrufe" in visitor.get(page).text
    assert 'value="refuse"' not in visitor.get(page).text
    assert visitor.post(f"{page}/act", {"act": "receive", "amount": "40,00"}, page=page).status_code == 302
    assert shop.rows(OrderReturn)[0].state == "SETTLED"


def test_a_late_withdrawal_is_refused_with_a_reason(app, services):
    shop, visitor = a_shop(app, services)
    shop.order(days=60)
    shop.claim()
    shop.announce("withdrawal")
    page = f"/admin/returns/{to_public('ret', shop.rows(OrderReturn)[0].id)}"
    assert "zu entscheiden" in visitor.get("/admin/returns").text
    visitor.post(f"{page}/act", {"act": "refuse", "reason": "verspätet"}, page=page)
    assert shop.rows(OrderReturn)[0].state == "REFUSED"
    assert "verspätet" in visitor.get(page).text
    assert shop.claim().principal_minor == 10_000


def test_a_reader_sees_and_changes_nothing(app, services):
    shop, visitor = a_shop(app, services, Role.READER)
    shop.order()
    shop.announce(amount_minor=100)
    page = f"/admin/returns/{to_public('ret', shop.rows(OrderReturn)[0].id)}"
    assert 'name="act"' not in visitor.get(page).text
    assert visitor.post(f"{page}/act", {"act": "receive"}, page="/admin/decisions").status_code in (302, 400, 403)
    assert shop.rows(OrderReturn)[0].state == "ANNOUNCED"
    assert clock.now() - shop.rows(OrderReturn)[0].made_at < timedelta(minutes=5)
