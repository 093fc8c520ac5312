"""The documentation is whole and true: links resolve, what can be set and what can be said is written down, code blocks run."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from ostiary import flask as in_flask
from ostiary.errors import SignatureReason
from ostiary.guard import declare
from ostiary.guard.decision import PREFLIGHT
from ostiary.guard.keyrecord import Standing
from ostiary.guard.settings import Options
from ostiary.model import policyfile
from ostiary.wire import problem, token

ROOT = Path(__file__).resolve().parent.parent
GUARD = ROOT / "docs" / "guard"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "bench").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"[a-z]+(?:[_-][a-z]+)*")


def prose(page: Path) -> str:
    """Without code blocks."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """As GitHub names headings."""
    lines = [line.lstrip("#").strip().lower() for line in prose(page).splitlines() if line.startswith("#")]
    return {re.sub(r"[^\w\- ]", "", line).replace(" ", "-") for line in lines}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_relative_link_resolves(page: Path) -> None:
    """To a file that is there, and to a heading that it has."""
    broken = []
    for link in _LINK.findall(re.sub(r"`[^`\n]*`", "", prose(page))):
        name, _, anchor = link.partition("#")
        if "://" in link or link.startswith("mailto:"):
            continue
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def first_cells(page: Path, heading: str) -> str:
    """The first column of the tables below a heading: where something is documented, not only mentioned."""
    _, found, rest = page.read_text(encoding="utf-8").partition(f"## {heading}\n")
    assert found, f"{page.name} has no heading {heading}"
    rows = rest.partition("\n## ")[0].splitlines()
    return "\n".join(row.split("|")[1] for row in rows if row.startswith("|"))


def undocumented(names: set[str], page: Path, heading: str) -> set[str]:
    documented = set(re.findall(r"`([^`]*)`", first_cells(page, heading)))
    words = {word for text in documented for word in re.findall(r"[A-Za-z0-9_:-]+", text)}
    return names - words


def test_every_option_of_the_guard_is_documented() -> None:
    """Each field of Options, and the table has no option that there is none of."""
    names = {one.name for one in fields(Options)}
    assert undocumented(names, GUARD / "options.md", "Options of Guard") == set()
    listed = set(
        re.findall(
            r"^\| `(\w+)`", (GUARD / "options.md").read_text().partition("## Options of Guard")[2].partition("\n## ")[0], re.MULTILINE
        )
    )
    assert listed == names


@pytest.mark.parametrize(
    "name", ["require", "public", "limit", "deprecated", "cors", "distinct", "accepts", "delegated", "concurrent", "timeout", "exempt"]
)
def test_every_keyword_of_a_declaration_is_documented(name: str) -> None:
    """In the table that has the heading of its function."""
    said: Callable[..., Any] = getattr(declare, name)
    names = set(inspect.signature(said).parameters)
    assert undocumented(names, GUARD / "options.md", f"`{name}`") == set()
    assert getattr(in_flask, name, said) is said


def test_every_key_of_a_policy_is_documented() -> None:
    """In `[[policy]]` of ostiary.toml."""
    assert undocumented({"path", "methods", *policyfile._READERS}, GUARD / "options.md", "Keys of a policy") == set()


def test_every_refusal_code_is_documented() -> None:
    """What clients read in ``code``, with its status."""
    found = {PREFLIGHT, *(one for one in vars(problem).values() if isinstance(one, problem.Problem))}
    text = (GUARD / "codes.md").read_text(encoding="utf-8").partition("## Codes of refusals")[2].partition("\n## ")[0]
    listed = {(int(status), code) for status, code in re.findall(r"^\| (\d+) \| `([a-z_-]+)`", text, re.MULTILINE)}
    assert listed == {(one.status, one.code) for one in found} | {(308, "https-redirect")}


def _strings(node: ast.AST, constants: dict[str, set[str]]) -> Iterator[str]:
    for one in ast.walk(node):
        if isinstance(one, ast.Constant) and isinstance(one.value, str) and _CODE.fullmatch(one.value):
            yield one.value
        elif isinstance(one, ast.Name) and one.id in constants:
            yield from constants[one.id]


def _reasons(tree: ast.AST, constants: dict[str, set[str]]) -> Iterator[str]:
    """What is given to Deny and Refusal, and what is assigned to a ``reason``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = getattr(node.func, "id", getattr(node.func, "attr", ""))
            given = {"Deny": node.args[1:2], "_refused": node.args[1:2], "Refusal": node.args[:1]}.get(called, [])
            for argument in [*given, *(word.value for word in node.keywords if word.arg == "reason")]:
                yield from _strings(argument, constants)
        elif isinstance(node, ast.Assign) and any(getattr(target, "attr", "") == "reason" for target in node.targets):
            yield from _strings(node.value, constants)


def _constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Names in capitals and the code that each stands for in its module."""
    for node in tree.body:
        if not isinstance(node, ast.Assign):
            continue
        target = node.targets[0]
        pairs = zip(target.elts, getattr(node.value, "elts", ()), strict=False) if isinstance(target, ast.Tuple) else [(target, node.value)]
        for name, value in pairs:
            if isinstance(name, ast.Name) and name.id.isupper() and isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield name.id, value.value


def reasons() -> set[str]:
    """Every reason that an event can hold, read in the source of the guard."""
    trees = [ast.parse(path.read_bytes()) for path in sorted((ROOT / "src" / "ostiary").rglob("*.py")) if "scan" not in path.parts]
    constants: dict[str, set[str]] = {}
    for name, code in (pair for tree in trees for pair in _constants(tree)):
        constants.setdefault(name, set()).add(code)
    found = {reason for tree in trees for reason in _reasons(tree, constants)}
    found |= {one.value for one in Standing if one is not Standing.OK} | {one.value for one in SignatureReason}
    return found | {f"{kind}_{one.value}" for kind in ("jwt", "token") for one in token.Reason if one is not token.Reason.FORM}


def test_every_reason_of_an_event_is_documented() -> None:
    """The guard's source says which there are."""
    found = reasons()
    assert {"credentials_missing", "key_wrong", "jwt_expired", "store_down", "body_too_large", "enumeration"} <= found
    assert undocumented(found, GUARD / "codes.md", "Reasons in events") == set()


def blocks(page: Path) -> list[tuple[int, str]]:
    """The Python blocks of a page that make a whole app: number and code."""
    found = [code for language, code in _FENCE.findall(page.read_text(encoding="utf-8")) if language == "python"]
    return [(number, code) for number, code in enumerate(found) if re.search(r"^app = (Flask|FastAPI)\(", code, re.MULTILINE)]


RUNNABLE = [(page, number, code) for page in PAGES for number, code in blocks(page)]


@pytest.mark.parametrize(("page", "number", "code"), RUNNABLE, ids=[f"{page.relative_to(ROOT)}-{number}" for page, number, _ in RUNNABLE])
def test_an_app_in_the_documentation_starts(page: Path, number: int, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every block that makes an app runs as it stands, each of its routes is declared, and nothing is wrong with it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OSTIARY_PEPPER", "a pepper that is used by nobody else")
    monkeypatch.setenv("API_KEY", "a-key-that-is-used-by-nobody-else")
    names: dict[str, Any] = {"__name__": "documented"}
    exec(compile(code, page.name, "exec", dont_inherit=True), names)
    app = names["app"]
    installed = app.extensions["ostiary"] if hasattr(app, "extensions") else app.state.ostiary
    try:
        assert installed.problems() == []
    finally:
        installed.core.close()


def test_the_quickstarts_are_among_them() -> None:
    """A page without a whole app would pass the test above."""
    assert {"flask.md", "fastapi.md", "README.md", "proxies.md"} <= {page.name for page, _, _ in RUNNABLE}
