"""The configuration of a bureau, checked to the last field, and the reading of what it answers."""

import copy
import io
import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import question_file
from gateway.core.egress import Reply
from gateway.core.errors import Invalid
from gateway.demo import sandbox
from gateway.risk.bureau import BEST, WORST, Inquiry, Person, Place, Proof
from gateway.risk.bureau_document import compile_document
from gateway.risk.bureau_json import MAX_ANSWER_BYTES, adapter, is_loopback, read, request_body

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = {
    "url": "https://bureau.example/v2/checks",
    "auth": {"kind": "bearer"},
    "request": {
        "/person/firstName": "first_name",
        "/person/lastName": "last_name",
        "/person/birthDate": "birth_date",
        "/person/address/street": "line1",
        "/person/address/zip": "postcode",
        "/ref": "reference",
        "/consent/at": "proof_at",
    },
    "constants": {"/product": "VERITA"},
    "response": {
        "hit": {"at": "/result/found", "values": [True]},
        "no_hit_status": [404],
        "score": {"at": "/result/score", "low": 100, "high": 600, "direction": "lower_is_better"},
        "identity": {"/person/lastName": "last_name", "/person/address/zip": "postcode", "/person/street": "line1"},
        "reference": "/ref",
    },
}
PERSON = Person("Zoë", "Müller-Lüdenscheidt", "", "Königsallee 12 a", "", "40212", "Düsseldorf", "DE")
INQUIRY = Inquiry("brq_1", PERSON, Proof("consent", "v1", datetime(2026, 11, 24, tzinfo=UTC)), 10_000, "EUR")
ANSWER = {
    "ref": "brq_1",
    "result": {"found": True, "score": 200},
    "person": {"lastName": "MUELLER LUEDENSCHEIDT", "address": {"zip": "40212"}, "street": "Koenigsallee 12A"},
}


def changed(path, value):
    document = copy.deepcopy(DOCUMENT)
    *way, last = path.split(".")
    inner = document
    for step in way:
        inner = inner[step]
    if value is None:
        inner.pop(last)
    else:
        inner[last] = value
    return document


def heard(answer, status=200, *, whole=True, **headers):
    raw = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    return read(compile_document(DOCUMENT), Reply(status, headers, raw, whole), INQUIRY)


@pytest.mark.parametrize(
    ("path", "value", "pointer"),
    [
        ("url", None, "/url"),
        ("auth", {"kind": "magic"}, "/auth/kind"),
        ("auth", {"kind": "basic"}, "/auth/user"),
        ("auth", {"kind": "bearer", "user": "x"}, "/auth/user"),
        ("auth", {"kind": "hmac", "key_id": "k"}, "/auth/key_id"),
        ("headers", {"Host": "evil.example"}, "/headers/Host"),
        ("headers", {"X-A": "a\r\nB: c"}, "/headers/X-A/value"),
        ("request", {"/person/lastName": "gender"}, "/request/~1person~1lastName/value"),
        ("request", {"person": "last_name"}, "/request/person/key"),
        ("request", {}, "/request"),
        ("constants", {"/person": "x"}, "/request/~1person"),
        ("constants", {"/a": {"b": 1}}, "/constants/~1a"),
        ("required", ["city"], "/required"),
        ("proof", "handshake", "/proof"),
        ("countries", ["Germany"], "/countries/0"),
        ("response.identity", {}, "/response/identity"),
        ("response.identity", {"/city": "city"}, "/response"),
        ("response.no_hit_status", [500], "/response/no_hit_status/0"),
        ("response.score", {"at": "/s"}, "/response/score/direction"),
        ("response.score", {"at": "/s", "direction": "higher_is_better", "low": 5, "high": 1}, "/response/score/low"),
        ("response.score", {"at": "/s", "values": {"RED": 1001}}, "/response/score/values/RED/value"),
        (
            "response.score",
            {"at": "/s", "low": 0, "high": 9, "bands": [{"from": 5, "score": 1}, {"from": 1, "score": 2}]},
            "/response/score/bands",
        ),
        ("shoe_size", 43, "/shoe_size"),
    ],
)
def test_a_faulty_configuration_is_refused_at_its_place(path, value, pointer):
    """At save time, with the JSON pointer; nothing of it is met at a checkout."""
    with pytest.raises(Invalid) as refused:
        compile_document(changed(path, value))
    assert pointer in {fault["path"] for fault in refused.value.facts["errors"]}, refused.value.facts


@pytest.mark.parametrize(
    ("auth", "secret"),
    [({"kind": "bearer"}, b""), ({"kind": "none"}, b"x"), ({"kind": "bearer"}, b"a\nb"), ({"kind": "mtls"}, b"no PEM")],
)
def test_a_secret_that_does_not_fit_is_refused_without_being_shown(auth, secret):
    """Missing, too much, unprintable, no certificate."""
    with pytest.raises(Invalid) as refused:
        adapter.terms(changed("auth", auth), secret, Place())
    assert refused.value.facts["errors"][0]["path"] == "/auth/kind"


@pytest.mark.parametrize("url", ["http://bureau.example/", "https://u:p@bureau.example/", "ftp://x/", "https://"])
def test_only_plain_https_addresses_are_saved(url):
    """As for every address that users give."""
    with pytest.raises(Invalid) as refused:
        adapter.terms(changed("url", url), b"t", Place())
    assert refused.value.facts["errors"][0]["path"] == "/url"


def test_only_what_is_mapped_and_known_is_sent():
    """No e-mail, no phone, no basket; what the buyer did not say is left out."""
    sent = json.loads(request_body(compile_document(DOCUMENT), INQUIRY))
    assert sent == {
        "product": "VERITA",
        "person": {
            "firstName": "Zoë",
            "lastName": "Müller-Lüdenscheidt",
            "address": {"street": "Königsallee 12 a", "zip": "40212"},
        },
        "ref": "brq_1",
        "consent": {"at": "2026-11-24T00:00:00+00:00"},
    }


def test_names_and_streets_are_compared_as_people_write_them():
    """Umlauts, case, hyphens and blanks do not make another person; the score comes onto our scale."""
    assert (heard(ANSWER).outcome, heard(ANSWER).score) == ("scored", 800)


@pytest.mark.parametrize(
    ("answer", "status", "outcome"),
    [
        (ANSWER | {"person": {**ANSWER["person"], "lastName": "Meier"}}, 200, "wrong_person"),
        (ANSWER | {"ref": "brq_2"}, 200, "wrong_person"),
        (ANSWER | {"person": {"lastName": 7}}, 200, "garbage"),
        (ANSWER | {"result": {"found": True}}, 200, "garbage"),
        (ANSWER | {"result": {"found": True, "score": 601}}, 200, "garbage"),
        (ANSWER | {"result": {"found": True, "score": "200"}}, 200, "garbage"),
        (ANSWER | {"result": {"found": True, "score": True}}, 200, "garbage"),
        (ANSWER | {"result": {"found": False}}, 200, "no_hit"),
        (ANSWER | {"result": {"found": 1}}, 200, "no_hit"),
        (ANSWER | {"result": {}}, 200, "garbage"),
        ([], 200, "garbage"),
        (b"", 200, "garbage"),
        (b'{"ref": NaN}', 200, "garbage"),
        (b"\xff", 200, "garbage"),
        (ANSWER, 404, "no_hit"),
        (ANSWER, 500, "error"),
        (ANSWER, 302, "error"),
        (ANSWER, 429, "rate_limited"),
    ],
)
def test_an_answer_is_trusted_as_far_as_it_can_be_checked(answer, status, outcome):
    """About whom we asked, with a score of this bureau's own range, or it has no score at all."""
    told = heard(answer, status)
    assert told.outcome == outcome
    assert told.score is None


def test_a_longer_answer_than_any_bureau_needs_is_garbage():
    """64 kB."""
    assert heard(json.dumps(ANSWER).encode(), whole=False).detail == f"longer than {MAX_ANSWER_BYTES} bytes"


@pytest.mark.parametrize(
    ("said", "seconds"), [("5", 5), ("999999", 3600), ("", 60), ("soon", 60), ("Mon, 01 Jan 2001 00:00:00 GMT", 0)]
)
def test_retry_after_is_read_in_both_forms_and_has_a_limit(said, seconds):
    """Seconds or a date (RFC 9110); nothing readable is a minute, and an hour is the most."""
    assert heard({}, 429, **{"retry-after": said}).retry_after_s == seconds


def test_scores_come_by_bands_and_by_words():
    """A table of the bureau's contract, a traffic light."""
    bands = [{"from": 0, "score": 50}, {"from": 300, "score": 500}, {"from": 500, "score": 950}]
    by_bands = compile_document(changed("response.score", {"at": "/s", "low": 0, "high": 600, "bands": bands})).scale
    assert [by_bands.of(raw) for raw in (0, 299.9, 300, 600, 601, -1)] == [50, 50, 500, 950, None, None]
    words = compile_document(changed("response.score", {"at": "/s", "values": {"GREEN": 900, "RED": 100}})).scale
    assert [words.of(raw) for raw in ("GREEN", "RED", "BLUE", 900, None)] == [900, 100, None, None, None]


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://127.0.0.1:8010/x", True),
        ("http://[::1]/", True),
        ("http://localhost/", False),
        ("https://1.1.1.1", False),
    ],
)
def test_only_an_address_no_name_server_can_change_is_here(url, here):
    """A test shop's buyers stay on this machine."""
    assert is_loopback(url) is here


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@given(json_values)
def test_no_configuration_makes_anything_but_a_refusal(body):
    """Whatever JSON is given, also in a place that has a meaning: accepted, or Invalid."""
    for given_ in (body, *(DOCUMENT | {name: body} for name in (*DOCUMENT, "headers", "required", "proof"))):
        with suppress(Invalid):
            compile_document(given_)


@given(st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode()), st.integers(100, 599))
def test_no_answer_makes_anything_but_a_named_outcome(raw, status):
    """Whatever bytes come back; a score is never out of range."""
    told = heard(raw, status)
    assert told.outcome in ("scored", "no_hit", "wrong_person", "error", "garbage", "rate_limited")
    assert told.score is None or WORST <= told.score <= BEST


@given(st.floats(100, 600))
def test_a_lower_raw_score_is_never_worse_where_lower_is_better(raw):
    """The scale keeps the order and its ends."""
    scale = compile_document(DOCUMENT).scale
    assert scale.of(100) == BEST
    assert scale.of(600) == WORST
    assert scale.of(raw) >= scale.of(min(600, raw + 1))


def test_the_example_of_the_documents_is_a_configuration():
    """Whoever starts from it starts from something that works."""
    example = question_file.read(str(ROOT / "examples/bureau.yaml"), io.BytesIO())
    scale = compile_document(example).scale
    assert [scale.of(mark) for mark in (1.0, 3.5, 6.0, 0.9)] == [1000, 500, 0, None]


def test_every_script_of_the_sandbox_stands_in_the_documents():
    """A developer finds each outcome by name or postcode."""
    told = (ROOT / "docs/bureau.md").read_text()
    assert not [name for name in sandbox.SCRIPTS if name.isdecimal() and f"| {name} |" not in told]
    names = [name for name in sandbox.SCRIPTS if not name.isdecimal() and name != "weg"]
    assert not [name for name in names if f"`{name.capitalize()}`" not in told]
