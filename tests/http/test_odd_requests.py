"""What no client of ours sends: NUL characters, numbers beyond all measure, names that mean something to a framework."""

import re

import pytest
from structlog.testing import capture_logs

from gateway.core.errors import GatewayError
from gateway.core.strict_json import decode_json
from tests.builders import a_question, a_world
from tests.desk_visits import Visitor, signed_in


@pytest.mark.parametrize(
    "path",
    [
        "/admin/decisions?reference=%00",
        "/admin/decisions?buyer=a%00@x",
        "/admin/orders?before=%00",
        "/admin/orders/x/%00",
    ],
)
def test_a_nul_character_in_an_address_is_refused_as_a_page(app, services, path):
    """Not passed on to a database that cannot hold it."""
    _, visitor = signed_in(app, services)
    answer = visitor.get(path)
    assert (answer.status_code, answer.mimetype) == (400, "text/html")


def test_a_nul_character_in_a_form_or_a_call_is_refused_once_for_all(app, services):
    """At the desk, before signing in, in the demo shop and at the API."""
    world, visitor = signed_in(app, services)
    assert visitor.post("/admin/lists/add", {"value": "a\0", "reason": "x"}).status_code == 400
    assert Visitor(app).sign_in(email="a\0@example.com").status_code == 400
    answer = visitor.client.get("/v1/orders?cursor=%00", headers=world.auth)
    assert (answer.status_code, answer.json["code"]) == (400, "nul-character")


def test_a_part_of_a_form_without_a_name_is_no_error_of_ours(app, services):
    """A browser never sends one; Werkzeug calls it None."""
    world, body = a_world(services), b"--x\r\nContent-Disposition: form-data\r\n\r\nfree\r\n--x--\r\n"
    answer = app.test_client().post(
        "/v1/orders/1/documents", data=body, content_type="multipart/form-data; boundary=x", headers=world.auth
    )
    assert answer.status_code == 422


@pytest.mark.parametrize("number", ["1e999", "-1e999"])
def test_a_number_that_would_become_infinite_is_not_json(number):
    """Python reads it as infinity, which no JSON can say again."""
    with pytest.raises(GatewayError) as refused:
        decode_json(f'{{"value": {number}}}'.encode())
    assert refused.value.code == "not-json"


@pytest.mark.parametrize("base", ["/admin/login", "/docs"])
@pytest.mark.parametrize(
    "query",
    ["endpoint=x", "_method=x", "_anchor=x", "self=1", "values=1", "_scheme=javascript&_external=1&a=%0Aalert(1)//"],
)
def test_query_names_that_mean_something_to_the_framework_mean_nothing_here(app, base, query):
    """They are kept in the links of the page as what they are."""
    answer = app.test_client().get(f"{base}?{query}")
    assert answer.status_code == 200
    assert "javascript:" not in answer.text
    assert all(link.startswith(base) for link in re.findall(r'href="([^"]*language=[^"]*)"', answer.text))


@pytest.mark.parametrize("query", ["endpoint=x", "_external=1&_scheme=javascript", "shop=&before="])
def test_the_link_to_older_decisions_stays_on_its_page(app, services, query):
    """With every filter the visitor has set."""
    world, visitor = signed_in(app, services)
    for number in range(45):
        visitor.client.post("/v1/decisions", json=a_question(reference=f"r{number}"), headers=world.auth)
    answer = visitor.get(f"/admin/decisions?{query}")
    assert answer.status_code == 200
    older = re.findall(r'href="([^"]*before=dec_[^"]*)"', answer.text)
    assert older
    assert all(link.startswith("/admin/decisions?") for link in older)


def test_an_unexpected_fault_is_logged_under_its_route_not_its_address(app, services):
    """The address of a shop's messages is itself the secret."""
    a_world(services)

    def breaks(word):
        raise RuntimeError

    app.view_functions["in.receive"] = breaks
    with capture_logs() as logs:
        answer = app.test_client().post("/in/very-secret-word", data=b"{}")
    assert answer.status_code == 500
    assert "very-secret-word" not in str(logs)
    assert any("/in/<" in str(one.get("route")) for one in logs)
