"""``ostiary scan`` with plain words, read without click, whose import takes as long as reading twenty files.

What is not plain (help, a mistake, words run together) is left to click, which knows what to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

FORMATS = ("text", "json", "sarif", "html")
SEVERITIES = ("critical", "high", "medium", "low", "never")
AUDIENCES = ("developer", "auditor", "sample")
BEST_SCORE = 100


def _one_of(known: Sequence[str]) -> Callable[[str], str]:
    return lambda typed: known[known.index(typed)]


def _score(typed: str) -> int:
    return range(BEST_SCORE + 1).index(int(typed))


_VALUES: dict[str, tuple[str, Callable[[str], Any]]] = {
    "--format": ("name", _one_of(FORMATS)),
    "--output": ("output", Path),
    "-o": ("output", Path),
    "--json": ("json", Path),
    "--sarif": ("sarif", Path),
    "--html": ("html", Path),
    "--fail-on": ("fail_on", _one_of(SEVERITIES)),
    "--min-score": ("min_score", _score),
    "--baseline": ("baseline", Path),
    "--write-baseline": ("write_baseline", Path),
    "--config": ("config", Path),
    "--audience": ("audience", _one_of(AUDIENCES)),
}
_FLAGS = {
    "--new-only": "new_only",
    "--include-tests": "include_tests",
    "--allow-incomplete": "allow_incomplete",
    "--all": "everything",
    "--quiet": "quiet",
    "-q": "quiet",
}


def scan_words(typed: Sequence[str]) -> dict[str, Any] | None:
    """What click would make of the words after ``ostiary scan``, None when click must be asked."""
    found: dict[str, Any] = dict.fromkeys(name for name, _ in _VALUES.values()) | dict.fromkeys(_FLAGS.values(), False)
    found |= {"name": FORMATS[0], "audience": AUDIENCES[0]}
    words = iter(typed)
    try:
        for word in words:
            name, value = _read(word, words)
            if name == "path" and name in found:
                return None
            found[name] = value
    except ValueError:
        return None
    return {"path": Path()} | found


def _read(word: str, following: Iterator[str]) -> tuple[str, Any]:
    """The name and the value that a word gives; ValueError when it is not plain."""
    if word in _FLAGS:
        return _FLAGS[word], True
    option, equals, given = word.partition("=")
    if option in _VALUES and not (equals and option == "-o"):
        name, read = _VALUES[option]
        return name, read(given if equals else _plain(next(following, "-")))
    return "path", Path(_plain(word))


def _plain(word: str) -> str:
    if word.startswith("-"):
        raise ValueError(word)
    return word
