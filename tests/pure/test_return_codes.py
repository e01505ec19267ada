"""Reason codes of returned direct debits: what each means for what comes next."""

import pytest

from gateway.payments.return_codes import Dunning, classify, is_code, table


def test_only_a_told_lack_of_funds_may_be_called_so():
    """MS03 hides many reasons; nobody is told that he had no money because his bank said nothing."""
    assert [code for code, row in table().items() if row.may_say_funds] == ["AM04"]
    assert (classify("MS03").dunning, classify("MS03").may_say_funds) == (Dunning.UNKNOWN, False)


def test_a_death_stops_everything_and_only_it_does():
    """No debit, no letter."""
    assert [code for code, row in table().items() if row.dunning is Dunning.STOP] == ["MD07"]
    assert not classify("MD07").redebit


def test_a_mandate_that_may_not_exist_has_to_be_proven():
    """And is not debited again."""
    assert (classify("MD01").dunning, classify("MD01").redebit) == (Dunning.MANDATE, False)
    assert [code for code, row in table().items() if row.needs_mandate_proof] == ["MD01"]


@pytest.mark.parametrize(("code", "dunning"), [("", Dunning.UNKNOWN), ("ZZ99", Dunning.MANUAL)])
def test_a_code_that_nobody_knows_is_never_acted_upon(code, dunning):
    """Somebody looks at it; nothing is debited again."""
    assert (classify(code).dunning, classify(code).redebit) == (dunning, False)


def test_where_there_is_no_code_the_providers_word_decides_and_is_repeated_to_nobody():
    """It decides what comes next; no letter speaks of a lack of funds because of it."""
    told = classify("", "insufficient_funds")
    assert (told.dunning, told.redebit, told.may_say_funds) == (Dunning.RETRY, False, False)
    assert classify("MD07", "insufficient_funds").dunning is Dunning.STOP
    assert classify("", "something else").dunning is Dunning.UNKNOWN


def test_every_row_has_the_form_of_a_code_and_says_how_certain_it_is():
    """What stands on somebody else's page or in memory is marked."""
    assert all(is_code(code) and row.certainty in ("vendor", "third", "memory") for code, row in table().items())
    assert all(row.source for row in table().values() if row.certainty == "vendor")
    assert not is_code("AM4")
