"""Every way in which a framework may read a path."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostiary.guard.readings import below, readings


@pytest.mark.parametrize(
    ("path", "target", "expected"),
    [
        ("/a/b", "/a/b", {"/a/b"}),
        ("/", "", {"/"}),
        ("/a b", "/a%20b", {"/a b"}),
        ("/a//b", "", {"/a//b", "/a/b"}),
        ("/a/./b", "", {"/a/./b", "/a/b"}),
        ("/a/../b", "", {"/a/../b", "/b"}),
        ("/..", "", {"/..", "/"}),
        ("/a\\b", "", {"/a\\b", "/a/b"}),
        ("/a;x/b", "", {"/a;x/b", "/a/b"}),
        ("/a?b", "", {"/a?b", "/a"}),
        ("/a#b", "", {"/a#b", "/a"}),
        ("/%62", "/%2562", {"/%62", "/b"}),
        ("/%2562", "", {"/%2562", "/%62", "/b"}),
        ("/ａ", "", {"/ａ", "/a"}),
        ("/a/b", "/a%2fb?x=1", {"/a/b", "/a\x1fb"}),
        ("/a/b", "http://host/a%2Fb", {"/a/b", "/a\x1fb"}),
        ("/a/b", "/mount/a%2fb", {"/a/b", "/a\x1fb"}),
        ("/a/b", "/a/b?next=%2f", {"/a/b"}),
        ("/a//../b", "", {"/a//../b", "/a/../b", "/a/b", "/b"}),
    ],
)
def test_readings_of_a_path(path: str, target: str, expected: set[str]) -> None:
    """All of them, and the path itself; U+001F is an encoded slash that parts nothing."""
    assert readings(path, target) == expected


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("", ""),
        ("*", ""),
        ("a/b", ""),
        ("/a\0", ""),
        ("/a\n", ""),
        ("/\x7f", ""),
        ("/\x85", ""),
        ("/\ufffd", ""),
        ("/%00", ""),
        ("/%251f", ""),
        ("/%ff", ""),
        ("/%252525252562", ""),
        ("/a/b", "/c%2fd"),
        ("/a//./b;c?d\\..%2f", ""),
    ],
)
def test_what_is_no_path(path: str, target: str) -> None:
    """Control characters, broken UTF-8, endless encodings, another path's target, and too many readings at once."""
    assert readings(path, target) is None


@given(st.text(max_size=60), st.text(max_size=60))
def test_whatever_is_sent_has_few_readings(path: str, target: str) -> None:
    """No text of a stranger raises or makes more than sixteen; the path itself is among them."""
    found = readings(path, target)
    assert found is None or (path in found and len(found) <= 16)


@pytest.mark.parametrize(
    ("path", "root", "expected"),
    [
        ("/a", "", "/a"),
        ("/api/a", "/api", "/a"),
        ("/api/a", "/api/", "/a"),
        ("/api", "/api", "/"),
        ("/a", "/api", "/a"),
        ("/apix/a", "/api", None),
        ("/x/api/a", "/api", None),
    ],
)
def test_the_path_below_a_root(path: str, root: str, expected: str | None) -> None:
    """Litestar and Quart cut at the first place where the root stands, Starlette only at the front: None where that matters."""
    assert below(path, root) == expected
