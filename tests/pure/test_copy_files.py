"""A copy of data as files: a page that people can read and nobody can inject into, and a ZIP with every document."""

import io
import json
import zipfile

from hypothesis import given
from hypothesis import strategies as st

from gateway.privacy import copy_files, copy_texts

COPY = {
    "language": "de",
    "live": True,
    "orders": [{"reference": "A-1", "currency": "CHF", "total_minor": 4_990, "placed_at": "2026-11-24T10:05:00+00:00"}],
    "buyer": {"objects_since": None, "guest": False},
}


def test_amounts_and_times_are_written_as_people_write_them():
    """In the order's own currency; what is empty is left out."""
    page = copy_files.as_page(COPY).decode()
    assert "49,90" in page
    assert "CHF" in page
    assert "24.11.2026 10:05 UTC" in page
    assert "Widerspruch seit" not in page
    assert "<dt>Gast</dt><dd>nein</dd>" in page


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["orders", "buyer", "x_minor", "since", "<b>", "made_at"]), JSON))
def test_whatever_was_told_is_shown_as_text(told):
    """No value becomes markup, and none makes it fail."""
    page = copy_files.as_page({"language": "en", **told, "buyer": {"name": "<script>alert(1)</script>"}}).decode()
    assert "<script" not in page
    assert json.loads(copy_files.as_json(told)) == told


def test_documents_of_one_name_are_both_in_the_zip_and_none_leaves_its_folder():
    """A name is a name, never a path."""
    made = copy_files.as_zip(COPY, [("bill.pdf", b"1"), ("bill.pdf", b"2"), ("../../etc/passwd", b"3"), ("", b"4")])
    with zipfile.ZipFile(io.BytesIO(made)) as archive:
        names = archive.namelist()
        assert len(names) == len(set(names)) == 6
        assert sorted(archive.read(name) for name in names if name.startswith("documents/")) == [b"1", b"2", b"3", b"4"]
    assert not any(part == ".." for name in names for part in name.split("/"))


def test_every_label_and_statement_is_there_in_both_languages():
    """The page has no half in another language."""
    assert copy_texts.about("de").keys() == copy_texts.about("en").keys()
    for german, english in copy_texts.LABELS.values():
        assert german
        assert english
