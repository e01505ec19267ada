"""Objections: what they stop, how they end, and what is written down about them."""

from datetime import timedelta

import pytest

from gateway.core import clock
from gateway.core.errors import Invalid, Refused
from gateway.core.ids import new_id
from gateway.receivables import claims, debtor_words, objections
from gateway.receivables.agreement_models import Objection
from gateway.receivables.debtor_words import Feedback
from gateway.receivables.letter_models import Letter
from gateway.receivables.models import ClaimHold
from gateway.receivables.objections import AlreadyObjected, NewObjection, ObjectionUnknown, Verdict
from tests.builders import a_world
from tests.debtors import Debtor


@pytest.fixture
def debtor(services):
    return Debtor(services, a_world(services))


@pytest.fixture
def claim_id(debtor):
    return debtor.owes()


def lodge(debtor, claim_id, **more):
    told = {"category": "defective", "raised_by": "key:test", "channel": "api"} | more
    with debtor.transaction() as session:
        return objections.lodge(session, debtor.services.keyring, NewObjection(claim_id, **told), clock.now()).id


def decide(debtor, objection_id, outcome, credit_minor=None, finding="unclear"):
    verdict = Verdict(outcome, "So ist es.", finding, "Gründe", "user:test", credit_minor)
    with debtor.transaction() as session:
        objections.decide(session, debtor.services.keyring, objection_id, verdict, clock.now())


def test_a_rejected_objection_gives_time_before_dunning_goes_on(debtor, claim_id):
    """The claim is owed again, a hold runs for two weeks, the debtor has both letters."""
    objection_id = lodge(debtor, claim_id)
    assert debtor.claim(claim_id).state == "DISPUTED"
    decide(debtor, objection_id, "rejected", finding="pretext")
    hold = debtor.rows(ClaimHold)[0]
    assert debtor.claim(claim_id).state == "DUNNING"
    assert (hold.reason, hold.until_on - hold.from_on) == ("pause", timedelta(days=14))
    assert [row.kind for row in debtor.rows(Letter)] == ["objection_received", "objection_answer"]
    assert debtor.rows(Objection)[0].finding == "pretext"


def test_an_accepted_objection_credits_everything_and_the_claim_is_settled(debtor, claim_id):
    """From the start: the interest that was built on it goes too."""
    decide(debtor, lodge(debtor, claim_id), "accepted", finding="justified")
    claim = debtor.claim(claim_id)
    assert (claim.state, claim.principal_minor, claim.interest_minor) == ("SETTLED", 0, 0)


def test_an_objection_accepted_in_part_leaves_the_rest(debtor, claim_id):
    """50 EUR of 124.90."""
    decide(debtor, lodge(debtor, claim_id, amount_minor=5000), "accepted", 5000, "partly")
    claim = debtor.claim(claim_id)
    assert (claim.state, claim.principal_minor) == ("DUNNING", 7490)
    assert debtor.rows(Objection)[0].credit_minor == 5000


def test_more_than_was_owed_cannot_be_credited(debtor, claim_id):
    """And the objection stays open."""
    objection_id = lodge(debtor, claim_id)
    with pytest.raises(Refused):
        decide(debtor, objection_id, "accepted", 99_999_999)
    assert debtor.rows(Objection)[0].state == "OPEN"


def test_one_objection_at_a_time(debtor, claim_id):
    """The answer to the first comes first; an answer is given once."""
    objection_id = lodge(debtor, claim_id)
    with pytest.raises(AlreadyObjected):
        lodge(debtor, claim_id)
    decide(debtor, objection_id, "rejected")
    with pytest.raises(Refused):
        decide(debtor, objection_id, "accepted")
    assert lodge(debtor, claim_id)


@pytest.mark.parametrize(
    "wrong",
    [{"category": "taste"}, {"amount_minor": 0}, {"amount_minor": 10**9}, {"words": "x" * 4001}, {"channel": "owl"}],
)
def test_what_cannot_be_is_refused_and_nothing_changes(debtor, claim_id, wrong):
    """Unknown category or channel, an amount beyond the debt, a novel."""
    with pytest.raises(Invalid):
        lodge(debtor, claim_id, **wrong)
    assert debtor.claim(claim_id).state == "OPEN"
    assert not debtor.rows(Letter)


def test_an_objection_without_grounds_is_not_decided(debtor, claim_id):
    """Whether it was justified must be said, and why."""
    objection_id = lodge(debtor, claim_id)
    verdict = Verdict("rejected", "Nein.", "unclear", "  ", "user:test")
    with debtor.transaction() as session, pytest.raises(Invalid):
        objections.decide(session, debtor.services.keyring, objection_id, verdict, clock.now())


def test_another_merchant_sees_none_of_it(services, debtor, claim_id):
    """Row-level security and a clear answer."""
    objection_id = lodge(debtor, claim_id)
    with services.db.transaction(a_world(services).merchant_id) as session:
        assert objections.count_open(session) == 0
        with pytest.raises(ObjectionUnknown):
            objections.get(session, services.keyring, objection_id)
        with pytest.raises(claims.ClaimUnknown):
            claims.get(session, claim_id)


def test_feedback_is_summed(services, debtor, claim_id):
    """Grades counted, the mean in tenths, words readable while the buyer's key lives."""
    with debtor.transaction() as session:
        for grade in (5, 4, 2):
            debtor_words.give_feedback(session, services.keyring, Feedback(debtor.buyer_id, grade, "gut"), clock.now())
        summed = debtor_words.summary(session, services.keyring, clock.now() - timedelta(days=1))
        assert (summed.count, summed.tenths, len(summed.words)) == (3, 37, 3)
        with pytest.raises(Invalid):
            debtor_words.give_feedback(session, services.keyring, Feedback(debtor.buyer_id, 0), clock.now())
        with pytest.raises(ObjectionUnknown):
            objections.get(session, services.keyring, new_id())
