"""The API for people: the page says what the description says, and every problem code has its place."""

import json

from gateway.core.errors import GatewayError
from gateway.docs_pages import reference
from gateway.docs_pages.pages import codes


def test_every_operation_of_the_description_is_on_the_page(app):
    """Nothing is documented for programs only."""
    client = app.test_client()
    spec, page = client.get("/openapi.json").json, client.get("/docs").text
    for path, item in spec["paths"].items():
        for method in set(item) & set(reference.METHODS):
            assert f'id="{method}-' in page
            assert item[method]["summary"].replace("'", "&#39;") in page
        assert path in page
    for field in ("total_minor", "payment_handle", "deposit_percent", "Idempotency-Key"):
        assert field in page


def test_the_example_of_a_body_is_json_with_every_required_field(app):
    """To start from by copying."""
    spec = app.test_client().get("/openapi.json").json
    operations = {one.id: one for group in reference.groups(spec) for one in group.operations}
    example = json.loads(operations["post-v1-decisions"].example)
    assert {"currency", "total_minor", "methods"} <= example.keys()
    assert example["buyer"]["email"] == "ada@example.com"
    names = {line.name for line in operations["post-v1-decisions"].body}
    assert {"methods", "kind", "postcode"} <= names
    assert any("required" not in line.name and line.required for line in operations["post-v1-decisions"].body)


def test_every_problem_points_to_its_place(app):
    """`type` of a problem document is an address that exists."""
    client = app.test_client()
    problem = client.post("/v1/decisions", json={}).json
    page = client.get("/docs/problems").text
    assert problem["type"].endswith(f"/docs/problems#{problem['code']}")
    for error in codes():
        assert f'id="{error.code}"' in page
    assert {"invalid-input", "bad-key", "too-many-requests"} <= {error.code for error in codes()}
    assert GatewayError in codes()


def test_the_problems_are_those_a_client_can_meet(app):
    """A wrong method is one of them; what a job says to its worker is not."""
    client = app.test_client()
    page, problem = client.get("/docs/problems").text, client.delete("/v1/decisions").json
    assert problem["code"] == "method-not-allowed"
    assert 'id="method-not-allowed"' in page
    assert 'id="fail"' not in page
    assert 'id="retry"' not in page


def test_a_schema_that_contains_itself_does_not_hang():
    """Lines and examples end at a depth."""
    tree = {"type": "object", "properties": {"child": {"$ref": "#/components/schemas/Tree"}}}
    spec = {"components": {"schemas": {"Tree": tree}}}
    assert len(list(reference.lines(spec, tree))) == reference.DEEPEST + 1
