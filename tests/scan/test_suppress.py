"""Findings are accepted with a reason, for a time, and never the gravest by the code that has them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from ostiary.errors import ConfigError
from ostiary.model.finding import Confidence, Finding, Severity
from ostiary.model.route import Location
from ostiary.scan.config import SuppressRule
from ostiary.scan.suppress import Comment, apply_suppressions, public_marks

TODAY = date(2030, 6, 15)
FOUND = Finding("debug-mode", Severity.HIGH, Confidence.HIGH, "on", Location("app.py", 10, 5))
RULE = SuppressRule(reason="file says so", weakness="debug-mode", file="app.py", where="ostiary.toml:3")


def comment(text: str, line: int = 10, *, alone: bool = False, file: str = "app.py") -> Comment:
    return Comment(file, line, text, alone)


def accepted(*comments: Comment, rules: tuple[SuppressRule, ...] = (), finding: Finding = FOUND) -> tuple[str | None, tuple[str, ...]]:
    """The reason that the finding was given, and the notices."""
    findings, notices = apply_suppressions((finding,), comments, rules, TODAY)
    return findings[0].suppressed, notices


def test_a_comment_on_the_line_accepts_with_its_reason() -> None:
    """The reason is kept, options are not part of it, nothing is noticed."""
    assert accepted(comment("ignore[debug-mode] local, never deployed, until=2031-01-01, owner=ada")) == ("local, never deployed", ())


@pytest.mark.parametrize(
    ("line", "alone", "file", "applies"),
    [
        (10, False, "app.py", True),
        (9, False, "app.py", False),
        (11, False, "app.py", False),
        (9, True, "app.py", True),
        (10, True, "app.py", True),
        (8, True, "app.py", False),
        (10, False, "other.py", False),
    ],
)
def test_a_comment_means_its_line_and_when_alone_the_next(line: int, alone: bool, file: str, applies: bool) -> None:
    """Neither further down nor in another file."""
    reason, _ = accepted(comment("ignore[debug-mode] why", line, alone=alone, file=file))
    assert reason == ("why" if applies else None)


def test_comments_above_each_other_mean_the_line_below_the_last() -> None:
    """Several comments that stand alone may be stacked."""
    stacked = [comment("ignore[cors-permissive] a", 8, alone=True), comment("ignore[debug-mode] b", 7, alone=True)]
    between = comment("public c", 9, alone=True)
    assert accepted(*stacked, between)[0] == "b"
    assert accepted(*stacked)[0] is None


def test_an_id_must_be_named() -> None:
    """Another weakness of the line stays; several ids may be listed."""
    assert accepted(comment("ignore[cors-permissive] x"))[0] is None
    assert accepted(comment("ignore[cors-permissive, debug-mode] x"))[0] == "x"


def test_plain_tuples_are_comments() -> None:
    """The reader hands over tuples of file, line, text and whether it stands alone."""
    findings, _ = apply_suppressions((FOUND,), [("app.py", 10, "ignore[debug-mode] x", False)], (), TODAY)
    assert findings[0].suppressed == "x"
    assert public_marks([("app.py", 1, "public x", False)]) == {("app.py", 1): "x"}


GRAVE = [replace(FOUND, severity=Severity.CRITICAL), replace(FOUND, confidence=Confidence.CONFIRMED)]


@pytest.mark.parametrize("finding", GRAVE, ids=["critical", "confirmed"])
def test_the_gravest_are_accepted_in_the_file_only(finding: Finding) -> None:
    """A comment on a critical or confirmed finding is refused and said; the configuration may accept it."""
    said = "app.py:10: ignore[debug-mode] is not applied: critical or confirmed findings are accepted in ostiary.toml only"
    assert accepted(comment("ignore[debug-mode] x"), finding=finding) == (None, (said,))
    assert accepted(rules=(RULE,), finding=finding) == ("file says so", ())
    assert accepted(comment("ignore[debug-mode] x"), rules=(RULE,), finding=finding) == ("file says so", ())


@pytest.mark.parametrize(("until", "holds"), [(date(2030, 6, 14), False), (TODAY, True), (date(2030, 6, 16), True)])
def test_an_end_is_the_last_day(until: date, holds: bool) -> None:
    """On its last day a suppression holds, the day after it is not applied and said so; in code and in the file."""
    reason, notices = accepted(comment(f"ignore[debug-mode] x, until={until}"))
    assert (reason, notices) == (("x", ()) if holds else (None, (f"app.py:10: ignore[debug-mode] expired on {until} and is not applied",)))
    reason, notices = accepted(rules=(replace(RULE, until=until),))
    assert reason == ("file says so" if holds else None)
    assert notices == (() if holds else (f"ostiary.toml:3: suppression of debug-mode expired on {until} and is not applied",))


def test_who_may_know_is_named_when_it_ends() -> None:
    """The owner of an expired suppression, in code and in the file."""
    past = date(2030, 1, 1)
    _, notices = accepted(comment("ignore[debug-mode] x, until=2030-01-01, owner=ada"), rules=(replace(RULE, until=past, owner="bob"),))
    assert [notice.rpartition("; ")[2] for notice in notices] == ["ask bob", "ask ada"]


def test_what_matches_nothing_is_stale() -> None:
    """A comment and a rule that mean no finding are to be removed."""
    _, notices = accepted(comment("ignore[cors-permissive] x", 3), rules=(replace(RULE, file="gone.py"),))
    assert notices == (
        "ostiary.toml:3: suppression of debug-mode matches no finding; remove it",
        "app.py:3: ignore[cors-permissive] matches no finding; remove it",
    )


def test_two_that_mean_one_finding_are_both_in_use() -> None:
    """The configuration speaks first, and the comment is not stale for it."""
    assert accepted(comment("ignore[debug-mode] code"), rules=(RULE,)) == ("file says so", ())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ignore[debug-mode]", "ignore needs a reason"),
        ("ignore[debug-mode] ---", "ignore needs a reason"),
        ("ignore[debug-mode], until=2030-01-01", "ignore needs a reason"),
        ("ignore[debug-mod] x", "no weakness is called 'debug-mod'; did you mean 'debug-mode'?"),
        ("ignore[] x", "no weakness is called that"),
        ("ignore[debug-mode] x, until=soon", "until is a day, as in 2030-12-31"),
        ("ignore[debug-mode] x, until=2030-02-30", "until is a day"),
        ("ignore[debug-mode] x, until=", "until is empty"),
        ("ignore[debug-mode] x, til=2030-01-01", "an option is unknown or there twice"),
        ("ignore[debug-mode] x, owner=a, owner=b", "an option is unknown or there twice"),
        ("ignore debug-mode x", "this is neither ignore[weakness] reason nor public reason"),
        ("ignroe[debug-mode] x", "this is neither"),
        ("", "this is neither"),
    ],
)
def test_a_bad_comment_is_refused_with_its_line(text: str, said: str) -> None:
    """File and line first, then what is wrong."""
    with pytest.raises(ConfigError) as refused:
        accepted(comment(text))
    assert str(refused.value).startswith(f"app.py:10: {said}")


@pytest.mark.parametrize("text", ["{}", "ignore[{}] x", "ignore[debug-mode] x, until={}"])
def test_a_bad_comment_is_not_quoted(text: str) -> None:
    """A secret that somebody wrote into a comment stays there."""
    with pytest.raises(ConfigError) as refused:
        accepted(comment(text.format("hunter2Zq9")))
    assert "hunt" not in str(refused.value)


def test_public_comments_mark_their_lines() -> None:
    """Own line, and the line below when alone; an ignore comment marks nothing."""
    comments = [comment("public for the load balancer", 3, alone=True), comment("public: docs", 9), comment("ignore[debug-mode] x", 12)]
    assert public_marks(comments) == {
        ("app.py", 3): "for the load balancer",
        ("app.py", 4): "for the load balancer",
        ("app.py", 9): "docs",
    }


@pytest.mark.parametrize("text", ["public", "public -", "public   "])
def test_public_needs_a_reason(text: str) -> None:
    """Public on purpose is written down with the purpose."""
    with pytest.raises(ConfigError, match=r"^app.py:10: public needs a reason"):
        public_marks([comment(text)])


def test_public_comments_accept_no_finding() -> None:
    """A public mark is the reader's to honour; it suppresses nothing by itself."""
    assert accepted(comment("public x")) == (None, ())
