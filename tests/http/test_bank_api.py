"""`/v1/bank` over HTTP: a file comes in, what it held is read back, mistakes are named."""

import io

import pytest

from tests.builders import a_world

CSV = (
    '"Booking Date","Value Date","Partner Name","Partner Iban",Type,"Payment Reference","Account Name","Amount (EUR)"\n'
    '2026-01-05,2026-01-05,"Müller, Erika",DE02120300000000202051,"Credit Transfer",Rechnung RE-2026-000123,Main,1119.5\n'
).encode()


class Caller:
    def __init__(self, app, world):
        self.client, self.world = app.test_client(), world

    def upload(self, content=CSV, **headers):
        return self.client.post(
            "/v1/bank/statements", data={"file": (io.BytesIO(content), "any.bin")}, headers=self.world.auth | headers
        )

    def get(self, path):
        return self.client.get(f"/v1/bank/{path}", headers=self.world.auth)


@pytest.fixture
def caller(app, services):
    return Caller(app, a_world(services, scopes=frozenset({"bank:read", "bank:write"})))


def test_a_file_is_taken_and_read_back(caller):
    """Statement and entry, opened for whoever holds the key."""
    taken = caller.upload()
    assert taken.status_code == 201, taken.json
    assert (taken.json["format"], taken.json["entries"], taken.json["new_entries"]) == ("csv", 1, 1)
    (statement,) = caller.get("statements").json["statements"]
    assert (statement["format"], statement["currency"], statement["entries"]) == ("csv", "EUR", 1)
    (entry,) = caller.get("entries").json["entries"]
    assert (entry["direction"], entry["amount_minor"], entry["booked_on"]) == ("in", 111950, "2026-01-05")
    assert (entry["name"], entry["iban"]) == ("Müller, Erika", "DE02120300000000202051")


def test_the_same_file_again_says_so(caller):
    """Nothing is new."""
    first, again = caller.upload(), caller.upload()
    assert (again.json["id"], again.json["repeated"], again.json["new_entries"]) == (first.json["id"], True, 0)


def test_an_idempotency_key_answers_what_was_answered(caller):
    """The first answer, not that the file is known; other content under the same key is an error."""
    first, again = (caller.upload(**{"Idempotency-Key": "one"}) for _ in range(2))
    assert again.json == first.json
    assert caller.upload(CSV + b"\n", **{"Idempotency-Key": "one"}).status_code == 409


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"nothing",
        b"\x00\xff",
        b"<a/>",
        b'<!DOCTYPE x [<!ENTITY a "b">]><Document/>',
        b":20:X\n:25:1\n:61:nonsense\n",
        CSV[:200],
    ],
)
def test_what_is_no_bank_file_is_a_problem_and_nothing_is_taken(caller, content):
    """422 with a stable code, whatever it is."""
    answer = caller.upload(content)
    assert answer.status_code == 422, answer.json
    assert answer.json["code"] in ("bank-file-unreadable", "invalid-input")
    assert caller.get("statements").json["statements"] == []


def test_a_key_without_the_scope_is_refused(app, services):
    """A shop's plugin needs no bank."""
    caller = Caller(app, a_world(services, scopes=frozenset({"orders:read", "orders:write"})))
    assert caller.upload().json["code"] == "scope-missing"
    assert caller.get("entries").json["code"] == "scope-missing"


def test_pages_follow_each_other(caller):
    """By cursor, the newest first; a foreign cursor is refused."""
    head, row = CSV.decode().splitlines()
    caller.upload("\n".join([head, *(row.replace("1119.5", f"{number}.5") for number in range(1, 6))]).encode())
    first = caller.get("entries?limit=3").json
    second = caller.get(f"entries?limit=3&cursor={first['next_cursor']}").json
    assert (len(first["entries"]), len(second["entries"]), second["next_cursor"]) == (3, 2, None)
    assert caller.get("entries?cursor=nonsense").status_code == 422


def test_a_merchant_adds_his_own_bank(caller):
    """A file nobody could read is read once the mapping is saved."""
    content = b"Datum;Wer;Text;Betrag\n5.1.2026;Erika;RE-1;10,00\n"
    assert caller.upload(content).json["code"] == "bank-file-unreadable"
    document = {
        "recognised_by": ["Datum", "Betrag"],
        "columns": {"booked_on": "Datum", "amount": "Betrag", "name": "Wer"},
    }
    url = "/v1/bank/mappings/hausbank"
    saved = caller.client.put(url, json={"document": document}, headers=caller.world.auth)
    assert saved.status_code == 200, saved.json
    assert caller.upload(content).json["new_entries"] == 1
    assert caller.get("mappings").json["mappings"] == [{"name": "hausbank", "document": document}]
    assert caller.client.delete(url, headers=caller.world.auth).status_code == 204
    assert caller.client.delete(url, headers=caller.world.auth).json["code"] == "mapping-unknown"


@pytest.mark.parametrize(
    "document",
    [{}, {"columns": 1}, {"columns": {"booked_on": 1}}, {"recognised_by": {"a": 1}}, {"pending": 5}, {"x": 1}],
)
def test_a_faulty_mapping_is_refused(caller, document):
    """Before a statement depends on it."""
    answer = caller.client.put("/v1/bank/mappings/x", json={"document": document}, headers=caller.world.auth)
    assert (answer.status_code, answer.json["code"]) == (422, "mapping-invalid")
