"""`kulanz calc` and `kulanz law`: answers without a server, rows imported once, and the desk told of tables that end."""

import json
import re
from datetime import UTC, date, datetime
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from gateway import cli
from gateway.core.channels import Notice, read_notice
from gateway.law import notices, store
from gateway.law.catalogue import CALCULATORS
from gateway.law.models import LawRow
from gateway.law.tables import shipped
from tests.builders import a_world
from tests.conftest import SHARED

HEAD = "table,key,valid_from,valid_to,value,source,certainty\n"
RATE = "base-rate,DE,2027-01-01,2027-06-30,1.77,invented for this test,memory\n"
INTEREST = dict(CALCULATORS["default-interest"].example)


@pytest.fixture(autouse=True)
def no_database_named(monkeypatch):
    monkeypatch.delenv("DATABASE_URL", raising=False)


def calc(name, given, *options, services=None):
    raw = given if isinstance(given, str) else json.dumps(given)
    result = CliRunner().invoke(cli.main, ["calc", name, *options], input=raw, obj=SimpleNamespace(services=services))
    return result.exit_code, json.loads(result.stdout)


def law(services, *words):
    return CliRunner().invoke(cli.main, ["law", *words], obj=SimpleNamespace(services=services))


@pytest.mark.parametrize("name", CALCULATORS)
def test_every_calculator_answers_its_example_with_lines_to_check(name):
    status, answer = calc(name, dict(CALCULATORS[name].example))
    assert status == 0
    assert answer["working"]
    assert all(isinstance(line, str) for line in answer["working"])


def examples():
    """The inputs of the contract's text, as (name, JSON)."""
    text = (SHARED / "CALCULATORS.md").read_text() if (SHARED / "CALCULATORS.md").exists() else ""
    block = text.partition("```json")[2].partition("```")[0]
    found = re.findall(r"^([a-z-]+) +(\{[^→\n]*\})$", block, re.MULTILINE) + re.findall(
        r"(reference) (\{[^{}]*\}) →", block
    )
    return [(name, given.replace("RF18…", "RF18539007547034")) for name, given in found]


def test_every_example_of_the_contract_runs():
    if not (given := examples()):
        pytest.skip("../shared/CALCULATORS.md is not here")
    assert len(given) >= 9
    for name, raw in given:
        assert calc(name, raw)[0] == 0, (name, raw)


@pytest.mark.parametrize(
    ("name", "change", "code"),
    [
        ("default-interest", {"principal_minor": 100_000.0}, "invalid-input"),
        ("default-interest", {"principal_minor": "100000"}, "invalid-input"),
        ("default-interest", {"principal_minor": True}, "invalid-input"),
        ("default-interest", {"principal_minor": -1}, "invalid-input"),
        ("default-interest", {"principal_minor": 10**16}, "invalid-input"),
        ("default-interest", {"from": "2025-02-29"}, "invalid-input"),
        ("default-interest", {"from": "20250301"}, "invalid-input"),
        ("default-interest", {"from": 20250301}, "invalid-input"),
        ("default-interest", {"currency": "EURO"}, "invalid-input"),
        ("default-interest", {"surprise": 1}, "invalid-input"),
        ("default-interest", {"through": "2025-02-28"}, "contradictory-input"),
        ("default-interest", {"contract_date": "2025-03-02"}, "contradictory-input"),
        ("default-interest", {"through": "2027-01-01"}, "rate-not-known"),
        ("default-interest", {"country": "XX"}, "unknown-country"),
        ("default-interest", {"country": "FR"}, "unknown-country"),
        ("default-interest", {"through": "9999-12-31"}, "rate-not-known"),
        ("retention", {"date": "0001-01-01"}, "date-out-of-table"),
        ("bureau-report", {"disputed": None}, "invalid-input"),
        ("instalments", {"first_due": None, "region": "XX"}, "unknown-region"),
        (
            "withdrawal",
            {"goods_received": None, "instructed": None, "declared_on": "2026-11-02", "region": "XX"},
            "unknown-region",
        ),
        ("reference", {"base": "ß1"}, "invalid-input"),
        ("working-day", {"region": "XX"}, "unknown-region"),
        ("working-day", {"country": "Germany"}, "unknown-country"),
        ("default-date", {"days": 3}, "contradictory-input"),
        ("default-date", {"consumer": None}, "invalid-input"),
        ("default-date", {"consumer": 1}, "invalid-input"),
        ("account", {"payments": [{"date": "2025-10-01", "amount_minor": 1}]}, "contradictory-input"),
        ("collection-costs", {"factor": 0.9}, "invalid-input"),
        ("collection-costs", {"factor": "-1"}, "invalid-input"),
        ("collection-costs", {"mandate_date": "2010-01-01"}, "date-out-of-table"),
        ("limitation", {"events": [{"type": "title"}]}, "invalid-input"),
        ("limitation", {"events": [{"type": "title", "from": "2025-01-01", "through": "2025-01-02"}]}, "invalid-input"),
        ("withdrawal", {"instructed": None}, "invalid-input"),
        ("withdrawal", {"goods_received": None}, "invalid-input"),
        ("instalments", {"count": 0}, "invalid-input"),
        ("instalments", {"total_minor": 2, "count": 3}, "contradictory-input"),
        ("reference", {"check": "RF47INV1"}, "contradictory-input"),
        ("reference", {"base": None}, "invalid-input"),
        ("girocode", {"currency": "CHF"}, "invalid-input"),
        ("girocode", {"reference": "RF47INV1"}, "contradictory-input"),
    ],
)
def test_impossible_input_is_a_problem_with_a_stable_code(name, change, code):
    status, answer = calc(name, dict(CALCULATORS[name].example) | change)
    assert (status, answer["code"]) == (2, code)


@pytest.mark.parametrize("ground", [{"ground": "reminder", "received": "2025-04-01"}, {"consumer_notice": False}])
def test_a_misspelt_region_is_told_where_no_calendar_is_needed(ground):
    given = {"country": "DE", "region": "XX", "ground": "invoice-30-days"}
    if "received" not in ground:
        given |= {"due_and_received": "2025-04-01", "consumer": True}
    assert calc("default-date", given | ground)[1]["code"] == "unknown-region"


@pytest.mark.parametrize("country", ["AT", "CH"])
def test_lines_for_a_debtor_abroad_do_not_name_german_law(country):
    events = [{"type": "part-payment", "date": "2025-03-01"}, {"type": "title", "date": "2025-05-30"}]
    asked = [
        ("limitation", {"arose": "2024-02-29", "events": events}),
        ("default-date", {"ground": "reminder", "received": "2025-04-01"}),
        ("default-date", {"ground": "agreed-date", "date": "2025-04-01"}),
        ("default-date", {"ground": "after-event", "event_date": "2025-04-01", "days": 14}),
        ("default-date", {"ground": "invoice-30-days", "due_and_received": "2025-04-01", "consumer": False}),
    ]
    for name, given in asked:
        status, answer = calc(name, given | {"country": country})
        assert status == 0
        assert "BGB" not in re.sub("ABGB", "", " ".join(answer["working"]))


def test_a_debt_that_gets_nothing_is_told_with_nothing():
    debts = [{"reference": f"R-{number}", "due": "2025-03-01", "open_minor": 8000} for number in (1, 2)]
    given = {"payment_minor": 5000, "debts": debts, "purpose": "R-2"}
    assert calc("allocation-over-debts", given)[1]["applied"] == {"R-1": 0, "R-2": 5000}
    assert calc("allocation-over-debts", given | {"purpose": None})[1]["applied"] == {"R-1": 2500, "R-2": 2500}


@pytest.mark.parametrize("raw", ["", "x", "[]", "1", '{"kind":"rf","kind":"rf","base":"A"}', '{"base": NaN}'])
def test_what_is_no_object_is_a_problem(raw):
    status, answer = calc("reference", raw)
    assert (status, answer["code"]) == (2, "invalid-input")


@pytest.mark.parametrize("name", CALCULATORS)
def test_german_lines_say_the_same_numbers(name):
    """Only the lines differ (and the reason of a working day, which is one)."""
    given = dict(CALCULATORS[name].example)
    english, german = calc(name, given)[1], calc(name, given | {"language": "de"})[1]
    lines = [" ".join(answer.pop("working")) for answer in (english, german)]
    assert _spoken(name, english) == _spoken(name, german)
    numbers = r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]+[.][0-9]{2}"
    assert re.findall(numbers, lines[0]) == re.findall(numbers, lines[1])


def _spoken(name, answer):
    return {field: value for field, value in answer.items() if (name, field) != ("working-day", "reason")}


def test_an_unknown_calculator_is_named():
    status, answer = calc("horoscope", {})
    assert (status, answer["code"]) == (2, "unknown-calculator")


def test_imported_rows_are_used_and_told_once(services, tmp_path):
    file = tmp_path / "rates.csv"
    file.write_text(HEAD + RATE)
    later = INTEREST | {"from": "2027-03-01", "through": "2027-03-31"}
    assert json.loads(law(services, "import", str(file), "--dry-run", "--json").output)[0]["value"] == "1.77"
    assert calc("default-interest", later, "--imported", services=services)[1]["code"] == "rate-not-known"
    assert len(json.loads(law(services, "import", str(file), "--json").output)) == 1
    assert law(services, "import", str(file), "--json").output.strip() == "[]"
    status, answer = calc("default-interest", later, "--imported", services=services)
    assert (status, answer["periods"][0]["rate_percent"]) == (0, "10.77")
    assert calc("default-interest", later)[1]["code"] == "rate-not-known"
    assert "1.77" in law(services, "show", "base-rate").output


def test_a_faulty_file_changes_nothing(services, tmp_path):
    file = tmp_path / "rates.csv"
    file.write_text(HEAD + RATE + "base-rate,DE,2027-08-01,2027-12-31,1.80,x,source\n")
    result = law(services, "import", str(file))
    assert result.exception.code == "bad-law-file"
    assert result.exception.facts["errors"][0]["path"] == "line 3"
    with services.db.transaction(None) as session:
        assert store.load(session) is shipped()


def test_a_release_that_ships_another_value_wins_over_an_imported_one(services):
    """Otherwise an upgrade could stop every letter; the other imported rows stay."""
    told = {"table_name": "base-rate", "source": "x", "certainty": "memory", "imported_by": "system", "key": "DE"}
    wrong = {"valid_from": date(2026, 7, 1), "valid_to": date(2026, 12, 31), "value": "9.99"}
    right = {"valid_from": date(2027, 1, 1), "valid_to": date(2027, 6, 30), "value": "1.77"}
    with services.db.transaction(None) as session:
        for row in (wrong, right):
            session.add(LawRow(**told, **row, created_at=datetime(2026, 11, 25, tzinfo=UTC)))
        session.flush()
        tables = store.load(session)
    assert tables.at("base-rate", "DE", date(2026, 8, 1)).value == "1.52"
    assert tables.at("base-rate", "DE", date(2027, 2, 1)).value == "1.77"


def test_a_database_that_is_not_up_to_date_is_a_problem_of_its_own(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nowhere")
    assert calc("reference", {"kind": "rf", "base": "A"})[1]["code"] == "unavailable"
    assert calc("reference", {"kind": "rf", "base": "A"}, "--shipped")[0] == 0


def test_the_tables_can_be_listed(services):
    listed = json.loads(law(services, "show", "--json").output)
    assert {"base-rate", "lawyer-fee-steps", "retention"} <= {row["table"] for row in listed}
    assert law(services, "show", "horoscopes").exception.code == "table-unknown"


def test_the_desk_is_told_once_of_a_table_that_ends(services):
    """Also after somebody has read the notice; and not before its time."""
    world = a_world(services)
    now = datetime(2026, 11, 25, 6, tzinfo=UTC)
    with services.db.transaction(world.merchant_id) as session:
        assert notices.tell(session, shipped(), date(2026, 10, 1), now) == 0
        assert notices.tell(session, shipped(), now.date(), now) == 3
        told = session.scalars(select(Notice).where(Notice.code == notices.CODE)).all()
        assert {one.facts["key"] for one in told} == {"AT", "DE", "EU"}
        for one in told:
            read_notice(session, one.id, now)
        assert notices.tell(session, shipped(), date(2026, 11, 26), now) == 0
