"""A file of past orders: dialects, mappings, bad rows, and what a run says in the end."""

import contextlib
import gzip
import io
import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gateway.checkout import documents
from gateway.core.cells import cell
from gateway.core.errors import Invalid
from gateway.replay import rows, show
from gateway.replay.convert import Spec, converter
from gateway.replay.judge import Rules, judge
from gateway.replay.mapping import TYPES, compile_mapping, reader
from gateway.replay.run import Steps, run
from gateway.replay.tally import Calibration, Tally, in_order, segmenter
from gateway.risk import card as cards
from gateway.risk.facts import CATALOGUE
from tests.builders import a_question

METHODS = [
    {"id": "invoice", "kind": "invoice"},
    {"id": "card", "kind": "card_3ds"},
    {"id": "bank", "kind": "prepayment"},
]
COLUMNS = {
    "basket": "id",
    "total": {"to": "total_minor", "unit": "major"},
    "items": "facts.items",
    "chance": "score.fraud",
    "fraud": "outcome.fraud",
}
CONSTANTS = {"currency": "EUR", "score.default": 0, "score.return": 0}
HEAD = "basket,total,items,chance,fraud\n"


def a_mapping(**overrides):
    return {"columns": COLUMNS, "constants": CONSTANTS, "methods": METHODS} | overrides


def replayed(raw, document=None, *, name="orders.csv", limit=0, policy=None, economics=None):
    """The tally, what was counted, the rows and the errors of a run."""
    raw = raw.encode() if isinstance(raw, str) else raw
    mapping = compile_mapping(a_mapping() if document is None else document)
    opened = rows.open_rows(io.BytesIO(raw), name, mapping.layout)
    rules = Rules(
        cards.expert(), documents.compile_policy(policy or {}, 0), documents.compile_economics(economics or {}, 0)
    )
    tally, result, errors = Tally(), [], []
    steps = Steps(reader(mapping, opened.columns), judge(rules, mapping), tally, result.append, errors.append)
    counted = run(opened, steps, limit, lambda _: None)
    return tally, counted, result, errors


GOOD = HEAD + "a,120.50,2,0.01,0\nb,1250,1,0.2,1\n"


def test_rows_go_through_facts_score_and_policy_and_are_added_up():
    """Two baskets: the second is fraud, likely to be, and invoiced against a deposit only; the buyer takes his card."""
    tally, counted, result, errors = replayed(GOOD)
    assert (counted.rows, counted.bad, errors) == (2, 0, [])
    assert [row[6] for row in result] == ["invoice", "card"]
    assert (tally.kinds["invoice"].shown, tally.kinds["invoice"].deposit) == (2, 1)
    told = show.summary(tally, counted, {})
    assert told["contribution"]["everything"]["realised_minor"] < told["contribution"]["policy"]["realised_minor"]
    assert told["calibration"]["fraud"]["rows"] == 2


@pytest.mark.parametrize(
    ("raw", "file"),
    [
        (GOOD.replace(",", ";"), {}),
        (GOOD.replace(",", "\t"), {}),
        (GOOD.replace(",", "|"), {}),
        ("\ufeff" + GOOD, {}),
        (GOOD.replace("\n", "\r\n"), {}),
        (GOOD.replace("a,", '"a, with ""quotes""\nand a line break",'), {}),
        (GOOD.replace("a,", "Käse,").encode("latin-1"), {"encoding": "latin-1"}),
        (GOOD.replace(",", ";"), {"delimiter": ";"}),
        (GOOD + "\n\n", {}),
    ],
    ids=["semicolon", "tab", "bar", "mark", "crlf", "quoted", "latin-1", "said", "blank"],
)
def test_every_usual_dialect_of_csv_is_read(raw, file):
    """Exports of spreadsheets and shops differ; the orders are the same."""
    tally, counted, _, errors = replayed(raw, a_mapping(file=file))
    assert (counted.rows, errors) == (2, [])
    assert tally.all.taken.expected_minor == replayed(GOOD)[0].all.taken.expected_minor


@pytest.mark.parametrize(
    ("raw", "line", "path", "words"),
    [
        (HEAD + "a,12.505,1,0.1,0\n", 2, "total", "finer than the smallest unit"),
        (HEAD + "a,12,50,1,0.1,0\n", 2, "", "has 6 cells, the header has 5"),
        (HEAD + "a,-3,1,0.1,0\n", 2, "total", "must not be negative"),
        (HEAD + "a,x,1,0.1,0\n", 2, "total", "must be a number with decimal point"),
        (HEAD + "a,1,1.5,0.1,0\n", 2, "items", "must be a whole number"),
        (HEAD + "a,1,1,1.1,0\n", 2, "chance", "must be a probability"),
        (HEAD + "a,1,1,nan,0\n", 2, "chance", "must be a probability"),
        (HEAD + "a,1,1,0.1,maybe\n", 2, "fraud", "must be true or false"),
        (HEAD + "a,,1,0.1,0\n", 2, "total_minor", "is missing"),
        (HEAD + '"x\n1",1,1,0.1,0\n"y,1,1,0.1,0\n', 4, "", "a quote is opened and not closed"),
        (HEAD + "a\0,1,1,0.1,0\n", 2, "", "holds a NUL"),
        (HEAD.encode() + b"K\xe4se,1,1,0.1,0\n", 2, "", "for Latin-1 say encoding: latin-1"),
    ],
)
def test_a_bad_row_is_told_with_line_and_reason_and_does_not_stop_the_run(raw, line, path, words):
    """The row after it counts."""
    raw = raw.encode() if isinstance(raw, str) else raw
    closes = words.startswith("a quote")
    _, counted, _, errors = replayed(raw + (b"" if closes else b"z,10,1,0.1,0\n"))
    assert [error[:1] + error[2:3] for error in errors] == [(line, path)]
    assert words in errors[0][3]
    assert counted.rows == 1


def test_a_huge_line_is_a_bad_row_and_not_kept_in_memory():
    """Ten megabytes without a line break."""
    raw = HEAD.encode() + b"x" * 10_000_000 + b"\n" + b"z,10,1,0.1,0\n"
    _, counted, _, errors = replayed(raw)
    assert (counted.rows, [error[0] for error in errors]) == (1, [2])
    assert "longer than 1024 KB" in errors[0][3]


def test_a_run_adds_up_one_currency():
    """Francs are not added to euros."""
    document = a_mapping(columns=COLUMNS | {"cur": "currency"}, constants={"score.default": 0, "score.return": 0})
    raw = HEAD.replace("fraud\n", "fraud,cur\n") + "a,10,1,0.1,0,EUR\nb,10,1,0.1,0,CHF\nc,10,1,0.1,0,EUR\n"
    _, counted, _, errors = replayed(raw, document)
    assert (counted.rows, errors[0][0], errors[0][2]) == (2, 3, "currency")


@pytest.mark.parametrize(
    ("raw", "words"),
    [(b"", "it is empty"), (b"\xff\xfea\x00", "it is UTF-16"), (b"K\xe4se\n1\n", "for Latin-1 say")],
)
def test_a_file_that_cannot_be_read_at_all_is_refused_with_what_to_do(raw, words):
    """Before anything is counted."""
    with pytest.raises(rows.ReplayFileWrong) as refused:
        replayed(raw)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("change", "path", "words"),
    [
        ({"columns": COLUMNS | {"x": "facts.item"}}, "/columns/x", "did you mean facts.items?"),
        ({"columns": COLUMNS | {"totl": COLUMNS["total"], "total": "segment"}}, "/columns/totl", "did you mean total?"),
        ({"columns": COLUMNS | {"x": "total_minor"}}, "/columns/x", "filled twice"),
        ({"columns": COLUMNS | {"x": {"to": "facts.pieces", "unit": "major"}}}, "/columns/x/unit", "means nothing"),
        ({"columns": COLUMNS | {"x": {"to": "at", "colour": 1}}}, "/columns/x/colour", "Unknown field."),
        ({"columns": COLUMNS | {"x": {"to": "at", "timezone": "Mars"}}}, "/columns/x/timezone", "no IANA time zone"),
        ({"columns": {"basket": "id"}}, "/columns", "no column and no constant goes to total_minor"),
        ({"columns": {}}, "/columns", "needs a mapping"),
        ({"constants": CONSTANTS | {"currency": "EURO"}}, "/constants/currency", "ISO 4217"),
        ({"constants": CONSTANTS | {"score.default": 2}}, "/constants/score.default", "probability"),
        ({"constants": CONSTANTS | {"facts.guest": "yes"}}, "/constants/facts.guest", "true or false"),
        ({"constants": CONSTANTS | {"gender": "f"}}, "/constants/gender", "is no place"),
        ({"file": {"encoding": "utf-16"}}, "/file/encoding", "one of"),
        ({"methods": [{"id": "a", "kind": "barter"}]}, "/methods/0/kind", "one of"),
        ({"methods": METHODS + METHODS[:1]}, "/methods", "twice"),
        ({"colour": "red"}, "/colour", "Unknown field."),
    ],
)  # fmt: skip
def test_a_wrong_mapping_is_refused_at_its_place_with_a_suggestion(change, path, words):
    """Before the first row, not after a million."""
    with pytest.raises(Invalid) as refused:
        replayed(GOOD, a_mapping(**change))
    found = {fault["path"]: fault["message"] for fault in refused.value.facts["errors"]}
    assert words in found[path], found


def test_a_mapping_is_an_object():
    """A list or a text is none."""
    for document in ([], "x", None, 5):
        with pytest.raises(Invalid):
            compile_mapping(document)


def test_json_lines_are_questions_of_the_api_with_what_became_of_them():
    """No mapping at all: what the shop asked then, and the outcome beside it."""
    lines = [
        a_question() | {"id": "1", "outcome": {"fraud": False, "default": True}, "at": "2026-03-01T23:30:00Z"},
        a_question() | {"id": "2", "facts": {"paid_orders": 4, "orders": 4}, "score": {"fraud": 0.5}},
        a_question(total_minor=1),
        {"facts": {"nonsense": 1}},
    ]
    raw = "\n".join(json.dumps(line) for line in lines) + "\n[1]\n{broken\n"
    tally, counted, result, errors = replayed(raw, {}, name="orders.jsonl")
    assert (counted.rows, counted.bad) == (2, 4)
    assert [(error[0], error[2]) for error in errors] == [(3, "/total_minor"), (4, "facts.nonsense"), (5, ""), (6, "")]
    assert result[1][10] == 0.5
    assert tally.all.taken.known == 1
    assert tally.calibration.keys() == {"fraud", "default"}


def test_columns_of_json_lines_may_be_pointers_into_an_object():
    """Exports of platforms nest."""
    document = a_mapping(columns={"/order/sum": "total_minor", "/order/lines/0/n": "facts.pieces", "no": "id"})
    raw = json.dumps({"no": 7, "order": {"sum": 1200, "lines": [{"n": 3}]}}) + "\n"
    _, counted, result, errors = replayed(raw, document, name="x.ndjson")
    assert (counted.rows, errors, result[0][1], result[0][3]) == (1, [], "7", 1200)


def test_columns_that_are_fields_of_the_question_pass_the_door_of_the_api():
    """Addresses are compared, the hour is the shop's, and what the API refuses is a bad row."""
    columns = COLUMNS | {"mail": "buyer.email", "land": "billing.country", "when": {"to": "at", "format": "%d.%m.%Y %H:%M",
               "timezone": "Europe/Berlin"}}  # fmt: skip
    raw = HEAD.replace("\n", ",mail,land,when\n") + (
        "a,10,1,0.1,0,ada@example.com,DE,24.12.2025 03:15\n"
        "b,10,1,0.1,0,not an address,DE,24.12.2025 03:15\n"
        "c,10,1,0.1,0,ada@example.com,Germany,24.12.2025\n"
    )
    _, counted, _, errors = replayed(raw, a_mapping(columns=columns))
    assert counted.rows == 1
    assert [(error[0], error[1], error[2]) for error in errors] == [(3, "b", "/buyer/email"), (4, "c", "when")]


def test_packed_files_are_read_and_a_limit_ends_the_run(tmp_path):
    """As exports are kept."""
    packed = tmp_path / "orders.csv.gz"
    packed.write_bytes(gzip.compress((GOOD + "c,10,1,0.1,0\n").encode()))
    with rows.open_file(str(packed), io.BytesIO()) as file:
        assert replayed(file.read(), limit=2)[1].rows == 2
    with pytest.raises(rows.ReplayFileUnreadable):
        rows.open_file(str(tmp_path / "absent.csv"), io.BytesIO())


@pytest.mark.parametrize(
    ("type_", "spec", "raw", "value"),
    [
        ("minor", Spec(unit="major", decimal=","), "1.234,5", 123_450),
        ("minor", Spec(unit="major"), "1,234.50", 123_450),
        ("minor", Spec(unit="major", round=True), "0.125", 13),
        ("minor", Spec(), "1234", 1234),
        ("bool", Spec(values={"J": True, "N": False}), "J", True),
        ("share", Spec(decimal=","), "0,25", 0.25),
        ("text", Spec(), 42, "42"),
        ("int", Spec(), 42, 42),
    ],
)
def test_cells_are_read_as_the_mapping_says(type_, spec, raw, value):
    """Units, decimal commas, own words for yes and no."""
    assert converter(type_, spec)(raw, "EUR") == value


def test_yen_have_no_cents():
    """Major and minor units are the same there."""
    assert converter("minor", Spec(unit="major"))("1200", "JPY") == 1200


@given(
    st.sampled_from(sorted(set(TYPES.values()))),
    st.one_of(st.text(), st.integers(), st.floats(), st.none(), st.booleans()),
)
def test_no_cell_raises_anything_but_a_sentence(type_, raw):
    """Whatever stands there."""
    with contextlib.suppress(ValueError):
        converter(type_, Spec(unit="major"))(raw, "EUR")


@given(st.binary(max_size=400))
def test_no_file_breaks_the_run(raw):
    """Rows, faults or a refusal, never another exception."""
    with contextlib.suppress(Invalid, rows.ReplayFileWrong):
        replayed(raw, a_mapping(), name="-")


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=8),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
                        ["columns", "constants", "methods", "file", "to", "unit", "id", "total_minor", "currency"]), inner,
                        max_size=4), max_leaves=12))  # fmt: skip
def test_no_mapping_does_anything_but_compile_or_be_refused(document):
    """Never another exception."""
    with contextlib.suppress(Invalid):
        compile_mapping(document)


@pytest.mark.parametrize("text", ["=1+1", "+49", "-x", "@SUM(A1)", "\tx", "\r=1"])
def test_a_text_that_a_spreadsheet_would_calculate_becomes_text(text):
    """A cart called =HYPERLINK(…) stays a name; numbers stay numbers."""
    assert cell(text) == f"'{text}"
    assert (cell(-5), cell(None), cell(True), cell("ok")) == ("-5", "", "1", "ok")


def test_calibration_tells_probabilities_from_rankings():
    """The same order, half the size: the area is the same, the error is not."""
    good, bad = Calibration(), Calibration()
    for number in range(10_000):
        chance = 0.01 + 0.3 * (number % 100) / 100
        happened = number // 100 < chance * 100
        good.add(chance, happened=happened)
        bad.add(chance / 2, happened=happened)
    assert good.summary()["error"] < 0.01
    assert bad.summary()["error"] > 0.05
    assert good.summary()["auc"] == pytest.approx(bad.summary()["auc"], abs=0.01)
    assert Calibration().summary() == {"rows": 0}


def test_segments_are_bands_words_and_the_unknown():
    """In the order of their size."""
    assert list(in_order(["from 100 below 250", "others", "below 50", "from 50 below 100", "unknown"]))[:3] == [
        "below 50", "from 50 below 100", "from 100 below 250",
    ]  # fmt: skip
    for name in CATALOGUE:
        segmenter(name)


def test_the_summary_is_for_people_and_for_programs():
    """Both say the same, and an empty run says that it is empty."""
    tally, counted, _, _ = replayed(GOOD + "bad\n")
    told = show.summary(tally, counted, {"card": "expert-1"})
    text = "\n".join(show.lines(told, show.Took(1, 1)))
    assert "2 rows replayed, 1 bad" in text
    assert "everything for everybody" in text
    assert "% of the way" in text
    json.dumps(told)
    empty, none, _, _ = replayed(HEAD)
    assert next(show.lines(show.summary(empty, none, {}), show.Took(0, 0))).startswith("0 rows")


def test_the_examples_are_valid():
    """What docs and README show is what is shipped."""
    folder = Path(__file__).resolve().parents[2] / "examples" / "replay"
    read = {path.name: yaml.safe_load(path.read_text()) for path in folder.glob("*.yaml")}
    compile_mapping(read["bnpp-mapping.yaml"])
    documents.compile_policy(read["bnpp-policy.yaml"], 0)
    documents.compile_economics(read["bnpp-economics.yaml"], 0)
