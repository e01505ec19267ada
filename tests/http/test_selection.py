"""Stage 2: the buyer has chosen; confirmed, a deposit, or another method, over real HTTP to the sandbox bureau."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import select, update

from gateway import wiring
from gateway.checkout import selection_records
from gateway.checkout.models import Decision
from gateway.checkout.selection_models import Selection
from gateway.core import clock
from gateway.core.anchors import anchor
from gateway.core.ids import from_public
from gateway.core.verification import verify
from gateway.privacy import copies, copy_files
from gateway.risk import bureau_records, bureaus
from gateway.risk.bureau_models import BureauAnswer, BureauRequest, BureauResult
from gateway.shops import erasure
from gateway.shops.models import Buyer
from tests import bureaus as made
from tests.builders import a_question, a_world
from tests.desk_visits import signed_in


@pytest.fixture
def services(services):
    with made.a_sandbox() as url:
        yield replace(services, sandbox_url=url)


@pytest.fixture
def shop(services):
    """A shop that asks the sandbox about invoices."""
    world = a_world(services)
    made.asks(services, world)
    made.connect(services, world)
    return world


def rows(services, world, table, **where):
    with services.db.transaction(world.merchant_id) as session:
        found = select(table).where(table.merchant_id == world.merchant_id)
        return list(session.scalars(found.filter_by(**where)))


@pytest.mark.parametrize(
    ("last_name", "answer", "reason"),
    [
        ("Score900", ("confirmed", 0, 0), "score_good"),
        ("Score499", ("deposit", 30, 3747), "score_middling"),
        ("Score249", ("choose_another", 0, 0), "score_low"),
    ],
)
def test_the_score_means_what_the_policy_says(app, services, shop, last_name, answer, reason):
    """Above both limits confirmed, between them a deposit, below another method."""
    told = made.select(app, shop, made.decided(app, shop, last_name))
    assert told.status_code == 201
    assert (told.json["answer"], told.json["deposit_percent"], told.json["deposit_minor"]) == answer
    assert [one["code"] for one in told.json["reasons"]] == [reason]
    assert told.json["bureau"] == {"name": "sandbox", "outcome": "scored", "reused": False}
    assert "score" not in told.text.replace("score_", "").replace("scored", "").replace("Score", "")


def test_who_must_choose_another_sees_the_safe_methods_and_a_neutral_sentence(app, services, shop):
    """Nothing in it tells about the buyer; the reason for the merchant is beside it."""
    told = made.select(app, shop, made.decided(app, shop, "Score100")).json
    assert [offer["method"] for offer in told["offers"]] == ["bacs", "stripe"]
    assert told["notice"].startswith("Diese Zahlungsart steht für diese Bestellung nicht zur Verfügung.")
    assert "Score" not in told["notice"]


@pytest.mark.parametrize(
    ("name", "postcode", "outcome"),
    [
        ("Hang", "20099", "timeout"),
        ("Neumann", "99908", "timeout"),
        ("Neumann", "99902", "error"),
        ("Neumann", "99910", "error"),
        ("Neumann", "99903", "garbage"),
        ("Neumann", "99909", "garbage"),
        ("Neumann", "99904", "rate_limited"),
        ("Neumann", "99905", "no_hit"),
        ("Neumann", "99906", "wrong_person"),
    ],
)
def test_every_failure_of_a_bureau_has_a_name_and_the_checkout_an_answer(app, services, shop, name, postcode, outcome):
    """It hangs, drips, breaks, redirects, talks nonsense without end, sends us away, knows nobody, or means another."""
    made.asks(services, shop, on={outcome: "deposit"}, deadline_ms=300 if outcome == "timeout" else 4_000)
    began = datetime.now(UTC)
    told = made.select(app, shop, made.decided(app, shop, name, postcode)).json
    assert datetime.now(UTC) - began < timedelta(seconds=4)  # generous: the machine may be busy
    assert (told["answer"], told["bureau"]["outcome"]) == ("deposit", outcome)
    assert told["reasons"][0]["code"] == outcome
    (result,) = rows(services, shop, BureauResult)
    assert result.outcome == outcome


@pytest.mark.parametrize(
    ("means", "answer"), [("confirm", "confirmed"), ("deposit", "deposit"), ("refuse", "choose_another")]
)
def test_the_policy_says_what_a_failure_means(app, services, shop, means, answer):
    """Fail open, in between, or closed: the merchant's choice for each failure."""
    made.asks(services, shop, on={"error": means})
    assert made.select(app, shop, made.decided(app, shop, "Fehler")).json["answer"] == answer


def test_safe_methods_never_ask(app, services, shop):
    """Card with 3-D Secure and prepayment are confirmed without anybody's help."""
    decision = made.decided(app, shop)
    for method in ("stripe", "bacs"):
        told = made.select(app, shop, decision, method).json
        assert (told["answer"], told["bureau"]) == ("confirmed", None)
    assert not rows(services, shop, BureauRequest)


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        ({"kinds": ["sepa_debit"]}, "kind_not_asked"),
        ({"from_minor": 50_000}, "amount_not_asked"),
        ({"sample_percent": 0}, "not_sampled"),
    ],
)
def test_what_the_policy_does_not_ask_about_is_confirmed(app, services, shop, policy, reason):
    """Other kinds, small orders, orders outside the sample; the lot drawn stands in the record."""
    made.asks(services, shop, **policy)
    told = made.select(app, shop, made.decided(app, shop)).json
    assert (told["answer"], told["reasons"][0]["code"]) == ("confirmed", reason)
    (row,) = rows(services, shop, Selection)
    assert 0 <= json.loads(row.record)["situation"]["draw"] < 100
    assert not rows(services, shop, BureauRequest)


def test_asking_again_draws_no_other_lot(app, services, shop):
    """Who is in the sample stays in it this week, with another cart, another mailbox, another decision."""
    made.asks(services, shop, sample_percent=0)
    for number in range(6):
        buyer = {"first_name": "Nele", "last_name": "Neumann", "email": f"nele{number}@example.com"}
        decision = made.decided(app, shop, reference=f"cart-{number}", buyer=buyer)
        assert made.select(app, shop, decision).json["reasons"][0]["code"] == "not_sampled"
    assert len({json.loads(row.record)["situation"]["draw"] for row in rows(services, shop, Selection)}) == 1


def test_who_objects_after_the_menu_was_made_is_not_asked_about(app, services, shop):
    """Between menu and choice lies half an hour at most, and time enough to object."""
    decision = made.decided(app, shop)
    with services.db.transaction(shop.merchant_id) as session:
        session.execute(update(Buyer).values(objected_at=clock.now()))
    told = made.select(app, shop, decision).json
    assert (told["answer"], told["bureau"]["outcome"]) == ("choose_another", "no_consent")
    assert not rows(services, shop, BureauRequest)


def test_without_a_proof_nothing_is_asked(app, services, shop):
    """Neither told nor agreed: named, and the policy's answer to it."""
    told = made.select(app, shop, made.decided(app, shop), proof=None).json
    assert (told["answer"], told["bureau"]["outcome"]) == ("choose_another", "no_consent")
    assert not rows(services, shop, BureauRequest)


def test_the_proof_is_kept_with_the_text_the_buyer_saw(app, services, shop):
    """Kind, version and moment in the record; the address he came from sealed with his key."""
    made.select(app, shop, made.decided(app, shop))
    (row,) = rows(services, shop, Selection)
    proof = json.loads(row.record)["proof"]
    assert (proof["kind"], proof["text_version"]) == ("notice", "2026-11-de")
    assert row.ip_sealed
    assert "198.51.100.7" not in row.record


def test_a_birth_date_goes_to_the_bureau_and_nowhere_else(app, services, shop):
    """No table holds it, sealed or not."""
    made.select(app, shop, made.decided(app, shop), birth_date="1985-03-31")
    (row,) = rows(services, shop, Selection)
    assert "1985" not in row.record
    with services.db.transaction(shop.merchant_id) as session:
        (answer,) = session.scalars(select(BureauAnswer))
        assert b"1985" not in answer.sealed


def test_the_same_choice_gets_the_same_answer_and_pays_once(app, services, shop):
    """Sent again, with or without a key: same bytes, one call."""
    decision = made.decided(app, shop)
    answers = {made.select(app, shop, decision, headers={"Idempotency-Key": "k1"}).data for _ in range(2)}
    answers |= {made.select(app, shop, decision).data for _ in range(2)}
    assert len(answers) == 1
    assert len(rows(services, shop, BureauRequest)) == len(rows(services, shop, Selection)) == 1


def test_a_key_that_was_used_for_another_choice_is_refused_before_anything_is_paid(app, services, shop):
    """Same key, other content: 409."""
    decision = made.decided(app, shop)
    assert made.select(app, shop, decision, "bacs", headers={"Idempotency-Key": "k"}).status_code == 201
    told = made.select(app, shop, decision, "cheque", headers={"Idempotency-Key": "k"})
    assert (told.status_code, told.json["code"]) == (409, "idempotency-conflict")
    assert not rows(services, shop, BureauRequest)


def test_two_unsafe_methods_of_one_decision_share_one_call(app, services, shop):
    """The invoice was refused, then cash on delivery: the answer is on record, also where nothing is cached."""
    made.asks(services, shop, kinds=["invoice", "cash_on_delivery"], cache_days=0)
    decision = made.decided(app, shop, "Score100")
    assert made.select(app, shop, decision, "cheque").json["answer"] == "choose_another"
    assert made.select(app, shop, decision, "cod").json["answer"] == "choose_another"
    assert len(rows(services, shop, BureauRequest)) == 1


def test_an_answer_on_record_is_used_again_and_is_a_fact_of_the_next_decision(app, services, shop):
    """Within its lifetime nothing is paid again; score and age stand among the facts."""
    first = made.decided(app, shop, "Score700")
    assert first["missing"]["bureau"] == "no answer is on record"
    made.select(app, shop, first)
    second = made.decided(app, shop, "Score700", reference="cart-2")
    assert "bureau" not in second["missing"]
    (facts,) = [
        json.loads(row.record)["facts"]
        for row in rows(services, shop, Decision)
        if row.id == from_public("dec", second["id"])
    ]
    assert (facts["bureau_score"], facts["bureau_age_days"]) == (700, 0)
    told = made.select(app, shop, second).json
    assert told["bureau"] == {"name": "sandbox", "outcome": "scored", "reused": True}
    assert len(rows(services, shop, BureauRequest)) == 1


def test_a_buyer_who_asks_for_his_data_gets_what_a_bureau_said(app, services, shop):
    """Every question about him, and the score while it is kept (Art. 15 GDPR)."""
    decision = made.decided(app, shop, "Score700")
    made.select(app, shop, decision)
    (answer,) = rows(services, shop, BureauAnswer)
    with services.db.transaction(shop.merchant_id) as session:
        copy = copies.copy_of(session, services.keyring, answer.buyer_id, "en", clock.now())
    (told,) = copy["bureau_answers"]
    assert (told["bureau"], told["decision"], told["outcome"], told["score"]) == (
        "sandbox",
        decision["id"],
        "scored",
        700,
    )
    assert "Credit bureau sandbox: name and address" in copy["about"]["recipients"]
    (choice,) = copy["decisions"][0]["choices"]
    assert (choice["method"], choice["answer"], choice["bureau"]["outcome"]) == ("cheque", "confirmed", "scored")
    assert "Auskünfte über Sie" in copy_files.as_page(copy | {"language": "de"}).decode()


def test_an_answer_about_somebody_else_at_the_same_mailbox_is_none_about_him(app, services, shop):
    """Another name or address at one e-mail address is asked about anew."""
    buyer = {"email": "family@example.com", "first_name": "Nele"}
    made.select(app, shop, made.decided(app, shop, buyer=buyer | {"last_name": "Score700"}))
    other = made.decided(app, shop, buyer=buyer | {"last_name": "Score300"}, reference="cart-2")
    assert other["missing"]["bureau"] == "no answer is on record"
    assert made.select(app, shop, other).json["answer"] == "deposit"


def test_an_old_answer_is_asked_anew_and_deleted(app, services, shop):
    """After its days it is no fact any more, and the hourly chore removes it."""
    made.asks(services, shop, cache_days=10)
    made.select(app, shop, made.decided(app, shop, "Score700"))
    with time_machine.travel(clock.now() + timedelta(days=11)):
        later = made.decided(app, shop, "Score700", reference="cart-2")
        assert later["missing"]["bureau"] == "no answer is on record"
        with services.db.transaction(shop.merchant_id) as session:
            assert bureau_records.forget_expired(session, clock.now()) == 1
    assert not rows(services, shop, BureauAnswer)


def test_erasing_a_buyer_deletes_what_a_bureau_said_of_him(app, services, shop):
    """The answer goes with his key; that something was asked and paid stays."""
    made.select(app, shop, made.decided(app, shop))
    (answer,) = rows(services, shop, BureauAnswer)
    with services.db.transaction(shop.merchant_id) as session:
        erasure.erase(session, answer.buyer_id, clock.now(), [])
    assert not rows(services, shop, BureauAnswer)
    assert len(rows(services, shop, BureauRequest)) == 1


def test_the_budget_ends_the_asking_until_the_next_month(app, services, shop):
    """Two calls fit, the third does not; the first of the month begins anew."""
    made.asks(services, shop, budget_minor_per_month=130, on={"budget": "refuse"})
    with time_machine.travel(datetime(2026, 11, 24, 9, 20, tzinfo=UTC)):
        outcomes = [
            made.select(app, shop, made.decided(app, shop, name)).json["bureau"]["outcome"]
            for name in ("Score901", "Score902", "Score903")
        ]
    assert outcomes == ["scored", "scored", "budget"]
    with time_machine.travel(datetime(2026, 12, 1, 9, 20, tzinfo=UTC)):
        assert made.select(app, shop, made.decided(app, shop, "Score904")).json["bureau"]["outcome"] == "scored"
    with services.db.transaction(shop.merchant_id) as session:
        months = bureau_records.months(session, clock.now())
    assert [(each.calls, each.cost_minor) for each in months] == [(1, 65), (2, 130)]


def test_a_bureau_that_asks_to_wait_is_waited_for(app, services, shop):
    """Retry-After of five seconds: nobody asks before, the outcome says why."""
    with time_machine.travel(datetime(2026, 11, 24, 9, 20, tzinfo=UTC), tick=False) as now:
        assert made.select(app, shop, made.decided(app, shop, "Gedrosselt")).json["bureau"]["outcome"] == "rate_limited"
        assert made.select(app, shop, made.decided(app, shop, "Score901")).json["bureau"]["outcome"] == "rate_limited"
        assert len(rows(services, shop, BureauRequest)) == 1
        now.shift(6)
        assert made.select(app, shop, made.decided(app, shop, "Score902")).json["bureau"]["outcome"] == "scored"


def test_a_broken_bureau_is_left_alone_and_tried_again_by_one(app, services, shop):
    """Five failures in a row: no call for thirty seconds; then a probe, which may open or close the way."""

    def outcome(name, postcode="20099"):
        told = made.select(app, shop, made.decided(app, shop, name, postcode)).json
        assert "bureau" in told, told
        return told["bureau"]["outcome"]

    with time_machine.travel(datetime(2026, 11, 24, 9, 20, tzinfo=UTC), tick=False) as now:
        assert {outcome(f"Fail{n}", "99902") for n in range(5)} == {"error"}
        assert outcome("Score901") == "circuit_open"
        now.shift(31)
        assert outcome("Probe", "99902") == "error"
        assert outcome("Score902") == "circuit_open"
        now.shift(31)
        assert outcome("Score903") == "scored"
        assert outcome("Score904") == "scored"


def test_a_call_that_died_with_its_process_is_visible_counted_and_not_made_again(app, services, shop):
    """Reserved, then the lights went out: the next choice is answered as a time-out, and nothing is paid twice."""
    decision = made.decided(app, shop)
    with services.db.transaction(shop.merchant_id) as session:
        wanted = bureau_records.Wanted(
            decision_id=from_public("dec", decision["id"]),
            shop_id=shop.shop_id,
            buyer_id=None,
            bureau="sandbox",
            bureau_version=1,
            deadline_ms=600,
            cost_minor=65,
            currency="EUR",
            budget_minor=None,
        )
        bureau_records.reserve(session, wanted, clock.now() - timedelta(seconds=20))
        (month,) = bureau_records.months(session, clock.now())
        assert (month.calls, month.cost_minor, month.lost) == (1, 65, 1)
    told = made.select(app, shop, decision).json
    assert told["bureau"]["outcome"] == "timeout"
    assert len(rows(services, shop, BureauRequest)) == 1


def test_without_a_bureau_the_policy_still_has_an_answer(app, services):
    """A policy that asks, and nobody to ask: an error like any other."""
    world = a_world(services)
    made.asks(services, world, on={"error": "confirm"})
    told = made.select(app, world, made.decided(app, world)).json
    assert (told["answer"], told["bureau"]["name"], told["bureau"]["outcome"]) == ("confirmed", "", "error")


def test_a_test_shop_asks_only_what_stays_on_this_machine(app, services):
    """Nothing of a test shop leaves; a bureau outside cannot even be saved for it."""
    world = a_world(services, live=False)
    made.asks(services, world)
    made.connect(services, world, live=False)
    assert made.select(app, world, made.decided(app, world, "Score700")).json["bureau"]["outcome"] == "scored"
    live = a_world(services)
    made.asks(services, live)
    made.connect(services, live, live=False)
    assert made.select(app, live, made.decided(app, live, "Score700")).json["bureau"]["outcome"] == "error"


def test_a_decision_that_is_too_old_is_refused_by_name(app, services, shop):
    """Half an hour: ask again. What was answered before is answered again."""
    decision = made.decided(app, shop)
    before = made.select(app, shop, decision).data
    with time_machine.travel(clock.now() + timedelta(minutes=31)):
        told = made.select(app, shop, decision, "bacs")
        assert (told.status_code, told.json["code"]) == (409, "decision-expired")
        assert made.select(app, shop, decision).data == before


def test_another_order_than_the_decided_one_is_refused_by_name(app, services, shop):
    """Total or currency changed: `differs` says which."""
    decision = made.decided(app, shop)
    told = made.select(app, shop, decision, total_minor=decision["total_minor"] + 1, currency="CHF")
    assert (told.status_code, told.json["code"]) == (409, "order-differs")
    assert told.json["differs"] == ["total_minor", "currency"]


def test_a_method_that_was_not_offered_cannot_be_chosen(app, services, shop):
    """Unknown: 422 at its place. Known and hidden: 409."""
    decision = made.decided(app, shop, total_minor=200_000, items=[])
    unknown = made.select(app, shop, decision, "bitcoin")
    assert (unknown.status_code, unknown.json["errors"][0]["path"]) == (422, "/method")
    hidden = made.select(app, shop, decision, "cheque")
    assert (hidden.status_code, hidden.json["code"]) == (409, "method-not-offered")


def test_a_decision_of_another_shop_is_unknown(app, services, shop):
    """404, whoever has the key."""
    other = a_world(services)
    told = made.select(app, other, made.decided(app, shop))
    assert (told.status_code, told.json["code"]) == (404, "decision-unknown")
    assert made.select(app, shop, {"id": "dec_x", "total_minor": 1, "currency": "EUR"}).status_code == 404


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"method": ""}, "/method"),
        ({"total_minor": "1"}, "/total_minor"),
        ({"proof": made.NOTICE | {"kind": "maybe"}}, "/proof/kind"),
        ({"proof": made.NOTICE | {"at": "2026-11-24"}}, "/proof/at"),
        ({"proof": made.NOTICE | {"at": "2026-11-24T10:15:00"}}, "/proof/at"),
        ({"proof": made.NOTICE | {"at": "2098-11-24T10:15:00Z"}}, "/proof/at"),
        ({"proof": made.NOTICE | {"ip": "here"}}, "/proof/ip"),
        ({"birth_date": "31.03.1985"}, "/birth_date"),
        ({"score": 900}, "/score"),
    ],
)
def test_mistyped_choices_are_refused_at_their_place(app, services, shop, change, path):
    """The offending path as JSON pointer; nothing is recorded."""
    told = made.select(app, shop, made.decided(app, shop), **change)
    assert told.status_code == 422, told.json
    assert path in {fault["path"] for fault in told.json["errors"]}
    assert not rows(services, shop, Selection)


def test_a_selection_can_be_settled_again_from_its_own_row(app, services, shop):
    """What decided stands in the record; the digest covers it and the decision before it."""
    for name, method in (("Score900", "cheque"), ("Score300", "cheque"), ("Fehler", "cheque"), ("Neumann", "bacs")):
        made.select(app, shop, made.decided(app, shop, name), method)
    found = rows(services, shop, Selection)
    assert len(found) == 4
    for row in found:
        record = json.loads(row.record)
        assert selection_records.replay(record) == record["verdict"]
        assert selection_records.digest(row) == row.digest
        (decision,) = rows(services, shop, Decision, id=row.decision_id)
        assert row.decision_digest == decision.digest


def test_somebody_nobody_can_name_is_not_asked_about(app, services, shop):
    """Without e-mail and phone nothing is kept of the buyer, so there is nobody to ask about."""
    made.asks(services, shop, on={"no_hit": "deposit"})
    question = a_question(buyer={"last_name": "Neumann"})
    decision = app.test_client().post("/v1/decisions", json=question, headers=shop.auth).json
    told = made.select(app, shop, decision).json
    assert (told["answer"], told["bureau"]["outcome"]) == ("deposit", "no_hit")
    assert not rows(services, shop, BureauRequest)


def test_a_bureau_that_was_removed_is_not_asked(app, services, shop):
    """After `remove` nobody is asked, and the secret is gone."""
    with services.db.transaction(shop.merchant_id) as session:
        bureaus.remove(session, "sandbox", "test", clock.now())
        assert bureaus.list_bureaus(session) == []
    assert made.select(app, shop, made.decided(app, shop)).json["bureau"]["outcome"] == "error"


def test_the_desk_shows_what_the_buyer_chose(app, services):
    """Answer, reasons, bureau and proof beside the decision."""
    world, visitor = signed_in(app, services)
    made.asks(services, world)
    made.connect(services, world)
    decision = made.decided(app, world, "Score300")
    assert "Was der Käufer gewählt hat" not in visitor.get(f"/admin/decisions/{decision['id']}").text
    made.select(app, world, decision)
    page = visitor.get(f"/admin/decisions/{decision['id']}").text
    for words in ("Was der Käufer gewählt hat", "mit Anzahlung", "30 %", "sandbox", "Hinweis", "2026-11-de"):
        assert words in page
    assert "es liegt keine Auskunft vor" in page  # the fact was not known when it was decided


def test_selections_are_part_of_what_the_audit_proves(app, services, shop):
    """Anchored by the hour with their digests, like the decisions before them."""
    made.select(app, shop, made.decided(app, shop))
    with services.db.transaction(shop.merchant_id) as session:
        trail = wiring.trail(services)
        anchor(session, trail, clock.now() + timedelta(hours=1))
        report = verify(session, trail)
    assert report.faults == []
    assert report.origins == 3  # the policy, the decision, the selection
