"""The trie of patterns says what the patterns say, one by one; its size is that of the patterns."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ostiary.guard.pathtrie import PathTrie
from ostiary.model import patterns

PARTS = st.sampled_from(["a", "b", "*", "**", "a*", "*b", "a*b", "{id}"])
PATTERNS = st.lists(st.lists(PARTS, min_size=1, max_size=4).map(lambda parts: "/" + "/".join(parts)), max_size=6)
PATHS = st.lists(st.sampled_from(["a", "b", "c", "ab", "aXb", "", "*", "a\nb"]), min_size=1, max_size=6).map(
    lambda parts: "/a" + "/".join(parts)
)


@given(PATTERNS, st.lists(PATHS, min_size=1, max_size=8))
def test_the_trie_finds_what_each_pattern_matches(given_patterns: list[str], paths: list[str]) -> None:
    """Whatever was asked before, the answer is that of ``model.patterns`` for every single pattern."""
    trie = PathTrie(given_patterns)
    for path in paths:
        expected = [index for index, one in enumerate(given_patterns) if patterns.matches(one.replace("{id}", "*"), path)]
        assert list(trie.find(path)) == expected


def test_a_pattern_with_a_slash_at_its_end_means_both() -> None:
    """``/a/`` is for ``/a`` and for ``/a/``; ``/a`` is for ``/a`` alone; the root is the root."""
    trie = PathTrie(["/a/", "/a", "/"])
    assert [trie.find(path) for path in ("/a", "/a/", "/", "/b")] == [(0, 1), (0,), (2,), ()]


def test_strangers_cannot_make_it_grow() -> None:
    """Ten thousand different paths leave no more nodes than the first few did."""
    trie = PathTrie(["/orders/*", "/files/**/raw", "/reports/r-*"])
    for path in ("/orders/1", "/files/1/raw", "/reports/r-1", "/x", "/orders/1/2/3", "/files/a/b/raw/c"):
        trie.find(path)
    before = len(trie._nodes)
    for n in range(10_000):
        trie.find(f"/orders/{n}")
        trie.find(f"/files/{n}/{n}/raw/{n}")
        trie.find(f"/reports/r-{n}")
        trie.find(f"/{n}/{n}")
    assert len(trie._nodes) == before
