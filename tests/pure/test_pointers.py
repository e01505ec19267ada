"""JSON pointers lead to what is there, and to nothing else."""

from gateway.core.pointers import find, put


def test_pointers_reach_what_they_made():
    """RFC 6901, with its escapes; lists by number."""
    document = {}
    put(document, "/a~1b/c~0d", 1)
    assert document == {"a/b": {"c~d": 1}}
    assert find(document, "/a~1b/c~0d") == 1
    assert find({"a": [{"b": 2}]}, "/a/0/b") == 2
    assert find({"a": [1]}, "/a/5") is None
    assert find({"a": [1, 2]}, "/a/²") is None, "a digit, and no number"
