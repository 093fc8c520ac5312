"""One cause is one finding."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostiary.model.finding import Audience, Confidence, Evidence, Exposure, Finding, Severity
from ostiary.model.route import Location, Witness
from ostiary.scan.merge import merge

AT = Location("app.py", 10, 5)
OPEN = Finding("missing-authentication", Severity.HIGH, Confidence.MEDIUM, "GET /a is open", at=AT, route=("GET", "/a"), app="app")
TREE = {"a": ("b",), "b": ("c",)}


def subsumes(weakness: str) -> tuple[str, ...]:
    return TREE.get(weakness, ())


findings = st.lists(
    st.builds(
        Finding,
        st.sampled_from("abc"),
        st.sampled_from(Severity),
        st.sampled_from(Confidence),
        st.sampled_from(("one", "two")),
        at=st.none() | st.builds(Location, st.sampled_from(("a.py", "b.py")), st.integers(1, 3)),
        route=st.none() | st.tuples(st.just("GET"), st.sampled_from(("/a", "/b"))),
        app=st.sampled_from(("", "app")),
        exposure=st.sampled_from(Exposure),
        audience=st.sampled_from(Audience),
        witnesses=st.sampled_from(((Witness.CODE,), (Witness.SPEC,), (Witness.LIVE,))),
        suppressed=st.none() | st.just("a reason"),
    ),
    max_size=10,
)


def test_twice_the_same_is_one():
    """The same weakness, app, route and location is one finding with the evidence of both, each piece once."""
    first, shared, second = (Evidence("note", text) for text in ("1", "both", "2"))
    merged = merge([replace(OPEN, evidence=(first, shared)), replace(OPEN, evidence=(shared, second))])
    assert merged == (replace(OPEN, evidence=(first, shared, second)),)


def test_the_graver_speaks():
    """Severity, confidence and exposure of the graver; the message of the gravest; the fix of whoever has one."""
    graver = replace(OPEN, severity=Severity.CRITICAL, message="anybody can write", exposure=Exposure.UNREACHED)
    surer = replace(OPEN, confidence=Confidence.HIGH, fix="@login_required", audience=Audience.AUDITOR)
    expected = replace(graver, confidence=Confidence.HIGH, exposure=Exposure.ANONYMOUS, fix="@login_required")
    assert merge([surer, graver]) == (expected,)


@pytest.mark.parametrize(
    "other",
    [
        replace(OPEN, weakness="missing-rate-limit"),
        replace(OPEN, app="other"),
        replace(OPEN, route=("POST", "/a")),
        replace(OPEN, route=None),
        replace(OPEN, at=Location("app.py", 11, 5)),
    ],
)
def test_different_things_stay_two(other):
    """Another weakness, app, route or place is another finding."""
    assert len(merge([OPEN, other])) == 2


def test_two_witnesses_confirm():
    """Witnesses that share nothing, of one weakness of one route, are one confirmed finding, wherever each saw it."""
    live = replace(OPEN, at=None, confidence=Confidence.LOW, witnesses=(Witness.LIVE,), verdict="vulnerable")
    assert merge([live, OPEN]) == (
        replace(OPEN, confidence=Confidence.CONFIRMED, witnesses=(Witness.CODE, Witness.LIVE), verdict="vulnerable"),
    )


def test_a_place_is_kept():
    """The graver of two witnesses may have seen no code; the place of the other one is shown."""
    live = replace(OPEN, at=None, severity=Severity.CRITICAL, witnesses=(Witness.LIVE,))
    assert [finding.at for finding in merge([live, OPEN])] == [AT]


def test_one_witness_twice_confirms_nothing():
    """Two rules that read the same code are one witness."""
    assert merge([OPEN, OPEN])[0].confidence is Confidence.MEDIUM


def test_witnesses_of_the_app_as_a_whole_need_one_place():
    """Without a route only the same place is the same thing."""
    code = replace(OPEN, weakness="hardcoded-secret", route=None)
    assert len(merge([code, replace(code, at=Location("openapi.json", 1), witnesses=(Witness.SPEC,))])) == 2
    assert len(merge([code, replace(code, witnesses=(Witness.SPEC,))])) == 1


def test_suppressed_only_when_both_are():
    """A reason given for one of two is no reason for the other."""
    quiet = replace(OPEN, suppressed="a reason")
    assert merge([quiet, OPEN])[0].suppressed is None
    assert merge([quiet, quiet])[0].suppressed == "a reason"


def on_a_route(weakness: str, **fields: object) -> Finding:
    return replace(OPEN, weakness=weakness, **fields)


def kept(*some: Finding) -> list[str]:
    return [finding.weakness for finding in merge(some, subsumes)]


def test_the_cause_hides_its_consequence():
    """On the same route the subsumed weakness is not reported beside the other, also two steps away."""
    assert kept(on_a_route("a"), on_a_route("b")) == ["a"]
    assert kept(on_a_route("a"), on_a_route("c")) == ["a"]
    assert kept(on_a_route("c"), on_a_route("b")) == ["b"]


@pytest.mark.parametrize("elsewhere", [{"route": ("POST", "/a")}, {"route": ("GET", "/b")}, {"app": "other"}, {"route": None}])
def test_only_on_the_same_route(elsewhere):
    """Another method, path or app is another route; the app as a whole is none."""
    assert sorted(kept(on_a_route("a"), on_a_route("b", **elsewhere))) == ["a", "b"]
    assert sorted(kept(on_a_route("a", **elsewhere), on_a_route("b"))) == ["a", "b"]


def test_app_wide_findings_hide_nothing():
    """Two matters of the app as a whole stay two, for all that one is the other's cause elsewhere."""
    assert kept(on_a_route("a", route=None), on_a_route("b", route=None, at=Location("app.py", 11))) == ["a", "b"]
    assert kept(on_a_route("a", route=None, at=None), on_a_route("b", route=None, at=None)) == ["a", "b"]


def test_one_line_has_one_cause():
    """Where there is no route, the graver of the two speaks, be it the cause or what it leads to; alike, the cause."""
    cause, follows = on_a_route("a", route=None), on_a_route("b", route=None)
    assert kept(cause, follows) == ["a"]
    assert kept(cause, replace(follows, severity=Severity.CRITICAL)) == ["b"]
    assert kept(cause, replace(follows, severity=Severity.MEDIUM)) == ["a"]
    assert kept(cause, replace(follows, weakness="c", severity=Severity.CRITICAL)) == ["c"]
    assert kept(cause, replace(follows, weakness="z", severity=Severity.CRITICAL)) == ["z", "a"]


def test_a_guess_does_not_speak_for_what_is_certain():
    """A graver finding of low confidence gives way; one that is suppressed, or for auditors, hides nothing."""
    cause, follows = on_a_route("a", route=None), on_a_route("b", route=None, severity=Severity.CRITICAL)
    assert kept(cause, replace(follows, confidence=Confidence.LOW)) == ["a"]
    assert sorted(kept(cause, replace(follows, suppressed="a reason"))) == ["a", "b"]
    assert sorted(kept(cause, replace(follows, audience=Audience.AUDITOR))) == ["a", "b"]


def test_what_is_hidden_itself_hides_nothing():
    """Suppressing the cause does not silence what it used to explain, nor does a finding that only auditors see."""
    assert sorted(kept(on_a_route("a", suppressed="a reason"), on_a_route("b"))) == ["a", "b"]
    assert sorted(kept(on_a_route("a", audience=Audience.AUDITOR), on_a_route("b"))) == ["a", "b"]
    assert kept(on_a_route("a"), on_a_route("b", audience=Audience.AUDITOR)) == ["a"]


def test_relation_is_read_from_the_pages():
    """jwt-not-verified explains invalid-credential-accepted, which explains missing-authentication, which explains bola."""
    names = ("bola", "missing-authentication", "jwt-not-verified", "debug-mode")
    assert [finding.weakness for finding in merge([on_a_route(name) for name in names])] == ["debug-mode", "jwt-not-verified"]


def test_order():
    """Severity, then confidence from high to low; then file, line, weakness, route."""
    expected = [
        on_a_route("z", at=Location("z.py", 3), severity=Severity.CRITICAL, confidence=Confidence.LOW),
        on_a_route("z", at=Location("z.py", 2), confidence=Confidence.HIGH),
        on_a_route("z", at=Location("a.py", 99)),
        on_a_route("z", at=Location("b.py", 2)),
        on_a_route("y", at=Location("b.py", 10)),
        on_a_route("z", at=Location("b.py", 10), route=("GET", "/a")),
        on_a_route("z", at=Location("b.py", 10), route=("GET", "/b")),
        on_a_route("z", at=Location("a.py", 1), severity=Severity.INFO),
    ]
    assert merge(reversed(expected)) == tuple(expected)


def test_order_is_that_of_the_joined():
    """What two witnesses confirm comes before what stood above it."""
    alone, seen = on_a_route("z", at=Location("a.py", 1)), on_a_route("z", at=Location("b.py", 1), route=("GET", "/b"))
    live = replace(seen, at=None, confidence=Confidence.LOW, witnesses=(Witness.LIVE,))
    assert [finding.route for finding in merge([alone, seen, live])] == [("GET", "/b"), ("GET", "/a")]


@pytest.mark.parametrize("other", [{"message": "another"}, {"at": Location("app.py", 10, 1)}])
def test_order_is_total(other):
    """Two findings that differ in column or message only come out alike, whichever came first."""
    first, second = on_a_route("z"), on_a_route("z", **other)
    assert merge([first, second]) == merge([second, first])


@given(findings, st.randoms())
def test_order_of_arrival_does_not_matter(some, random):
    """The same findings in any order give the same result."""
    assert merge(random.sample(some, len(some)), subsumes) == merge(some, subsumes)


@given(findings)
def test_merging_again_changes_nothing(some):
    """What is merged is merged."""
    once = merge(some, subsumes)
    assert merge(once, subsumes) == once
