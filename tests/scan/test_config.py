"""Configuration: read where it should be, refused with file and line where it is wrong."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from ostiary.errors import ConfigError
from ostiary.model.finding import Confidence, Finding, Severity
from ostiary.model.route import Location, Route
from ostiary.scan.config import Config, PublicRule, SuppressRule, load, public_reason, unused_public

FULL = """\
exclude = ["scripts/**", "old"]
include-tests = true
fail-on = "medium"
min-score = 80

[public]
"GET /health" = "load balancer"
"/docs/**" = "documentation"

[[suppress]]
weakness = "missing-rate-limit"
route = "GET /status"
reason = "limited by the gateway"
until = 2030-12-31
owner = "platform"

[[suppress]]
fingerprint = "00ff"
file = "app/*.py"
reason = "reviewed"
"""
READ = Config(
    exclude=("scripts/**", "old"),
    include_tests=True,
    fail_on=Severity.MEDIUM,
    min_score=80,
    public=(PublicRule("GET /health", "load balancer", "ostiary.toml:7"), PublicRule("/docs/**", "documentation", "ostiary.toml:8")),
    suppress=(
        SuppressRule(
            reason="limited by the gateway",
            weakness="missing-rate-limit",
            route="GET /status",
            until=date(2030, 12, 31),
            owner="platform",
            where="ostiary.toml:11",
        ),
        SuppressRule(reason="reviewed", fingerprint="00ff", file="app/*.py", where="ostiary.toml:18"),
    ),
    file="ostiary.toml",
)


def in_tree(folder: Path, text: str, name: str = "ostiary.toml") -> Config:
    (folder / name).write_text(text, encoding="utf-8")
    return load(folder)


def refusal(folder: Path, text: str, name: str = "ostiary.toml") -> str:
    with pytest.raises(ConfigError) as refused:
        in_tree(folder, text, name)
    return str(refused.value)


def test_reads_every_key(tmp_path: Path) -> None:
    """Every key arrives, with the line of what may have to be shown again."""
    assert in_tree(tmp_path, FULL) == READ


def test_reads_the_section_of_pyproject(tmp_path: Path) -> None:
    """The same keys under [tool.ostiary], next to other tools."""
    section = FULL.replace("[public]", "[tool.ostiary.public]").replace("[[suppress]]", "[[tool.ostiary.suppress]]")
    config = in_tree(tmp_path, f"[project]\nname = 'x'\n\n[tool.ostiary]\n{section}", "pyproject.toml")
    assert [rule.where for rule in config.suppress] == ["pyproject.toml:15", "pyproject.toml:22"]
    assert (config.exclude, config.fail_on, [rule.pattern for rule in config.public]) == (
        READ.exclude,
        Severity.MEDIUM,
        ["GET /health", "/docs/**"],
    )


def test_without_a_file_there_are_defaults(tmp_path: Path) -> None:
    """No file, an empty one, and a pyproject of somebody else: the defaults."""
    assert load(tmp_path) == Config()
    assert in_tree(tmp_path, "[tool.other]\nostiary = 1\n", "pyproject.toml") == Config()
    assert in_tree(tmp_path, "") == Config(file="ostiary.toml")


def test_a_broken_pyproject_of_somebody_else_is_no_matter(tmp_path: Path) -> None:
    """A template that is no TOML is refused only when it is meant for us."""
    assert in_tree(tmp_path, "{{ cookiecutter.name }}\n", "pyproject.toml") == Config()
    assert refusal(tmp_path, "[tool.ostiary]\n{{ x }}\n", "pyproject.toml").startswith("pyproject.toml:2: bad TOML")


def test_two_configurations_are_one_too_many(tmp_path: Path) -> None:
    """Nobody has to guess which of two holds."""
    (tmp_path / "pyproject.toml").write_text("[tool.ostiary]\n")
    assert "keep one of them" in refusal(tmp_path, "")


def test_a_named_file_counts_alone(tmp_path: Path) -> None:
    """--config is read instead of what the tree has."""
    (tmp_path / "ostiary.toml").write_text("nonsense")
    other = tmp_path / "other.toml"
    other.write_text("min-score = 5")
    assert load(tmp_path, other).min_score == 5


def test_the_configuration_of_a_file_stands_beside_it(tmp_path: Path) -> None:
    """Scanning one file reads the configuration of its folder."""
    (tmp_path / "ostiary.toml").write_text("min-score = 5")
    (tmp_path / "app.py").write_text("")
    assert load(tmp_path / "app.py").min_score == 5


def test_never_is_no_severity(tmp_path: Path) -> None:
    """fail-on = never switches the gate off."""
    assert in_tree(tmp_path, 'fail-on = "never"').fail_on is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("exclude = [\n", "ostiary.toml:1: bad TOML"),
        ("\nexlude = []", "ostiary.toml:2: unknown key 'exlude'; did you mean 'exclude'?"),
        ("fail_on = 'high'", "ostiary.toml:1: unknown key 'fail_on'; did you mean 'fail-on'?"),
        ("zzz = 1", "ostiary.toml:1: unknown key 'zzz'"),
        ("exclude = 'x'", "ostiary.toml:1: exclude is a list of texts"),
        ("exclude = [1]", "ostiary.toml:1: exclude is a list of texts"),
        ("include-tests = 'yes'", "ostiary.toml:1: include-tests is true or false"),
        ("fail-on = 'hihg'", "ostiary.toml:1: fail-on is one of critical, high, medium, low, never, not 'hihg'; did you mean 'high'?"),
        ("min-score = true", "ostiary.toml:1: min-score is a whole number"),
        ("min-score = 101", "ostiary.toml:1: min-score is between 0 and 100, not 101"),
        ("public = []", "ostiary.toml:1: public is a table of pattern = reason"),
        ("[public]\n\n'/x' = ''", "ostiary.toml:3: public '/x' needs a reason"),
        ("[public]\n'/x' = '-'", "ostiary.toml:2: public '/x' needs a reason"),
        ("[public]\n'/x' = true", "ostiary.toml:2: public '/x' needs a reason"),
        ("[public]\n'x' = 'y'", "ostiary.toml:2: 'x' is no route pattern"),
        ("public = { 'x' = 'y' }", "ostiary.toml:1: 'x' is no route pattern"),
        ("suppress = 1", "ostiary.toml:1: suppress is written as [[suppress]] tables"),
        ("suppress = [1]", "ostiary.toml:1: a suppression is a [[suppress]] table"),
    ],
)
def test_a_mistake_is_refused_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    """File, line, what is wrong, and the word that was meant."""
    assert refusal(tmp_path, text).startswith(said)


FIRST = "[[suppress]]\nweakness = 'debug-mode'\nfile = 'a.py'\nreason = 'x'\n"
GOOD = {"weakness": "'debug-mode'", "file": "'a.py'", "reason": "'x'"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"reason": None}, "ostiary.toml:5: a suppression needs a reason"),
        ({"reason": "'!'"}, "ostiary.toml:8: a suppression needs a reason"),
        ({"reason": "''"}, "ostiary.toml:8: reason is empty"),
        ({"weakness": "'debug-mod'"}, "ostiary.toml:6: no weakness is called 'debug-mod'; did you mean 'debug-mode'?"),
        ({"weakness": None}, "ostiary.toml:5: a suppression names its weakness or fingerprint"),
        ({"file": None}, "ostiary.toml:5: a suppression names its file or route or fingerprint"),
        ({"until": "'soon'"}, "ostiary.toml:9: until is a day, as in 2030-12-31"),
        ({"until": "2030-12-31T10:00:00Z"}, "ostiary.toml:9: until is a day, as in 2030-12-31"),
        ({"route": "'x'"}, "ostiary.toml:9: 'x' is no route pattern"),
        ({"resaon": "'x'"}, "ostiary.toml:9: unknown key 'resaon'; did you mean 'reason'?"),
        ({"owner": "1"}, "ostiary.toml:9: owner is a text"),
    ],
)
def test_a_bad_suppression_is_refused_with_its_line(tmp_path: Path, changes: dict[str, str | None], said: str) -> None:
    """The line is that of the second suppression, the bad one; a missing key is shown at its header."""
    lines = [f"{key} = {value}" for key, value in (GOOD | changes).items() if value is not None]
    assert refusal(tmp_path, FIRST + "[[suppress]]\n" + "\n".join(lines)).startswith(said)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """Bytes that are no UTF-8, and more than a configuration ever needs."""
    (tmp_path / "ostiary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"^ostiary.toml: is not UTF-8"):
        load(tmp_path)
    (tmp_path / "ostiary.toml").write_bytes(b"#" * 1024 * 1025)
    with pytest.raises(ConfigError, match=r"^ostiary.toml: a configuration over 1 MB"):
        load(tmp_path)


def test_the_first_pattern_that_means_a_route_gives_the_reason() -> None:
    """A method narrows; a route that no pattern means has no reason."""
    rules = (PublicRule("POST /x", "one"), PublicRule("/x", "two"), PublicRule("/**", "three"))
    assert [public_reason(rules, key) for key in (("POST", "/x"), ("GET", "/x"), ("GET", "/y"))] == ["one", "two", "three"]
    assert public_reason(rules[:2], ("GET", "/y")) is None


def test_a_pattern_that_means_no_route_is_reported() -> None:
    """With its file and line; the ones that mean a route are not."""
    rules = (PublicRule("/x", "a", "ostiary.toml:2"), PublicRule("GET /old/*", "b", "ostiary.toml:3"))
    assert unused_public(rules, (Route("GET", "/x"),)) == ("ostiary.toml:3: public pattern 'GET /old/*' matches no route",)


FOUND = Finding("debug-mode", Severity.HIGH, Confidence.HIGH, "", Location("app/main.py", 3), route=("GET", "/x/{id}"), fingerprint="00ff")


@pytest.mark.parametrize(
    ("conditions", "meant"),
    [
        ({"weakness": "debug-mode", "file": "app/*.py"}, True),
        ({"weakness": "debug-mode", "file": "*.py"}, False),
        ({"weakness": "cors-permissive", "file": "app/*.py"}, False),
        ({"weakness": "debug-mode", "route": "GET /x/*"}, True),
        ({"weakness": "debug-mode", "route": "/x/{id}"}, True),
        ({"weakness": "debug-mode", "route": "POST /x/*"}, False),
        ({"fingerprint": "00ff"}, True),
        ({"fingerprint": "00fe"}, False),
        ({"fingerprint": "00ff", "file": "other.py"}, False),
    ],
)
def test_every_condition_of_a_suppression_must_hold(conditions: dict[str, str], meant: bool) -> None:
    """Weakness, file, route and fingerprint, each when it is set."""
    assert SuppressRule(reason="r", **conditions).matches(FOUND) is meant


def test_a_place_that_a_finding_does_not_have_matches_nothing() -> None:
    """An app-wide finding is in no file and on no route."""
    nowhere = Finding("debug-mode", Severity.HIGH, Confidence.HIGH, "")
    assert not SuppressRule(reason="r", weakness="debug-mode", file="**").matches(nowhere)
    assert not SuppressRule(reason="r", weakness="debug-mode", route="/**").matches(nowhere)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = " + "[" * 100_000, "ostiary.toml:1: bad TOML: nested too deep"),
        ("\n" + "a." * 100_000 + "b = 1", "ostiary.toml:2: bad TOML: a key is nested too deep"),
        ("min-score = " + "9" * 5000, "ostiary.toml:1: bad TOML: a number is too long"),
    ],
)
def test_a_hostile_configuration_is_refused_at_once(text: str, said: str, tmp_path: Path) -> None:
    """What Python's TOML reader breaks on, or needs minutes for, is a bad configuration, not a defect of ours."""
    (tmp_path / "ostiary.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        load(tmp_path)
    assert str(error.value) == said


@pytest.mark.parametrize("text", ["[tool]\nostiary = 3\n", "tool.ostiary = 3\n"])
def test_a_section_that_is_no_table_is_refused(text: str, tmp_path: Path) -> None:
    """However it is spelt in pyproject.toml, it is ours to judge."""
    (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"tool\.ostiary is a table"):
        load(tmp_path)
