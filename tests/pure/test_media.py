"""A file comes in only as what its bytes say it is."""

import pytest

from gateway.core.errors import Invalid, TooLarge
from gateway.core.media import MAX_BYTES, checked, clean_name

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
GOOD = {
    "application/pdf": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
    "image/png": PNG,
    "image/jpeg": b"\xff\xd8\xff\xe0\x00\x10JFIF",
    "application/xml": b'\xef\xbb\xbf<?xml version="1.0" encoding="UTF-8"?><Invoice/>',
    "application/json": b'{"total": 129.90}',
    "text/plain": "Grüße\r\n\tAnna\f".encode(),
    "text/csv": "Datum;Betrag\r\n01.11.2026;12,50 €".encode("cp1252"),
}


@pytest.mark.parametrize("media_type", GOOD)
def test_an_honest_file_is_accepted(media_type):
    """Every accepted kind, with a parameter and in capitals as mail programs write them."""
    assert checked(GOOD[media_type], media_type) == media_type
    assert checked(GOOD[media_type], f"{media_type.upper()}; charset=utf-8") == media_type


def test_old_names_of_media_types_are_known():
    """`text/xml` and `image/jpg` still come."""
    assert checked(b"<Document/>", "text/xml") == "application/xml"
    assert checked(GOOD["image/jpeg"], "image/jpg") == "image/jpeg"


@pytest.mark.parametrize("said", GOOD)
@pytest.mark.parametrize("sent", GOOD)
def test_a_file_under_a_false_flag_is_refused(said, sent):
    """No binary passes as text, no text as an image; text is a family of its own."""
    text_family = {"application/xml", "application/json", "text/plain", "text/csv"}
    if sent == said or (sent in text_family and said in {"text/plain", "text/csv"}):
        checked(GOOD[sent], said)
        return
    with pytest.raises(Invalid) as caught:
        checked(GOOD[sent], said)
    assert caught.value.facts["errors"] == [{"path": "/content", "message": f"the bytes are not {said}"}]


@pytest.mark.parametrize(
    ("media_type", "content"),
    [
        ("application/xml", b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'),
        ("application/xml", b"<html xmlns='http://www.w3.org/1999/xhtml'><script/></html>"),
        ("application/xml", b"<svg onload='x()'/>"),
        ("application/xml", b"a < b"),
        ("application/json", b"{'a': 1}"),
        ("application/json", b'{"a": NaN}'),
        ("application/json", b"[" * 200_000),
        ("text/plain", b"  <!DOCTYPE html><script>"),
        ("text/plain", b"MZ\x90\x00\x03"),
        ("text/csv", b"PK\x03\x04"),
        ("text/plain", b"%PDF-1.4"),
    ],
)
def test_a_trap_is_refused(media_type, content):
    """Entities, pages for a browser, endless nesting, programs and archives stay outside."""
    with pytest.raises(Invalid):
        checked(content, media_type)


@pytest.mark.parametrize("media_type", ["text/html", "image/svg+xml", "application/zip", "", "pdf"])
def test_a_kind_that_is_not_on_the_list_is_refused(media_type):
    """The answer names the kinds that are."""
    with pytest.raises(Invalid) as caught:
        checked(b"x", media_type)
    assert "application/pdf" in caught.value.facts["errors"][0]["message"]


def test_ten_megabytes_are_the_limit():
    """One byte more is too large; nothing at all is no document."""
    assert checked(b"a" * MAX_BYTES, "text/plain") == "text/plain"
    with pytest.raises(TooLarge):
        checked(b"a" * (MAX_BYTES + 1), "text/plain")
    with pytest.raises(Invalid):
        checked(b"", "text/plain")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Rechnung 4711.pdf", "Rechnung 4711.pdf"),
        ("C:\\Users\\anna\\Rechnung.pdf", "Rechnung.pdf"),
        ("../../etc/passwd", "passwd"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("a\r\nX-Header: b.pdf\u2028", "aX-Header: b.pdf"),
        ("\ud800.pdf ", "pdf"),
        ("a" * 300 + ".pdf", "a" * 196 + ".pdf"),
        ("b" * 300, "b" * 200),
    ],
)
def test_a_file_name_keeps_only_what_can_be_seen(given, kept):
    """No folders, no control characters, nothing that turns the reading direction."""
    assert clean_name(given) == kept


@pytest.mark.parametrize("name", ["", "/", "..", "\x00", " . "])
def test_a_file_without_a_name_is_refused(name):
    """It would have to be shown as something."""
    with pytest.raises(Invalid):
        clean_name(name)
