"""A shop's own tools manage what decides: drafts, stages, rolling back, backtests, over HTTP and at the machine."""

import json
from dataclasses import dataclass

import pytest
from click.testing import CliRunner

from gateway.checkout import backtests
from gateway.commands_policy import policy
from gateway.core.errors import GatewayError, Invalid
from gateway.core.ids import to_public
from gateway.core.services import Services
from gateway.core.work import Job
from gateway.merchants.auth import SHOP_SCOPES
from tests.builders import a_question, a_world

NO_INVOICE = {"methods": {"invoice": {"enabled": False}}}
WRONG = {
    "rules": [{"id": "a", "when": {"field": "totl_minor", "operator": ">", "value": 1}, "then": {"action": "review"}}]
}


class Api:
    """A shop's tool with a key."""

    def __init__(self, app, world) -> None:
        self._client, self._world = app.test_client(), world

    def get(self, path="", **more):
        return self._client.get(f"/v1/policies{path}", headers=self._world.auth, **more)

    def post(self, path="", body=None, **headers):
        return self._client.post(f"/v1/policies{path}", json=body or {}, headers=self._world.auth | headers)

    def ask(self):
        return self._client.post("/v1/decisions", json=a_question(), headers=self._world.auth).json

    def draft(self, body=NO_INVOICE, kind="checkout") -> str:
        made = self.post(body={"kind": kind, "document": body})
        assert made.status_code == 201, made.json
        return made.json["policy"]["id"]


@pytest.fixture
def world(services):
    return a_world(services)


@pytest.fixture
def api(app, world):
    return Api(app, world)


def test_a_draft_is_checked_kept_and_decides_nothing(api):
    """The answer names the version, and what it would have changed."""
    api.ask()
    made = api.post(body={"kind": "checkout", "document": NO_INVOICE, "note": "no invoices"})
    assert made.status_code == 201
    told = made.json["policy"]
    assert (told["version"], told["stage"], told["note"], told["document"]) == (1, "draft", "no invoices", NO_INVOICE)
    assert made.json["dry_run"] == {"judged": 1, "changed": 1, "errors": 0}
    assert api.get(f"/{told['id']}").json == told
    assert api.ask()["versions"]["policy"] == 0


def test_what_cannot_work_is_refused_with_path_and_suggestion(api):
    """As the editor needs it; nothing is kept."""
    refused = api.post(body={"kind": "checkout", "document": WRONG})
    assert (refused.status_code, refused.json["code"]) == (422, "invalid-input")
    assert refused.json["errors"] == [
        {"path": "/rules/0/when/field", "message": "no such fact; did you mean total_minor?"}
    ]
    assert api.get().json["policies"] == []


def test_checking_alone_keeps_nothing(api):
    """For an editor that checks while somebody types."""
    checked = api.post(body={"kind": "checkout", "document": NO_INVOICE, "check_only": True})
    assert (checked.status_code, checked.json["policy"]) == (200, None)
    assert api.get().json["policies"] == []


def test_a_version_goes_from_draft_to_shadow_to_share_to_live_and_back(api):
    """Each step shows in the list and in the next decision."""
    first, second = api.draft(), api.draft({})
    assert api.post(f"/{second}/stage", {"stage": "live"}).json["stage"] == "live"
    assert api.post(f"/{first}/stage", {"stage": "shadow"}).json["stage"] == "shadow"
    acting = {one["kind"]: one for one in api.get().json["acting"]}
    assert acting["checkout"] == {"kind": "checkout", "live": 2, "share": None, "shadow": 1}
    shared = api.post(f"/{first}/stage", {"stage": "share", "percent": 20}).json
    assert (shared["stage"], shared["percent"]) == ("share", 20)
    assert api.post(f"/{first}/stage", {"stage": "share"}).json["errors"][0]["path"] == "/percent"
    back = api.post("/rollback", {"kind": "checkout"}).json["acting"]
    assert next(one for one in back if one["kind"] == "checkout")["share"] is None
    assert api.post(f"/{second}/stage", {"stage": "shadow"}).json["code"] == "already-live"
    assert api.post(f"/{first}/stage", {"stage": "draft"}).json["code"] == "nothing-on-trial"
    assert api.post("/rollback", {"kind": "checkout"}).json["code"] == "nothing-to-roll-back-to"
    assert api.ask()["versions"]["policy"] == 2


def test_the_list_of_versions_has_pages(api):
    """The newest first, two at a time."""
    for _ in range(3):
        api.draft()
    page = api.get(query_string={"limit": 2}).json
    assert [one["version"] for one in page["policies"]] == [3, 2]
    rest = api.get(query_string={"limit": 2, "cursor": page["next_cursor"]}).json
    assert ([one["version"] for one in rest["policies"]], rest["next_cursor"]) == ([1], None)


def test_a_backtest_is_work_whose_state_can_be_read(api, services, world):
    """Asked for, carried out by the worker, read."""
    api.ask()
    id_ = api.draft()
    asked = api.post(f"/{id_}/backtest", {"limit": 100})
    assert (asked.status_code, asked.json["state"], asked.json["done"]) == (202, "waiting", 0)
    path = f"/{id_}/backtest/{asked.json['id']}"
    with services.db.transaction(world.merchant_id) as session:
        rows = session.connection().exec_driver_sql("SELECT args FROM job WHERE task = %s", (backtests.TASK,)).all()
    backtests.run(services, Job(1, "default", backtests.TASK, world.merchant_id, rows[-1][0], 1))
    done = api.get(path).json
    assert (done["state"], done["result"]["judged"], done["result"]["changed"]) == ("done", 1, 1)
    assert api.get(f"/{id_}/backtest").json["backtests"] == [done]
    assert api.get(f"/{api.draft()}/backtest/{asked.json['id']}").json["code"] == "backtest-unknown"


def test_the_same_request_twice_is_one_version(api):
    """Idempotency-Key, as everywhere."""
    body = {"kind": "checkout", "document": NO_INVOICE}
    first, again = (api.post(body=body, **{"Idempotency-Key": "one"}) for _ in range(2))
    assert first.json == again.json
    assert len(api.get().json["policies"]) == 1


def test_a_key_of_a_shop_that_only_asks_may_not_touch_policies(app, services):
    """Policies have scopes of their own."""
    answer = Api(app, a_world(services, scopes=SHOP_SCOPES)).post(body={"kind": "checkout", "document": {}})
    assert (answer.status_code, answer.json["code"]) == (403, "scope-missing")


def test_another_shops_versions_do_not_exist(app, services, api):
    """Of another merchant, and not found rather than forbidden."""
    id_ = api.draft()
    other = Api(app, a_world(services))
    assert other.get(f"/{id_}").json["code"] == "policy-unknown"
    assert other.post(f"/{id_}/stage", {"stage": "live"}).json["code"] == "policy-unknown"


def test_the_catalogue_of_facts_is_what_an_editor_needs(api):
    """Type, unit, labels, example, operators, and what a value can be."""
    found = {fact["name"]: fact for fact in api.get("/facts").json["facts"]}
    assert found["local_hour"] | {} == {
        "name": "local_hour",
        "type": "int",
        "unit": "hour",
        "label_de": "Uhrzeit (Stunde)",
        "label_en": "hour of day in the shop",
        "example": 14,
        "operators": ["=", "!=", "<", "<=", ">", ">=", "in", "notIn", "between", "null", "notNull"],
        "low": 0,
        "high": 23,
        "choices": None,
    }
    assert found["listed"]["choices"] == ["allow", "block"]
    assert found["b2b"]["operators"] == ["=", "!=", "in", "notIn", "null", "notNull"]


@dataclass
class Operator:
    """What `kulanz` hands to its commands."""

    services: Services


@pytest.fixture
def kulanz(services, world, tmp_path):
    """Type a `kulanz policy` command; a document given is written to a file first."""

    def run(*words, document=None):
        if document is not None:
            path = tmp_path / "policy.json"
            path.write_text(json.dumps(document))
            words = (*words, str(path))
        done = CliRunner().invoke(
            policy, [*words, "--merchant", to_public("mer", world.merchant_id)], obj=Operator(services)
        )
        if isinstance(done.exception, GatewayError):
            raise done.exception
        assert done.exit_code == 0, done.output
        return done.stdout

    return run


def test_an_operator_takes_a_policy_through_its_life_at_the_machine(kulanz, api):
    """Show, check, save, stage, backtest, list, roll back."""
    api.ask()
    assert json.loads(kulanz("show"))["methods"]["instalments"] == {"enabled": False}
    assert "would have changed 1 of the 1 newest decisions" in kulanz("check", document=NO_INVOICE)
    with pytest.raises(Invalid):
        kulanz("check", document=WRONG)
    kulanz("save", "--note", "one", document=NO_INVOICE)
    kulanz("save", document={})
    assert "version 1 for 20 % of the buyers" in kulanz("stage", "1", "share", "--percent", "20")
    told = kulanz("backtest", "1")
    assert "1 of 1 menus would have changed" in told
    assert "invoice" in told
    kulanz("stage", "1", "live")
    kulanz("stage", "2", "live")
    assert "live    1" in kulanz("rollback")
    assert json.loads(kulanz("show")) == NO_INVOICE
    lines = kulanz("list").splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [["2", "draft"], ["1", "live"]]
    assert "bkt_" in kulanz("backtest", "1", "--queue")


def test_checking_documents_is_no_way_to_stop_the_checkouts(api):
    """The longest document takes most of a second to check: twenty a minute per shop, then a pause."""
    asked = [api.post(body={"kind": "checkout", "document": NO_INVOICE, "check_only": True}) for _ in range(21)]
    assert [one.status_code for one in asked] == [200] * 20 + [429]
    assert asked[-1].json["code"] == "too-many-requests"
