"""Who is taken for whom: normal forms of e-mail, phone and address, and their blind indexes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.shops.identity import (
    Address,
    Identity,
    digests,
    email_root,
    identifying,
    normal_address,
    normal_email,
    normal_phone,
    normal_street,
)

KEY = b"k" * 32


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("Ada@Example.COM", "ada@example.com"),
        (" ada@example.com. ", "ada@example.com"),
        ("ada@STRASSE.de", "ada@strasse.de"),
        ("ada@bücher.de", "ada@xn--bcher-kva.de"),
        ("no address", ""),
        ("@example.com", ""),
        ("", ""),
    ],
)
def test_an_email_address_is_one_however_it_is_written(written, normal):
    """Case, blanks and the form of the domain do not make another buyer."""
    assert normal_email(written) == normal


@pytest.mark.parametrize(
    ("email", "root"),
    [
        ("ada+shop@example.com", "ada@example.com"),
        ("a.d.a+x@googlemail.com", "ada@gmail.com"),
        ("a.d.a@example.com", "a.d.a@example.com"),
        ("+tag@example.com", "+tag@example.com"),
        ("", ""),
    ],
)
def test_tags_and_ignored_dots_lead_to_one_mailbox(email, root):
    """The mailbox links orders; it does not identify the buyer."""
    assert email_root(email) == root


@pytest.mark.parametrize(
    ("written", "country", "normal"),
    [
        ("030 123456", "DE", "+4930123456"),
        ("+49 (0)30 / 12 34 56", "DE", "+4930123456"),
        ("0049 30 123456", "AT", "+4930123456"),
        ("044 668 18 00", "CH", "+41446681800"),
        ("030 123456", "", ""),
        ("030 123456", "XX", ""),
        ("12", "DE", ""),
        ("call me", "DE", ""),
        ("", "DE", ""),
    ],
)
def test_a_phone_number_is_read_as_of_the_country_of_the_address(written, country, normal):
    """What is no valid number there identifies nobody."""
    assert normal_phone(written, country) == normal


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Lange Straße 7", "LANGE STR. 7"),
        ("Lange Strasse 7", "Lange Str 7"),
        ("Königsallee 12 a", "Koenigsallee 12A"),
        ("Potsdamer Platz 1", "Potsdamer Pl. 1"),
        ("Straße des 17. Juni 135", "Str. des 17 Juni 135"),
        ("Rue de l'Église 3", "rue de l eglise 3"),
        ("Hauptstr.1-3", "Hauptstraße 1 - 3"),
    ],
)
def test_a_street_is_one_however_it_is_spelled(one, other):
    """Shops send what people type."""
    assert normal_street(one) == normal_street(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Hauptstr. 1-3", "Hauptstr. 13"), ("Hauptstr. 1", "Hauptstr. 1a"), ("Str. 17 3", "Str. 173")],
)
def test_house_numbers_are_not_run_together(one, other):
    """Houses 1 to 3 are not house 13."""
    assert normal_street(one) != normal_street(other)


def test_a_house_number_in_the_second_line_is_found():
    """Some shops ask for it in a field of its own; other second lines are left out."""
    split = Address(line1="Lange Reihe", line2="7", postcode="20099", country="DE")
    whole = Address(line1="Lange Reihe 7", line2="c/o Byron", postcode="20099", country="DE")
    assert normal_address(split) == normal_address(whole) == "DE|20099|langereihe7"


def test_without_street_or_postcode_there_is_no_address():
    """Half an address would link strangers."""
    assert normal_address(Address(postcode="20099", country="DE")) == ""
    assert normal_address(Address(line1="Lange Reihe 7", country="DE")) == ""


def test_test_data_never_meets_live_data():
    """The mode is part of what is hashed."""
    ada = Identity(email="ada@example.com", phone="+4930123456", billing=Address("Lange Reihe 7", "", "20099"))
    live, test = digests(KEY, live=True, identity=ada), digests(KEY, live=False, identity=ada)
    assert live.keys() == test.keys()
    assert not set(live.values()) & set(test.values())


def test_a_delivery_address_is_found_by_the_same_billing_address():
    """One order's delivery address may be another's billing address."""
    home = Address("Lange Reihe 7", "", "20099", "Hamburg", "DE")
    found = digests(KEY, live=True, identity=Identity(billing=home, delivery=home))
    assert found["billing"] == found["delivery"]


def test_a_buyer_is_his_email_address_and_without_one_his_phone():
    """An address alone identifies nobody."""
    home = Address("Lange Reihe 7", "", "20099", "Hamburg", "DE")
    both = digests(KEY, live=True, identity=Identity("ada@example.com", "030 123456", home))
    assert identifying(both) == ("email", both["email"])
    phone = digests(KEY, live=True, identity=Identity("", "030 123456", home))
    assert identifying(phone) == ("phone", phone["phone"])
    assert identifying(digests(KEY, live=True, identity=Identity(billing=home))) is None


@given(
    st.builds(
        Identity,
        st.text(max_size=30),
        st.text(max_size=20),
        st.builds(Address, st.text(), st.text(), st.text(), st.text(), st.text(max_size=2)),
    )
)
def test_whatever_is_typed_has_an_identity_or_none_but_never_an_error(typed):
    """A checkout must not break on a strange name of a street."""
    assert all(len(digest) == 16 for digest in digests(KEY, live=True, identity=typed).values())
