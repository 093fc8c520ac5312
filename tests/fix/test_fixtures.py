"""Every bad fixture of a weakness with an automatic fix: fixed and proven, or declared here with the reason."""

from __future__ import annotations

import subprocess
import sys
import tokenize
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from ostiary import api
from ostiary.fix import WEAKNESSES, Fixes
from ostiary.fix.shown import diffs

FIXTURES = sorted(path for name in WEAKNESSES for path in (Path(__file__).parents[1] / "weaknesses" / name).glob("*_bad.py"))
OUTBOUND = "no automatic fix: whether the other service takes its key in a header is its own affair"
NOT_FIXED = {
    ("key-in-query-string", "flask_bad", 38): OUTBOUND,
    ("key-in-query-string", "flask_bad", 39): OUTBOUND,
    ("key-in-query-string", "fastapi_bad", 50): OUTBOUND,
}
# Libraries that the fixtures name and that need not be installed: whatever is asked of them is there.
IMPORTS = """
import importlib.abc, importlib.machinery, os, sys, types

class Anything(type):
    def __getattr__(cls, name): return Anything(name, (), {})
    def __call__(cls, *args, **kwargs): return object.__new__(cls) if cls.__bases__ != (object,) else cls

class Stand(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path, target=None):
        wanted = name.partition(".")[0] in ("boto3", "sqlalchemy", "jose", "pydantic_settings", "itsdangerous_")
        return importlib.machinery.ModuleSpec(name, self, is_package=True) if wanted else None
    def create_module(self, spec):
        module = types.ModuleType(spec.name)
        module.__getattr__ = lambda name: Anything(name, (), {})
        return module
    def exec_module(self, module): pass

class Environment(dict):
    def __missing__(self, name): return "value"

os.environ = Environment(os.environ)
sys.meta_path.insert(0, Stand())
import service
"""


def copied(fixture: Path, folder: Path) -> Path:
    """The fixture alone in a folder, so that it is nobody's test."""
    (folder / "service.py").write_bytes(fixture.read_bytes())
    return folder


def own(fixture: Path, folder: Path) -> Fixes:
    """Only its own weakness is fixed."""
    return api.fix(copied(fixture, folder), only=[fixture.parent.name])


def by_fixture(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """The fixture with all its patches, made once."""

    @cache
    def fix(fixture: Path) -> Path:
        folder = copied(fixture, tmp_path_factory.mktemp(fixture.stem))
        api.apply_fixes(folder, api.fix(folder))
        return folder

    return fix


@pytest.mark.parametrize("fixture", FIXTURES, ids=by_fixture)
def test_each_finding_goes_or_is_declared(fixture: Path, tmp_path: Path) -> None:
    """The scan of the result knows no finding but those that have no automatic fix, for the reason given here."""
    fixes = own(fixture, tmp_path)
    api.apply_fixes(tmp_path, fixes)
    declared = {key[2]: why for key, why in NOT_FIXED.items() if key[:2] == (fixture.parent.name, fixture.stem)}
    left = {one.finding.at.line: one.why for one in fixes.left if one.finding.at is not None}
    still = {f.at.line for f in api.scan_tree(tmp_path).findings if f.weakness == fixture.parent.name and f.at is not None}
    assert fixes.patches
    # imports may have moved the lines: as many as declared, with the reasons declared
    assert (sorted(left.values()), still) == (sorted(declared.values()), set(left))


def test_what_is_declared_is_in_the_fixtures() -> None:
    """A line that is declared holds a finding: the list does not grow old."""
    for weakness, stem, line in NOT_FIXED:
        path = next(path for path in FIXTURES if (path.parent.name, path.stem) == (weakness, stem))
        assert f"# expect: {weakness}" in path.read_text().splitlines()[line - 1]


@pytest.mark.parametrize("fixture", FIXTURES, ids=by_fixture)
def test_a_second_run_has_nothing_to_do(fixture: Path, results: Callable[[Path], Path]) -> None:
    """All weaknesses at once, twice."""
    assert api.fix(results(fixture)).patches == ()


@pytest.mark.parametrize("fixture", FIXTURES, ids=by_fixture)
def test_the_result_is_imported_as_before(fixture: Path, results: Callable[[Path], Path]) -> None:
    """A process of its own runs the module: every name that a patch uses is there."""
    run = subprocess.run([sys.executable, "-W", "ignore", "-c", IMPORTS], cwd=results(fixture), capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")


@pytest.mark.parametrize("fixture", FIXTURES, ids=by_fixture)
def test_comments_stay(fixture: Path, results: Callable[[Path], Path]) -> None:
    """Every comment of the fixture is in the result, in order."""
    assert comments(results(fixture) / "service.py") == comments(fixture)


def comments(path: Path) -> list[str]:
    with open(path, "rb") as file:
        return [token.string for token in tokenize.tokenize(file.readline) if token.type == tokenize.COMMENT]


@pytest.mark.parametrize("fixture", [path for path in FIXTURES if path.parent.name == "hardcoded-secret"], ids=by_fixture)
def test_no_diff_shows_a_character_of_a_secret(fixture: Path, tmp_path: Path) -> None:
    """Neither in removed lines nor in those around them: all the values that stood in the source are masked."""
    fixes = api.fix(copied(fixture, tmp_path))
    shown = "".join(diffs(fixes))
    source = fixture.read_text()
    values = {value for value in fixes.hidden if f'"{value}"' in source}
    assert len(values) >= 8
    assert {value for value in values if f'"{value}"' in shown} == set()
    assert {value for value in values if any(c.isdigit() for c in value) and value in shown} == set()
