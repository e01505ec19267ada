"""The dated tables: what ships is sound, and a date outside is an error."""

from datetime import date, timedelta
from itertools import pairwise

import pytest

from gateway.law.imports import BadLawFile, parse
from gateway.law.kinds import KINDS
from gateway.law.tables import CERTAINTIES, BadRows, DateOutOfTable, Ending, RateNotKnown, Row, ending, shipped

LAW = shipped()
HEAD = "table,key,valid_from,valid_to,value,source,certainty\n"


def a_row(**overrides) -> Row:
    usual = {
        "table": "base-rate",
        "key": "DE",
        "valid_from": date(2027, 1, 1),
        "valid_to": date(2027, 6, 30),
        "value": "1.77",
        "source": "invented for this test",
        "certainty": "memory",
    }
    return Row(**usual | overrides)


def test_every_shipped_row_has_a_form_its_table_knows():
    """Key, value, certainty, source."""
    for row in LAW.rows:
        assert KINDS[row.table].knows(row.key), row
        assert KINDS[row.table].holds(row.key, row.value), row
        assert row.certainty in CERTAINTIES, row
        assert row.source, row
        assert row.valid_to or not KINDS[row.table].span, row
        assert KINDS[row.table].lasts(row.valid_from, row.last), row
    assert {row.table for row in LAW.rows} == set(KINDS)


def test_the_german_base_rate_has_a_row_for_each_half_year_since_2002():
    """Bundesbank series; the rates of the statute's first and of the last known half-year."""
    run = LAW.run("base-rate", "DE")
    assert len(run) == 50
    assert (run[0].valid_from, run[0].value) == (date(2002, 1, 1), "2.57")
    assert (run[-1].valid_to, run[-1].value) == (date(2026, 12, 31), "1.52")
    assert str(LAW.at("base-rate", "DE", date(2014, 1, 1)).number) == "-0.63"


def test_no_value_is_carried_on_beyond_a_table():
    with pytest.raises(RateNotKnown) as caught:
        LAW.at("base-rate", "DE", date(2027, 1, 1))
    assert caught.value.code == "rate-not-known"
    assert caught.value.facts["table"] == "base-rate"
    with pytest.raises(DateOutOfTable) as caught:
        LAW.at("lawyer-fee-steps", "DE", date(2013, 7, 31))
    assert caught.value.code == "date-out-of-table"


def test_imported_rows_go_on_where_the_table_ended():
    longer = LAW.with_rows([a_row()])
    assert longer.at("base-rate", "DE", date(2027, 3, 1)).value == "1.77"
    assert longer.version != LAW.version
    with pytest.raises(RateNotKnown):
        LAW.at("base-rate", "DE", date(2027, 3, 1))


def test_a_rule_until_further_notice_ends_where_its_successor_begins():
    newer = a_row(table="lump-sum", key="DE/business", valid_from=date(2028, 1, 1), valid_to=None, value="50.00")
    tables = LAW.with_rows([newer])
    assert tables.at("lump-sum", "DE/business", date(2027, 12, 31)).value == "40.00"
    assert tables.at("lump-sum", "DE/business", date(2028, 1, 1)).value == "50.00"


@pytest.mark.parametrize(
    "wrong",
    [
        {"valid_from": date(2026, 12, 1)},
        {"valid_from": date(2027, 1, 2)},
        {"valid_from": date(2026, 7, 1), "valid_to": date(2026, 12, 31)},
    ],
    ids=["overlap", "gap", "another value"],
)
def test_rows_that_contradict_or_leave_a_gap_are_refused(wrong):
    with pytest.raises(BadRows):
        LAW.with_rows([a_row(**wrong)])


def test_who_runs_out_of_rates_is_told_sixty_days_before():
    keys = ("AT", "DE", "EU")
    assert ending(LAW, date(2026, 10, 31)) == []
    assert ending(LAW, date(2026, 11, 1)) == [Ending("base-rate", key, date(2026, 12, 31)) for key in keys]


def test_a_file_of_new_rows_is_read_and_known_ones_are_passed_over():
    known = "base-rate,DE,2026-07-01,2026-12-31,1.52,again,source\n"
    new = "base-rate,DE,2027-07-01,2027-12-31,1.80,x,source\nbase-rate,DE,2027-01-01,2027-06-30,1.77,x,source\n"
    assert [row.value for row in parse(HEAD + known + new, LAW)] == ["1.77", "1.80"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("base-rate,DE,2027-01-01,2027-06-30,1.77", "cells"),
        ("base-rates,DE,2027-01-01,2027-06-30,1.77,x,source", "no table"),
        ("base-rate,Germany,2027-01-01,2027-06-30,1.77,x,source", "no key"),
        ("base-rate,DE,2027-01-01,2027-06-30,one,x,source", "no value"),
        ("base-rate,DE,2027-01-01,2027-06-30,1e3,x,source", "no value"),
        ("base-rate,DE,2027-01-01,2027-06-30,\u0661.\u0665,x,source", "no value"),
        ("base-rate,DE,2027-01-01,,1.77,x,source", "last day"),
        ("base-rate,DE,2027-06-30,2027-01-01,1.77,x,source", "before"),
        ("base-rate,DE,20270101,2027-06-30,1.77,x,source", "no date"),
        ("base-rate,DE,2027-02-30,2027-06-30,1.77,x,source", "no date"),
        ("base-rate,DE,2027-01-01,2027-06-30,1.77,,source", "source"),
        ("base-rate,DE,2027-01-01,2027-06-30,1.77,x,hearsay", "certainty"),
        ("base-rate,DE,2026-12-01,2027-06-30,1.77,x,source", "half-year"),
        ("base-rate,DE,2027-01-01,2027-03-31,1.77,x,source", "half-year"),
        ("base-rate,DE,2027-01-01,9999-12-31,1.77,x,source", "half-year"),
        ("base-rate,FR,2027-01-01,2027-06-30,1.77,x,source", "no key"),
        ("base-rate,DE,2027-01-01,2027-06-30,177,x,source", "no value"),
        ("vat-rate,DE,2030-01-01,,-19,x,source", "no value"),
        ("vat-rate,DE,2015-01-01,2015-12-31,20,x,source", "overlaps"),
        ("lawyer-fee-steps,DE,2030-01-01,,500/0/51.50 */500/60.00,x,source", "no value"),
        ("lawyer-fee-steps,DE,2030-01-01,,500/500/51.50,x,source", "no value"),
        ("lawyer-fee-steps,DE,2030-01-01,,900/100/51.50 500/100/1.00 */100/2.00,x,source", "no value"),
        ("lawyer-fee-rule,DE/minimum,2030-01-01,,15.005,x,source", "no value"),
        ("enforcement-cost,CH,2030-01-01,,100:20.30,x,source", "no value"),
        ("consumer-credit,DE/days,2030-01-01,,many,x,source", "no value"),
        ("consumer-credit,DE/rule-set,2030-01-01,,ccd3,x,source", "no value"),
        ("bureau-rules,DE/days,2030-01-01,,four-weeks,x,source", "no value"),
        ("retention,DE/voucher,2030-01-01,,9999,x,source", "no value"),
        ("holiday,DE-NRW,2027-10-30,2027-10-30,holiday,x,source", "no key"),
        ("holiday,DE-NW,2027-10-30,2028-10-30,working,x,source", "one day"),
        ("base-rate,DE,2026-07-01,2026-12-31,1.53,x,source", "overlaps"),
        ("base-rate,DE,2027-07-01,2027-12-31,1.77,x,source", "nothing holds"),
    ],
)
def test_a_faulty_line_is_named_and_nothing_is_taken_over(line, told):
    """Rows are never taken back, so one that a calculator would choke on must not come in."""
    with pytest.raises(BadLawFile) as caught:
        parse(HEAD + "base-rate,AT,2027-01-01,2027-06-30,1.53,x,source\n" + line + "\n", LAW)
    [fault] = caught.value.facts["errors"]
    assert fault["path"] == "line 3"
    assert told in fault["message"]


def test_a_file_from_a_spreadsheet_is_read_as_it_comes():
    """A byte order mark and lines that end in CR LF; a decimal comma or semicolons are refused, not guessed at."""
    row = "base-rate,DE,2027-01-01,2027-06-30,1.77,=HYPERLINK(1),source\n"
    assert [one.value for one in parse("\ufeff" + (HEAD + row).replace("\n", "\r\n"), LAW)] == ["1.77"]
    for wrong in (HEAD + row.replace("1.77", '"1,77"'), (HEAD + row).replace(",", ";")):
        with pytest.raises(BadLawFile):
            parse(wrong, LAW)


def test_a_file_without_the_header_or_rows_is_refused():
    for text in ("", "a,b\n", HEAD, HEAD + '"'):
        with pytest.raises(BadLawFile):
            parse(text, LAW)


def test_a_table_is_walked_without_gap_or_overlap():
    parts = list(LAW.over("base-rate", "DE", date(2024, 5, 1), date(2025, 8, 1)))
    assert [(first, last) for first, last, _ in parts] == [
        (date(2024, 5, 1), date(2024, 6, 30)),
        (date(2024, 7, 1), date(2024, 12, 31)),
        (date(2025, 1, 1), date(2025, 6, 30)),
        (date(2025, 7, 1), date(2025, 8, 1)),
    ]
    assert all(one[1] + timedelta(days=1) == other[0] for one, other in pairwise(parts))
