"""An explanation says what was used, in which direction, and what would really have changed the result."""

import json
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.checkout import documents, explain_texts, records
from gateway.checkout.explain import Told, explain, group_of, subject_of
from gateway.checkout.methods import KINDS, Method
from gateway.checkout.policy import Case, choose
from gateway.checkout.records import Judged
from gateway.checkout.whatif import what_ifs
from gateway.risk import card as cards
from gateway.risk.facts import CATALOGUE, Facts
from gateway.risk.score import score

METHODS = (Method("cheque", "invoice"), Method("cod", "cash_on_delivery"), Method("bacs", "prepayment"))
CLEAN = {
    "country": "DE",
    "b2b": False,
    "guest": False,
    "email_given": True,
    "phone_given": True,
    "email_disposable": False,
}
KNOWN = {"known_buyer": True, "orders": 3, "paid_orders": 3, "open_minor": 0, "overdue_minor": 0, "overdue_days": 0}


def decided(policy=None, **facts):
    """A record with the one who can decide it again, by the shipped documents."""
    body = documents.DEFAULT_CHECKOUT | (policy or {})
    compiled = documents.compile_policy(body, 1), documents.compile_economics({}, 0)
    known = Facts("EUR", facts.pop("total_minor", 12_000), **(CLEAN | KNOWN | facts))
    case = Case(known, score(cards.expert(), known), METHODS, compiled[1], compiled[0], holds_orders=True)
    record = json.loads(records.to_text(records.to_dict(Judged(case, choose(case)), cards.expert())))
    decide = partial(records.replay, card=cards.expert(), case_policy=compiled[0], economics=compiled[1])
    rules = {rule.id: rule.condition.facts for rule in compiled[0].rules}
    return Told(record, decide, rules)


def facts_of(told, language="de"):
    return {fact["fact"]: fact for group in explain(told, language)["groups"] for fact in group["facts"]}


def codes(told):
    return {one.code: one for one in what_ifs(told.record, told.decide)}


def test_an_overdue_invoice_spoke_against_and_paying_it_would_have_helped():
    """The amount stands in the sentence, and the method that comes back."""
    told = decided(overdue_minor=30_000, overdue_days=60, open_minor=30_000)
    assert facts_of(told)["overdue_days"]["direction"] == "against"
    assert facts_of(told)["paid_orders"]["direction"] == "for"
    change = codes(told)["overdue_paid"]
    assert "cheque" in change.methods
    said = [one["text"] for one in explain(told, "de")["what_would_change"] if one["code"] == "overdue_paid"]
    assert said[0].startswith("Sobald die überfälligen 300,00\N{NO-BREAK SPACE}€ bezahlt sind: ")
    assert "Rechnung" in said[0]


@pytest.mark.parametrize("limit", [9_999, 10_000, 25_000, 59_999])
def test_the_largest_order_that_would_have_had_a_method_is_found(limit):
    """Five euros more and it is gone again: that is what deciding again says, too."""
    told = decided({"methods": {"invoice": {"max_minor": limit}}}, total_minor=60_000, orders=12, paid_orders=12)
    amount = next(one for one in what_ifs(told.record, told.decide) if one.code == "amount" and "cheque" in one.methods)
    assert amount.code == "amount"
    assert limit - 500 < amount.value <= limit


def test_every_change_named_shows_the_method_when_it_is_decided_again():
    """No promise that the policy would not keep."""
    told = decided(same_address=False, same_country=False, parcel_locker=True, email_disposable=True, guest=True)
    found = codes(told)
    assert found
    changed = {"same_address": {"same_address": True, "same_country": True, "parcel_locker": False}}
    changed |= {"lasting_email": {"email_disposable": False}, "account": {"guest": False}}
    for code, facts in changed.items():
        again = told.decide({**told.record, "facts": told.record["facts"] | facts})
        shown = {offer["method"] for offer in again["choice"]["offers"] if offer["show"]}
        assert found[code].methods.keys() <= shown if code in found else True


def test_what_a_buyer_cannot_or_must_not_influence_is_never_proposed():
    """Nobody learns how to get around the counters, the lists or the hour."""
    told = decided(listed="block", email_24h=9, ip_1h=99, local_hour=3)
    assert what_ifs(told.record, told.decide) == []
    often = decided(email_24h=9, ip_1h=99, local_hour=3, paid_orders=0, orders=0, days_known=0)
    assert not {"email_24h", "ip_1h", "local_hour", "listed"} & codes(often).keys()


def test_counters_are_told_without_figures_and_windows():
    """Whether it was unusual, per subject."""
    facts = facts_of(decided(email_1h=5, email_24h=9, email_30d=9, ip_24h=1))
    assert facts["often_email"]["value"] == "häufiger als üblich"
    assert facts["often_email"]["direction"] == "against"
    assert facts["often_ip"]["value"] == "nicht auffällig"
    assert not any(name.endswith(("_1h", "_24h", "_30d")) for name in facts)


def test_an_entry_of_the_lists_is_told_and_who_made_it_is_not():
    """Rank 1, and a way to have it checked."""
    told = decided(listed="block")
    fact = facts_of(told)["listed"]
    assert (fact["direction"], fact["rank"]) == ("against", 1)
    reasons = {
        reason["code"]: reason["text"] for method in explain(told, "en")["methods"] for reason in method["reasons"]
    }
    assert "have the entry checked" in reasons["blocked"]


def test_ranks_are_one_two_three_and_only_for_what_moved_something():
    """The strongest of the stored reasons comes first."""
    facts = facts_of(decided(email_disposable=True, guest=True, paid_orders=0, orders=0, days_known=0))
    ranked = sorted((fact["rank"], name) for name, fact in facts.items() if fact["rank"])
    assert [rank for rank, _ in ranked] == list(range(1, len(ranked) + 1))
    assert ranked[0][1] == "email_disposable"
    assert all((fact["rank"] is None) == (fact["direction"] == "none") for fact in facts.values())


def test_a_rule_is_told_by_what_it_looks_at():
    """Not by its id, nor by its figures."""
    rule = {
        "id": "secret-17",
        "when": {
            "rules": [{"field": "items", "operator": ">", "value": 2}, {"field": "ip_1h", "operator": ">", "value": 3}]
        },
        "then": {"action": "hide", "kinds": ["invoice"]},
    }
    told = decided({"rules": [rule]}, items=7, ip_1h=9)
    invoice = next(method for method in explain(told, "de")["methods"] if method["method"] == "cheque")
    said = [reason["text"] for reason in invoice["reasons"] if reason["code"] == "rule"]
    assert said == ["Eine Regel des Shops trifft zu. Sie betrachtet: Positionen, über diesen Internetanschluss."]
    assert "secret-17" not in json.dumps(explain(told, "de"))


def test_without_its_card_a_decision_is_explained_by_what_was_stored():
    """No what-ifs then, and the answer says so."""
    told = decided(email_disposable=True)
    explained = explain(Told(told.record), "en")
    assert (explained["recomputed"], explained["what_would_change"]) == (False, [])
    assert {f["direction"] for g in explained["groups"] for f in g["facts"] if f["fact"] == "email_disposable"} == {
        "against"
    }


def test_a_decision_after_an_objection_says_that_nobody_was_assessed():
    """Only the basket was used."""
    body = documents.compile_policy(documents.DEFAULT_CHECKOUT, 0)
    known = Facts("EUR", 12_000, country="DE", missing={"profiling": "x", "history": "x", "velocity": "x"})
    case = Case(
        known, score(cards.expert(), known), METHODS, documents.compile_economics({}, 0), body, holds_orders=True
    )
    chosen = choose(case)
    assert [(offer.method.id, offer.show) for offer in chosen.offers] == [
        ("bacs", True),
        ("cheque", False),
        ("cod", False),
    ]
    assert all(offer.reasons == ("objection",) for offer in chosen.offers if not offer.show)
    record = records.to_dict(Judged(case, chosen), cards.expert())
    explained = explain(Told(record), "de")
    assert "Sie haben der Bewertung widersprochen" in json.dumps(explained, ensure_ascii=False)
    assert any("Weil Sie widersprochen haben" in text for text in explained["principles"])


def test_every_word_is_there_in_both_languages():
    """Each table has two texts for each code, and no reason of the policy is without one."""
    tables = (explain_texts.GROUPS, explain_texts.MISSING, explain_texts.REASONS, explain_texts.WHAT_IFS)
    for table in (*tables, explain_texts.SUBJECTS, explain_texts.DIRECTIONS):
        for code, (german, english) in table.items():
            assert german, code
            assert english, code
            assert german != english, code
    for kind in KINDS:
        assert explain_texts.kind(kind, "de")
    assert explain_texts.reason("a-code-of-tomorrow", "de").startswith("Eine weitere Prüfung")


@pytest.mark.parametrize(
    ("fact", "said"),
    [
        ("email_24h", "mit dieser E-Mail-Adresse"),
        ("declines_ip_10m", "Zahlungsversuche über diesen Internetanschluss"),
        ("small_amounts_handle_1h", "Zahlungsversuche mit diesem Zahlungsmittel"),
        ("things_of_tomorrow_7d", "Zahlungsversuche mit weiteren Merkmalen dieser Bestellung"),
    ],
)
def test_whatever_is_counted_is_told_by_its_subject(fact, said):
    """Also a counter that this version does not know: never its window."""
    assert group_of(fact) == "velocity"
    assert explain_texts.subject(subject_of(fact), "de") == said


def test_every_fact_of_the_catalogue_has_a_group():
    """A new fact without one is told under a heading of its own, never lost."""
    assert {group_of(name) for name in CATALOGUE} <= set(explain_texts.GROUPS)


FACTS = st.fixed_dictionaries(
    {},
    optional={
        "total_minor": st.integers(0, 10**9),
        "paid_orders": st.integers(0, 50),
        "open_minor": st.integers(0, 10**7),
        "overdue_minor": st.integers(0, 10**7),
        "overdue_days": st.integers(0, 2000),
        "same_address": st.none() | st.booleans(),
        "parcel_locker": st.booleans(),
        "email_24h": st.integers(0, 1000),
        "gift_card_percent": st.integers(0, 100),
        "listed": st.sampled_from(["block", "allow"]),
    },
)


def test_what_others_owe_is_told_to_nobody_by_the_cent():
    """Who types somebody's phone number into a checkout learns that something weighed against him, and no amount."""
    told = decided(orders=0, paid_orders=0, known_buyer=False, open_minor=29_913, overdue_minor=29_913, overdue_days=61)
    said = json.dumps(explain(told, "en")) + json.dumps(explain(told, "de"))
    assert "299.13" not in said
    assert "299,13" not in said
    assert "61" not in said
    assert "at the same phone or address" in said


@given(FACTS)
def test_any_decision_can_be_explained(facts):
    """In both languages, as JSON, and every what-if names methods of the question."""
    told = decided(**facts)
    for language in ("de", "en"):
        json.dumps(explain(told, language), allow_nan=False)
    assert all(one.methods.keys() <= {method.id for method in METHODS} for one in what_ifs(told.record, told.decide))
