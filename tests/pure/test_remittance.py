"""References and the GiroCode: examples of the standards, and what must be refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import GatewayError
from gateway.core.remittance import Transfer, epc_payload, epc_svg, is_qrr, is_rf, qr_reference, rf_reference

IBAN = "DE89 3704 0044 0532 0130 00"


def a_transfer(**overrides) -> Transfer:
    return Transfer(**({"name": "Muster GmbH", "iban": IBAN, "amount_minor": 1230, "currency": "EUR"} | overrides))


def test_the_creditor_reference_of_the_standards_example():
    """RF18 5390 0754 7034 is the example of ISO 11649 in the Finnish and EPC papers."""
    assert rf_reference("539007547034") == "RF18539007547034"
    assert is_rf("RF18 5390 0754 7034")
    assert is_rf("rf18539007547034")
    assert not is_rf("RF19539007547034")


def test_the_swiss_reference_of_the_guidelines_example():
    """21 00000 00003 13947 14300 09017, SIX Implementation Guidelines."""
    assert qr_reference("21000000000313947143000901") == "210000000003139471430009017"
    assert is_qrr("21 00000 00003 13947 14300 09017")
    assert not is_qrr("210000000003139471430009018")
    assert not is_qrr("0" * 27)


@given(st.text("ABCXYZ0123456789", min_size=1, max_size=21))
def test_every_base_makes_a_creditor_reference_that_holds(base):
    assert is_rf(rf_reference(base))


@given(st.integers(1, 10**26 - 1))
def test_every_base_makes_a_swiss_reference_that_no_single_slip_survives(number):
    made = qr_reference(str(number))
    slipped = made[:-2] + str((int(made[-2]) + 1) % 10) + made[-1]
    assert is_qrr(made)
    assert not is_qrr(slipped)


@pytest.mark.parametrize("base", ["", "A" * 22, "INV-1", "Ä1", "٣"])
def test_a_base_that_no_creditor_reference_can_carry_is_refused(base):
    with pytest.raises(GatewayError) as caught:
        rf_reference(base)
    assert caught.value.code == "invalid-input"


@pytest.mark.parametrize("base", ["", "1" * 27, "12a", "000", "²"])
def test_a_base_that_no_swiss_reference_can_carry_is_refused(base):
    with pytest.raises(GatewayError) as caught:
        qr_reference(base)
    assert caught.value.code == "invalid-input"


def test_a_girocode_has_the_lines_of_the_standard():
    assert epc_payload(a_transfer(text="Rechnung 4711")).split("\n") == [
        "BCD",
        "002",
        "1",
        "SCT",
        "",
        "Muster GmbH",
        "DE89370400440532013000",
        "EUR12.30",
        "",
        "",
        "Rechnung 4711",
    ]


def test_a_structured_reference_stands_in_the_tenth_line_and_ends_the_code():
    lines = epc_payload(a_transfer(reference="RF18 5390 0754 7034")).split("\n")
    assert lines[9:] == ["RF18539007547034"]


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"currency": "CHF"}, "invalid-input"),
        ({"amount_minor": 0}, "invalid-input"),
        ({"amount_minor": 10**11}, "invalid-input"),
        ({"name": ""}, "invalid-input"),
        ({"name": "x" * 71}, "invalid-input"),
        ({"name": "two\nlines"}, "invalid-input"),
        ({"text": "x" * 141}, "invalid-input"),
        ({"text": "€" * 140}, "invalid-input"),
        ({"text": "a\u2028b"}, "invalid-input"),
        ({"iban": "DE88370400440532013000"}, "invalid-input"),
        ({"reference": "4711"}, "invalid-input"),
        ({"reference": "RF18539007547034", "text": "and a text"}, "contradictory-input"),
    ],
)
def test_what_a_girocode_cannot_carry_is_refused(wrong, code):
    with pytest.raises(GatewayError) as caught:
        epc_payload(a_transfer(**wrong))
    assert caught.value.code == code


def test_the_code_is_a_picture_without_anything_from_outside():
    svg = epc_svg(epc_payload(a_transfer(text="<script>")))
    assert svg.startswith("<svg")
    assert "script" not in svg
