"""Commands on real trees: exit codes, what is data and what is talk, triage, lock and configuration."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.cli.run import ostiary

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "docs" / "scan.schema.json").read_text(encoding="utf-8"))
SARIF = json.loads((ROOT / "tests" / "schemas" / "sarif-2.1.0.json").read_text(encoding="utf-8-sig"))

OPEN = """\
from flask import Flask

app = Flask(__name__)


@app.get("/v1/books")
def books():
    return {"books": load_books()}
"""
CLOSED = """\
from flask import Flask
from flask_login import LoginManager, login_required

app = Flask(__name__)
LoginManager(app)


@app.get("/v1/books")
@login_required
def books():
    return {"books": load_books()}
"""
BROKEN = "from flask import Flask\napp = Flask(__name__)\n@app.get('/x')\ndef broken(:\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A service with one route that nothing protects."""
    (tmp_path / "app.py").write_text(OPEN)
    return tmp_path


def scanned(tree: Path, *words: str | Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(ostiary("scan", tree, "--format", "json", "--fail-on", "never", *words).stdout)
    return value


def told(tree: Path, weakness: str = "missing-authentication") -> list[dict[str, Any]]:
    return [one for one in scanned(tree)["findings"] if one["weakness"] == weakness]


def test_an_open_route_fails_the_default_gate(tree: Path) -> None:
    """Exit 1, the report on standard output, the reason on standard error."""
    run = ostiary("scan", tree)
    assert run.returncode == 1
    assert "app.py:7  GET /v1/books" in run.stdout
    assert "Route without authentication" in run.stdout
    assert re.fullmatch(r"ostiary: \d+ findings? of severity high or more \(--fail-on high\)\n", run.stderr)


def test_a_protected_route_holds(tree: Path) -> None:
    """Exit 0."""
    (tree / "app.py").write_text(CLOSED)
    assert ostiary("scan", tree).returncode == 0


@pytest.mark.parametrize(
    ("words", "code"), [(["--fail-on", "never"], 0), (["--min-score", "0", "--fail-on", "never"], 0), (["--min-score", "100"], 1)]
)
def test_gates_are_what_was_typed(tree: Path, words: list[str], code: int) -> None:
    """never switches the severity gate off; a score that is not reached fails."""
    assert ostiary("scan", tree, *words).returncode == code


def test_standard_output_is_data(tree: Path) -> None:
    """JSON valid by the contract, SARIF valid by the standard, nothing else beside them."""
    assert [error.message for error in Draft202012Validator(SCHEMA).iter_errors(scanned(tree))] == []
    sarif = json.loads(ostiary("scan", tree, "--format", "sarif").stdout)
    assert [error.message for error in Draft202012Validator(SARIF).iter_errors(sarif)] == []


def test_no_report_names_the_machine(tree: Path) -> None:
    """No absolute path, and the same tree elsewhere gives the same words."""
    for name in ("json", "sarif", "text", "html"):
        assert str(tree.parent) not in ostiary("scan", tree, "--format", name).stdout
    assert scanned(tree) == scanned(tree)


def test_the_current_folder_has_its_name(tree: Path) -> None:
    """``scan .`` and a full path say the same target."""
    assert json.loads(ostiary("scan", ".", "--format", "json", cwd=tree).stdout) == scanned(tree)


def test_several_reports_of_one_scan(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Text for the person, files for the machines, told on standard error."""
    out = tmp_path_factory.mktemp("out")
    run = ostiary("scan", tree, "--json", out / "a.json", "--sarif", out / "a.sarif", "--html", out / "a.html")
    assert run.stdout.startswith("Apps")
    assert (out / "a.html").read_text().startswith("<!doctype html>")
    assert json.loads((out / "a.json").read_text())["schema"] == 1
    assert json.loads((out / "a.sarif").read_text())["version"] == "2.1.0"
    assert f"ostiary: wrote {out / 'a.sarif'}\n" in run.stderr


def test_output_goes_to_the_file_instead(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nothing on standard output, the text without colours in the file."""
    file = tmp_path_factory.mktemp("out") / "report.txt"
    assert ostiary("scan", tree, "-o", file).stdout == ""
    assert file.read_text().startswith("Apps")


def test_quiet_says_nothing(tree: Path) -> None:
    """Only the exit code."""
    run = ostiary("scan", tree, "-q")
    assert (run.returncode, run.stdout, run.stderr) == (1, "", "")


def test_a_baseline_lets_only_new_findings_fail(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Written once, the old finding holds; a second open route fails, and alone is shown."""
    file = tmp_path_factory.mktemp("out") / "baseline.json"
    assert ostiary("scan", tree, "--write-baseline", file).returncode == 0
    assert ostiary("scan", tree, "--baseline", file).returncode == 0
    (tree / "app.py").write_text(
        "# moved\n" + OPEN + '\n\n@app.get("/v1/shelves")\ndef shelves():\n    return {"shelves": load_shelves()}\n'
    )
    run = ostiary("scan", tree, "--baseline", file, "--new-only")
    assert run.returncode == 1
    shown = run.stdout.partition("Score")[0]
    assert ("GET /v1/shelves" in shown, "GET /v1/books" in shown) == (True, False)


def test_a_comment_accepts_a_finding(tree: Path) -> None:
    """With its reason in every output; the gate holds."""
    (tree / "app.py").write_text(OPEN.replace("def books():", "def books():  # ostiary: ignore[missing-authentication] behind the VPN"))
    assert [one["suppressed"] for one in told(tree)] == [{"reason": "behind the VPN"}]
    assert ostiary("scan", tree).returncode == 0
    results = json.loads(ostiary("scan", tree, "--format", "sarif").stdout)["runs"][0]["results"]
    accepted = [one["suppressions"] for one in results if one["ruleId"] == "missing-authentication"]
    assert accepted == [[{"kind": "external", "status": "accepted", "justification": "behind the VPN"}]]


def test_the_configuration_accepts_a_finding(tree: Path) -> None:
    """By weakness and route."""
    (tree / "ostiary.toml").write_text('[[suppress]]\nweakness = "missing-authentication"\nroute = "/v1/*"\nreason = "VPN"\n')
    assert [one["suppressed"] for one in told(tree)] == [{"reason": "VPN"}]


def test_a_stale_suppression_is_reported(tree: Path) -> None:
    """As a notice, in every output."""
    (tree / "app.py").write_text(OPEN + "\nx = 1  # ostiary: ignore[debug-mode] long gone\n")
    said = "app.py:10: ignore[debug-mode] matches no finding; remove it"
    assert scanned(tree)["notices"] == [said]
    assert said in ostiary("scan", tree).stdout


@pytest.mark.parametrize("where", ["code", "config"])
def test_public_on_purpose_is_no_finding(tree: Path, where: str) -> None:
    """Written in the code or in the configuration, with the reason."""
    if where == "code":
        (tree / "app.py").write_text(OPEN.replace("@app", "# ostiary: public shown on the website\n@app"))
    else:
        (tree / "ostiary.toml").write_text('[public]\n"GET /v1/books" = "shown on the website"\n')
    assert told(tree) == []
    routes = json.loads(ostiary("routes", tree, "--format", "json", "--public").stdout)["routes"]
    mark = {"by": {"code": "comment", "config": "config"}[where], "reason": "shown on the website"}
    assert [(route["path"], route["public"]) for route in routes] == [("/v1/books", mark)]


def test_a_public_pattern_that_matches_nothing_is_reported(tree: Path) -> None:
    """With the pattern."""
    (tree / "ostiary.toml").write_text('[public]\n"GET /gone" = "x"\n')
    assert [notice for notice in scanned(tree)["notices"] if "GET /gone" in notice]


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("ostiary.toml", "fail-on = 'hihg'", "ostiary: ostiary.toml:1: fail-on is one of"),
        ("app.py", OPEN + "# ostiary: ignore[debug-mode]\n", "ostiary: app.py:9: ignore needs a reason"),
        ("app.py", OPEN + "# ostiary: public\n", "ostiary: app.py:9: public needs a reason"),
    ],
    ids=["configuration", "ignore", "public"],
)
def test_a_bad_suppression_or_configuration_is_refused(tree: Path, file: str, text: str, said: str) -> None:
    """Exit 2, one line, with file and line."""
    (tree / file).write_text(text)
    run = ostiary("scan", tree)
    assert (run.returncode, run.stdout, len(run.stderr.splitlines())) == (2, "", 1)
    assert run.stderr.startswith(said)


@pytest.mark.parametrize("kind", ["empty folder", "no framework", "one file"])
def test_no_route_is_said_and_is_no_failure(kind: str, tmp_path: Path) -> None:
    """A message, a score of null, exit 0; 1 when a score was demanded."""
    if kind != "empty folder":
        (tmp_path / "tool.py").write_text("print('hello')\n")
    path = tmp_path / "tool.py" if kind == "one file" else tmp_path
    run = ostiary("scan", path, "--format", "json")
    assert (run.returncode, json.loads(run.stdout)["score"]) == (0, None)
    assert run.stderr.startswith(f"ostiary: no Flask or FastAPI route was found in {path}")
    assert ostiary("scan", path, "--min-score", "1").returncode == 1


def test_what_could_not_be_parsed_is_incomplete(tree: Path) -> None:
    """Exit 3 when gates hold, 0 when that is accepted; the file is named in the report."""
    (tree / "app.py").write_text(CLOSED)
    (tree / "broken.py").write_text(BROKEN)
    run = ostiary("scan", tree)
    assert run.returncode == 3
    assert re.search(r"^  ! broken\.py: ", run.stdout, re.MULTILINE)
    assert ostiary("scan", tree, "--allow-incomplete").returncode == 0


def test_a_tree_of_which_nothing_could_be_parsed_is_incomplete(tmp_path: Path) -> None:
    """Exit 3, not a clean page."""
    (tmp_path / "broken.py").write_text(BROKEN)
    assert ostiary("scan", tmp_path).returncode == 3


def test_one_file_is_a_tree(tree: Path) -> None:
    """``scan app.py`` sees the same route, by the file's name."""
    value = scanned(tree / "app.py")
    assert [(route["path"], route["at"]["file"]) for route in value["routes"]] == [("/v1/books", "app.py")]


def test_routes_are_listed_in_three_formats(tree: Path) -> None:
    """Table, JSON and CSV of the same route; the count is talk."""
    run = ostiary("routes", tree)
    assert run.stdout.startswith("open         GET    /v1/books\n")
    assert run.stderr == "ostiary: 1 route: 1 open\n"
    assert [row["path"] for row in csv.DictReader(io.StringIO(ostiary("routes", tree, "--format", "csv").stdout))] == ["/v1/books"]
    assert json.loads(ostiary("routes", tree, "--format", "json").stdout)["routes"] == scanned(tree)["routes"]


def test_routes_are_chosen_by_state(tree: Path) -> None:
    """Open ones, and no others."""
    (tree / "app.py").write_text(CLOSED + '\n\n@app.get("/v1/shelves")\ndef shelves():\n    return {"shelves": load_shelves()}\n')
    chosen = json.loads(ostiary("routes", tree, "--state", "open", "--format", "json").stdout)["routes"]
    assert [route["path"] for route in chosen] == ["/v1/shelves"]


def test_a_lock_fails_when_a_route_opens(tree: Path) -> None:
    """Written while closed, held while closed, three lines and exit 1 when opened."""
    (tree / "app.py").write_text(CLOSED)
    assert ostiary("lock", tree).returncode == 0
    assert ostiary("lock", tree, "--check").returncode == 0
    (tree / "app.py").write_text(OPEN)
    run = ostiary("lock", tree, "--check")
    assert run.returncode == 1
    lines = run.stdout.splitlines()
    assert lines[0] == "opened: GET /v1/books: it was protected, and nothing protects it now"
    assert (lines[1].startswith("- GET /v1/books  protected"), lines[2], len(lines)) == (True, "+ GET /v1/books  open", 3)


def test_a_lock_tells_what_is_tighter(tree: Path) -> None:
    """Exit 0, and a word that the lock is old."""
    ostiary("lock", tree)
    (tree / "app.py").write_text(CLOSED)
    run = ostiary("lock", tree, "--check")
    assert (run.returncode, run.stdout.partition(":")[0]) == (0, "tightened")
    assert "ostiary lock writes them down" in run.stderr


def test_a_malformed_lock_is_refused(tree: Path) -> None:
    """Exit 2 with the line."""
    ostiary("lock", tree)
    lock = tree / "ostiary.lock"
    lock.write_text(lock.read_text() + "<<<<<<< HEAD\n")
    run = ostiary("lock", tree, "--check")
    assert (run.returncode, run.stderr) == (2, "ostiary: ostiary.lock:4: no line of a lock: '<<<<<<< HEAD'\n")


def test_a_lock_of_half_a_tree_is_not_trusted(tree: Path) -> None:
    """What could not be parsed may hide a route: exit 3, written and checked."""
    (tree / "broken.py").write_text(BROKEN)
    assert ostiary("lock", tree).returncode == 3
    assert ostiary("lock", tree, "--check").returncode == 3


def test_init_writes_what_changes_nothing(tree: Path) -> None:
    """The written configuration is valid, and the scan stays as it was; it is not overwritten by accident."""
    before = scanned(tree)
    assert ostiary("init", tree).returncode == 0
    assert scanned(tree) == before
    again = ostiary("init", tree)
    assert (again.returncode, "--force overwrites it" in again.stderr) == (2, True)
    assert ostiary("init", tree, "--force").returncode == 0


def test_init_does_not_compete_with_pyproject(tree: Path) -> None:
    """Where pyproject.toml configures Ostiary already, a second file would only be refused."""
    (tree / "pyproject.toml").write_text("[tool.ostiary]\nmin-score = 1\n")
    run = ostiary("init", tree)
    assert (run.returncode, (tree / "ostiary.toml").exists()) == (2, False)


def test_hostile_names_stay_names(tree: Path) -> None:
    """A folder and a path with escapes move no cursor."""
    odd = tree / "a\x1b[31mb"
    odd.mkdir()
    (odd / "app.py").write_text(OPEN.replace("/v1/books", "/v1/\\x1b[2Jx"))
    for name in ("text", "json", "sarif", "html"):
        assert "\x1b" not in ostiary("scan", tree, "--format", name).stdout
    assert "\x1b" not in ostiary("routes", tree).stdout
    assert "\x1b" not in ostiary("routes", tree, "--format", "csv").stdout
