"""`kulanz replay`: a stored decision, made again from its own row, is the same decision."""

import json
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select

from gateway import cli, commands_decide
from gateway.checkout import records
from gateway.checkout.api import DecisionUnknown
from gateway.checkout.methods import KINDS
from gateway.checkout.models import Decision
from gateway.checkout.replay import CardMissing, Difference, Replayed, replay_decision
from gateway.core.ids import from_public, new_id, to_public
from gateway.merchants import policies
from tests.builders import a_question, a_world

NOW = datetime(2026, 11, 22, tzinfo=UTC)
QUESTIONS = st.fixed_dictionaries(
    {
        "total_minor": st.integers(0, 500_000),
        "discount_minor": st.integers(0, 5_000),
        "currency": st.sampled_from(["EUR", "CHF"]),
        "buyer": st.fixed_dictionaries(
            {},
            optional={
                "email": st.sampled_from(["ada@example.com", "x@mailinator.com", "kauf@firma.example"]),
                "phone": st.just("+49 40 36902345"),
                "company": st.just("Firma GmbH"),
                "guest": st.booleans(),
                "language": st.sampled_from(["de", "en", "fr"]),
            },
        ),
        "methods": st.lists(
            st.sampled_from(sorted(KINDS)), min_size=1, max_size=8, unique=True
        ).filter(lambda kinds: kinds != ["instalments"]),
    },
    optional={
        "billing": st.fixed_dictionaries(
            {"country": st.sampled_from(["DE", "AT", "CH", "FR", "US"])},
            optional={"line1": st.just("Packstation 12"), "postcode": st.just("20099")},
        ),
        "context": st.just({"ip": "198.51.100.7"}),
    },
)  # fmt: skip


def asked(app, world, **overrides):
    """The id of a decision."""
    question = {name: value for name, value in a_question(**overrides).items() if value is not None}
    answer = app.test_client().post("/v1/decisions", json=question, headers=world.auth)
    assert answer.status_code == 201, answer.json
    return answer.json["id"]


def replayed(services, world, decision_id):
    with services.db.connection(world.merchant_id) as connection:
        return replay_decision(connection, world.merchant_id, from_public("dec", decision_id))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(question=QUESTIONS)
def test_every_decision_is_the_same_when_made_again(app, services, world, question):
    """Whatever was asked: score, offers, deposits, reasons."""
    methods = [{"id": kind, "kind": kind} for kind in question.pop("methods")]
    again = replayed(services, world, asked(app, world, items=None, methods=methods, **question))
    assert again.same, again.differences
    assert again.differences == []


@pytest.fixture
def world(services):
    return a_world(services)


def test_a_policy_changed_later_does_not_change_what_was_decided(app, services, world):
    """The record names its version; the new one decides from now on."""
    before = asked(app, world)
    with services.db.transaction(world.merchant_id) as session:
        body = {"methods": {"invoice": {"enabled": False}}}
        version = policies.save(session, world.shop_id, "checkout", body, "anna", "no invoices", NOW)
        policies.activate(session, world.shop_id, "checkout", version, NOW)
    after = asked(app, world)
    one, other = replayed(services, world, before), replayed(services, world, after)
    assert one.same
    assert other.same
    shown = [[o["show"] for o in r.stored["choice"]["offers"] if o["kind"] == "invoice"] for r in (one, other)]
    assert shown[1] == [False]


def test_differences_are_named_by_place():
    """For the command and for the desk."""
    stored = {"score": {"default": 0.1}, "choice": {"offers": [{"rank": 1}]}}
    again = {"score": {"default": 0.2}, "choice": {"offers": [{"rank": 1}], "review": True}}
    found = Replayed(intact=True, stored=stored, again=again)
    assert not found.same
    assert found.differences == [
        Difference("/choice/review", None, True),
        Difference("/score/default", 0.1, 0.2),
    ]
    assert not Replayed(intact=False, stored=stored, again=stored).same


def test_a_decision_of_nobody_is_unknown(services, world):
    """Also one of another merchant: he cannot be told from nobody."""
    with services.db.connection(world.merchant_id) as connection, pytest.raises(DecisionUnknown):
        replay_decision(connection, world.merchant_id, new_id())


def copied(services, world, decision_id, change, **columns):
    """The row again under a new id, with its record changed: what somebody with the rights of the program could add."""
    table = Decision.__table__
    with services.db.connection(world.merchant_id) as connection:
        row = connection.execute(select(table).where(table.c.id == from_public("dec", decision_id))).one()._asdict()
        record = json.loads(row["record"])
        change(record)
        row |= {"id": new_id(), "record": json.dumps(record)} | columns
        row |= {} if columns else {"digest": records.digest(SimpleNamespace(**row))}
        connection.execute(insert(table).values(row))
    return to_public("dec", row["id"])


def test_a_record_that_was_changed_is_found(app, services, world, run):
    """An answer nobody gave differs when made again, and a row changed without its digest is not intact."""

    def better(record):
        record["choice"]["outcome"] = "allow" if record["choice"]["outcome"] != "allow" else "decline"

    decision_id = asked(app, world)
    forged = copied(services, world, decision_id, better)
    found = replayed(services, world, forged)
    assert found.intact
    assert [difference.path for difference in found.differences] == ["/choice/outcome"]
    careless = copied(services, world, decision_id, better, digest=b"x" * 32)
    assert not replayed(services, world, careless).intact
    shown = run(careless)
    assert shown.exit_code == 1
    assert "digest" in shown.output
    assert "/choice/outcome" in shown.output


def test_a_decision_from_before_the_shield_is_made_again_without_it(app, services, world):
    """The shipped policy has grown rules since; a record that names no edition is judged by the first."""

    def of_then(record):
        del record["versions"]["defaults"]
        record["facts"] |= {"cards_ip_1h": 50, "declines_ip_1h": 50, "declined_percent_ip_1h": 100}

    methods = [{"id": "stripe", "kind": "card"}, {"id": "bacs", "kind": "prepayment"}]
    now = asked(app, world, methods=methods)
    assert replayed(services, world, copied(services, world, now, of_then)).same
    assert not replayed(services, world, copied(services, world, now, lambda record: record["facts"].update(
        {"cards_ip_1h": 50, "declines_ip_1h": 50, "declined_percent_ip_1h": 100}))).same  # fmt: skip


@pytest.mark.parametrize("card", [{"card": "expert-0"}, {"card_digest": "0" * 64}])
def test_a_card_that_is_not_shipped_any_more_is_told(app, services, world, card):
    """No other card takes its place."""
    other = copied(services, world, asked(app, world), lambda record: record["versions"].update(card))
    with pytest.raises(CardMissing):
        replayed(services, world, other)


@pytest.fixture
def run(services, world):
    operator = SimpleNamespace(services=services, settings=None, merchant_ids=lambda: [new_id(), world.merchant_id])
    return lambda *words: CliRunner().invoke(cli.main, ["replay", *words], obj=operator)


def test_the_command_says_same(app, run, world):
    """Exit status 0, one word."""
    shown = run(asked(app, world))
    assert (shown.exit_code, shown.output) == (0, "same\n")


@pytest.mark.parametrize("unknown", ["dec_01m80jtwssevksa7y719cbahm4", "dec_x", "dec_"])
def test_the_command_knows_only_decisions_of_this_installation(run, unknown):
    """Whatever else is asked for."""
    assert isinstance(run(unknown).exception, commands_decide.DecisionOfNobody)
