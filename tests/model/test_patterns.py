"""Patterns of paths mean exactly what they say."""

from __future__ import annotations

import pytest

from ostiary.model import patterns


@pytest.mark.parametrize(
    ("pattern", "path", "meant"),
    [
        ("/health", "/health", True),
        ("/health", "/health/", False),
        ("/health", "/healthy", False),
        ("/health", "/Health", False),
        ("/docs/*", "/docs/a", True),
        ("/docs/*", "/docs", False),
        ("/docs/*", "/docs/a/b", False),
        ("/docs/**", "/docs", True),
        ("/docs/**", "/docs/a/b", True),
        ("/docs/**", "/docsx", False),
        ("/**/health", "/health", True),
        ("/**/health", "/a/b/health", True),
        ("/**/health", "/a/unhealth", False),
        ("/v*/ping", "/v12/ping", True),
        ("/v*/ping", "/v1/x/ping", False),
        ("/orders/*", "/orders/{id}", True),
        ("/a.b", "/axb", False),
        ("/", "/", True),
        ("/", "/a", False),
        ("/**", "/", True),
        ("**/models.py", "models.py", True),
        ("**/models.py", "app/db/models.py", True),
        ("app/*.py", "app/main.py", True),
        ("app/*.py", "app/db/main.py", False),
    ],
)
def test_a_star_is_one_segment_two_are_any_number(pattern: str, path: str, meant: bool) -> None:
    """``*`` stays within a segment, ``**`` spans them, everything else is literal."""
    assert patterns.matches(pattern, path) is meant


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("/x", (None, "/x")),
        ("GET /x", ("GET", "/x")),
        ("  get   /x ", ("GET", "/x")),
        ("x", None),
        ("GET x", None),
        ("GET", None),
        ("", None),
        ("GET,POST /x", None),
        ("GET POST /x", None),
    ],
)
def test_a_route_pattern_is_a_path_with_or_without_a_method(text: str, parsed: tuple[str | None, str] | None) -> None:
    """Anything else is no pattern."""
    assert patterns.route_pattern(text) == parsed


@pytest.mark.parametrize(("pattern", "meant"), [("/x", True), ("GET /x", True), ("get /x", True), ("POST /x", False), ("nonsense", False)])
def test_a_method_narrows(pattern: str, meant: bool) -> None:
    """Without a method every method is meant; what is no pattern means nothing."""
    assert patterns.matches_route(pattern, ("GET", "/x")) is meant
