"""Collection costs and court fees: every row of the published tables, the court's own sums, and the rules around them."""

from datetime import date
from decimal import Decimal

import pytest

from gateway.core.errors import GatewayError
from gateway.law.fees import DunningLetter, Mandate, collection_costs, court_fee, fee_allowed, lawyer_fee, lump_sum
from gateway.law.tables import shipped

LAW = shipped()
TODAY = date(2026, 11, 25)

TABLE = """
50 31.50 18.90 34.02 49.14 40.00 38.00 120.00
500 51.50 30.90 55.62 80.34 40.00 38.00 120.00
1000 93.00 55.80 100.44 140.90 61.00 38.00 183.00
1500 134.50 80.70 141.05 194.85 82.00 41.00 246.00
2000 176.00 105.60 178.40 248.80 103.00 51.50 309.00
3000 235.50 137.75 231.95 326.15 125.50 62.75 376.50
4000 295.00 167.50 285.50 403.50 148.00 74.00 444.00
5000 354.50 197.25 339.05 480.85 170.50 85.25 511.50
6000 414.00 227.00 392.60 558.20 193.00 96.50 579.00
7000 473.50 256.75 446.15 635.55 215.50 107.75 646.50
8000 533.00 286.50 499.70 712.90 238.00 119.00 714.00
9000 592.50 316.25 553.25 790.25 260.50 130.25 781.50
10000 652.00 346.00 606.80 867.60 283.00 141.50 849.00
13000 707.00 373.50 656.30 939.10 313.50 156.75 940.50
16000 762.00 401.00 705.80 1010.60 344.00 172.00 1032.00
19000 817.00 428.50 755.30 1082.10 374.50 187.25 1123.50
22000 872.00 456.00 804.80 1153.60 405.00 202.50 1215.00
25000 927.00 483.50 854.30 1225.10 435.50 217.75 1306.50
30000 1013.00 526.50 931.70 1336.90 476.00 238.00 1428.00
35000 1099.00 569.50 1009.10 1448.70 516.50 258.25 1549.50
40000 1185.00 612.50 1086.50 1560.50 557.00 278.50 1671.00
45000 1271.00 655.50 1163.90 1672.30 597.50 298.75 1792.50
50000 1357.00 698.50 1241.30 1784.10 638.00 319.00 1914.00
65000 1456.50 748.25 1330.85 1913.45 778.00 389.00 2334.00
80000 1556.00 798.00 1420.40 2042.80 918.00 459.00 2754.00
95000 1655.50 847.75 1509.95 2172.15 1058.00 529.00 3174.00
110000 1755.00 897.50 1599.50 2301.50 1198.00 599.00 3594.00
125000 1854.50 947.25 1689.05 2430.85 1338.00 669.00 4014.00
140000 1954.00 997.00 1778.60 2560.20 1478.00 739.00 4434.00
155000 2053.50 1046.75 1868.15 2689.55 1618.00 809.00 4854.00
170000 2153.00 1096.50 1957.70 2818.90 1758.00 879.00 5274.00
185000 2252.50 1146.25 2047.25 2948.25 1898.00 949.00 5694.00
200000 2352.00 1196.00 2136.80 3077.60 2038.00 1019.00 6114.00
"""
"""Value up to; RVG 1.0; with VV 7002 at 0.5, 0.9 and 1.3; GKG 1.0; payment order; action. RVG and GKG since June 2025."""
ROWS = [[int(Decimal(cell) * 100) for cell in line.split()] for line in TABLE.split("\n") if line]


def a_mandate(**overrides) -> Mandate:
    usual = {
        "country": "DE",
        "claim_minor": 50_000,
        "factor": Decimal("0.9"),
        "disputed": False,
        "mandate_date": TODAY,
        "vat_deductible": True,
    }
    return Mandate(**usual | overrides)


def costs(**overrides):
    return collection_costs(a_mandate(**overrides), LAW)


@pytest.mark.parametrize("row", ROWS, ids=[str(row[0] // 100) for row in ROWS])
def test_every_row_of_the_tables_of_june_2025(row):
    """§ 13 RVG with VV 2300 and 7002; § 34 GKG with KV 1100 and 1210; also one cent below each limit."""
    value, full, half, usual, most, _, order, action = row
    for claim_minor in (value, value - 1):
        found = [costs(claim_minor=claim_minor, factor=Decimal(f)).gross_minor for f in ("0.5", "0.9", "1.3")]
        assert found == [half, usual, most]
        assert court_fee("DE", claim_minor, "payment-order", TODAY, LAW) == order
        assert court_fee("DE", claim_minor, "action", TODAY, LAW) == action
        if value > 5000:
            assert lawyer_fee(claim_minor, TODAY, LAW) == full


def test_the_next_step_begins_one_cent_above_a_limit():
    assert lawyer_fee(50_000, TODAY, LAW) == 5150
    assert lawyer_fee(50_001, TODAY, LAW) == 9300


def test_the_sum_of_the_federal_court_for_a_mandate_of_the_old_table():
    """BGH VIII ZR 81/21 (7 December 2022): 5,035.78 EUR, 1.3 and expenses are 480.20 EUR."""
    found = costs(claim_minor=503_578, factor=Decimal("1.3"), disputed=True, mandate_date=date(2019, 3, 1))
    assert found.gross_minor == 48_020


def test_a_mandate_before_june_2025_keeps_the_old_fees():
    """§ 60 RVG: 49.00 and for small claims 30.00."""
    assert costs(mandate_date=date(2025, 5, 31), factor=Decimal("1.0")).items[0].amount_minor == 4900
    assert costs(mandate_date=date(2025, 5, 31), claim_minor=5000, factor=Decimal("1.0")).items[0].amount_minor == 3000
    assert costs(mandate_date=date(2025, 6, 1), claim_minor=5000, factor=Decimal("1.0")).items[0].amount_minor == 3150


def test_a_disputed_small_claim_has_the_ordinary_step():
    assert costs(claim_minor=5000, factor=Decimal("1.3"), disputed=True).gross_minor == 8034


def test_no_fee_is_below_fifteen_euros():
    """§ 13 (3) RVG: 31.50 × 0.3 = 9.45."""
    assert costs(claim_minor=5000, factor=Decimal("0.3")).items[0].amount_minor == 1500


def test_an_agreement_on_payment_costs_0_7_of_half_the_claim():
    """VV 1000 no. 2 and § 31b RVG: 1,000.01 EUR agreed on counts as 500.01 and falls into the second step."""
    items = costs(claim_minor=100_001, payment_agreement=True).items
    assert [(item.code, item.fee_minor, item.amount_minor) for item in items][1] == ("VV 1000", 9300, 6510)
    assert costs(claim_minor=100_000, payment_agreement=True).items[1].fee_minor == 5150


def test_value_added_tax_is_owed_only_where_the_creditor_cannot_deduct_it():
    found = costs(vat_deductible=False)
    assert (found.net_minor, found.vat_minor, found.gross_minor) == (5562, 1057, 6619)


def test_the_lump_sum_counts_towards_the_costs():
    """§ 288 (5) s. 3 BGB; it never turns into money back."""
    assert costs(lump_sum_minor=4000).lump_sum_credited_minor == 4000
    assert costs(claim_minor=5000, factor=Decimal("0.5"), lump_sum_minor=4000).lump_sum_credited_minor == 1890


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"factor": Decimal("1.31")}, "invalid-input"),
        ({"factor": Decimal("2.51"), "disputed": True}, "invalid-input"),
        ({"factor": Decimal("0.29")}, "invalid-input"),
        ({"claim_minor": 0}, "invalid-input"),
        ({"lump_sum_minor": -1}, "invalid-input"),
        ({"country": "AT"}, "unknown-country"),
        ({"mandate_date": date(2013, 7, 31)}, "date-out-of-table"),
        ({"mandate_date": date(2021, 9, 30), "payment_agreement": True}, "date-out-of-table"),
    ],
)
def test_costs_that_nobody_could_ask_are_refused(wrong, code):
    with pytest.raises(GatewayError) as caught:
        costs(**wrong)
    assert caught.value.code == code


def test_swiss_debtors_owe_no_agency():
    """Art. 27 (3) SchKG."""
    assert costs(country="CH").gross_minor == 0


@pytest.mark.parametrize(
    ("claim", "cost"), [(10_000, 2030), (10_001, 3330), (50_000, 3330), (100_000, 5330), (1_000_000, 7330)]
)
def test_a_swiss_order_for_payment_costs_by_bracket(claim, cost):
    """Stadt Zürich, delivery included."""
    assert court_fee("CH", claim, "payment-order", TODAY, LAW) == cost


@pytest.mark.parametrize(
    ("country", "debtor", "arose", "amount"),
    [
        ("DE", "business", TODAY, 4000),
        ("DE", "consumer", TODAY, 0),
        ("DE", "business", date(2014, 7, 28), 0),
        ("AT", "business", TODAY, 4000),
        ("NL", "business", TODAY, 4000),
        ("CH", "business", TODAY, 0),
    ],
)
def test_who_owes_the_lump_sum(country, debtor, arose, amount):
    """§ 288 (5) BGB, § 458 UGB, Directive 2011/7 Art. 6."""
    assert lump_sum(country, debtor, arose, LAW) == amount


@pytest.mark.parametrize(
    ("letter", "most", "code"),
    [
        ({"creates_default": True, "level": 3}, 0, "before-default"),
        ({"level": 0}, 0, "before-default"),
        ({"level": 1}, 0, "first-letter-free"),
        ({}, 120, "usual-cost"),
        ({"channel": "email"}, 0, "usual-cost"),
        ({"channel": "email", "proven_cost_minor": 90}, 0, "usual-cost"),
        ({"proven_cost_minor": 180}, 180, "proven-cost"),
        ({"proven_cost_minor": 900}, 250, "proven-cost"),
        ({"debtor": "business"}, 0, "lump-sum-instead"),
        ({"country": "CH"}, 0, "as-agreed"),
        ({"country": "CH", "agreed_minor": 2000}, 2000, "as-agreed"),
    ],
)
def test_what_a_letter_may_cost(letter, most, code):
    """BGH VIII ZR 95/18: print, envelope and postage; never the letter that brings default about."""
    usual = {
        "country": "DE",
        "debtor": "consumer",
        "channel": "letter",
        "level": 2,
        "creates_default": False,
        "day": TODAY,
    }
    found = fee_allowed(DunningLetter(**usual | letter), LAW)
    assert (found.most_minor, found.code) == (most, code)
