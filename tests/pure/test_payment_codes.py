"""The Swiss QR code of the debtor's page, and which account goes with which reference."""

import re
from dataclasses import replace

import pytest
import segno

from gateway.core.remittance import is_qrr, qr_reference, rf_reference
from gateway.receivables import payment_codes
from gateway.receivables.letter_model import Account, Place
from gateway.receivables.payment_codes import Demand, Party

IBAN, QR_IBAN = "CH9300762011623852957", "CH4431999123000889012"
RF = rf_reference("0000000012345678")
BOTH, ONLY_QR = Account("Bergkaffee AG", IBAN, "", QR_IBAN), Account("Bergkaffee AG", "", "", QR_IBAN)
ORDINARY = Account("Bergkaffee AG", IBAN)
SELLER = Party("Bergkaffee AG", Place("Bahnhofstrasse", "8001", "Zürich", "CH", "1"))


def demand(account=ORDINARY, **more):
    reference = payment_codes.reference_for("CHF", RF, account)
    return Demand(
        **(
            {"account": account, "amount_minor": 12_490, "currency": "CHF", "reference": reference, "creditor": SELLER}
            | more
        )
    )


def payload(made):
    return payment_codes._bill(made).qr_data().split("\r\n")


@pytest.mark.parametrize(
    ("account", "iban", "kind"), [(ORDINARY, IBAN, "SCOR"), (BOTH, QR_IBAN, "QRR"), (ONLY_QR, QR_IBAN, "QRR")]
)
def test_a_qr_iban_goes_with_a_qr_reference_and_an_ordinary_one_with_rf(account, iban, kind):
    made = demand(account)
    lines = payload(made)
    assert (lines[0], lines[3], lines[18:20], lines[27]) == ("SPC", iban, ["124.90", "CHF"], kind)
    assert payment_codes.account_number(account, made.reference) == iban
    assert is_qrr(lines[28]) == (kind == "QRR")


def test_a_qr_reference_is_made_of_the_claims_digits():
    assert demand(ONLY_QR).reference == qr_reference(RF[2:])


def test_euros_keep_their_reference_and_get_no_swiss_code():
    assert payment_codes.reference_for("EUR", RF, BOTH) == RF
    assert payment_codes.swiss_code(demand(currency="EUR")) == ""


def test_an_rf_reference_without_an_ordinary_iban_makes_no_code():
    assert payment_codes.swiss_code(demand(ONLY_QR, reference=RF)) == ""


def test_the_code_is_46_millimetres_with_a_margin_and_a_cross_of_7():
    drawn = payment_codes.swiss_code(demand())
    assert 'width="56mm" height="56mm" viewBox="0 0 56 56"' in drawn
    scale = float(re.search(r"scale\((.+?)\)", drawn).group(1))
    wanted = segno.make_qr("\r\n".join(payload(demand())), error="m", boost_error=False, encoding="utf-8")
    assert len(wanted.matrix) * scale == pytest.approx(46, abs=0.001)
    assert {tuple(map(int, one)) for one in re.findall(r"M(\d+) (\d+)h", drawn.split("crispEdges")[1])} == {
        (x, y) for y, row in enumerate(wanted.matrix) for x, module in enumerate(row) if module
    }
    assert 'd="M-3.5 -3.5h7v7h-7z"' in drawn


def test_a_line_break_in_a_name_starts_no_line_of_the_code():
    lines = payload(demand(creditor=replace(SELLER, name="Berg\r\nkaffee <b>")))
    assert lines[5] == "Berg kaffee <b>"
    assert len(lines) == len(payload(demand()))
