"""What the guard's declarations mean for a route, where no running application can be asked: exact policies, and what cannot be told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ostiary.model.limit import parse
from ostiary.model.route import DeclaredLimit, Gate, Location, Policy, Protection, PublicMark, Route, State
from ostiary.model.scan import Scan
from ostiary.scan.run import scan_tree

HEAD = """
import os
from flask import Blueprint, Flask, request
from ostiary.flask import Guard, delegated, exempt, limit, public, require

app = Flask(__name__, static_folder=None)
"""
VIEW = """
@app.get("/v1/orders")
{marks}
def orders():
    return request.path
"""
COUNTED = ["2 per minute by address cost 2", "9 per day by address cost 2"]
REFUSED = "undeclared: the guard refuses it"


def scanned(folder: Path, service: str, **files: str) -> Scan:
    """A scan of ``service.py`` beside other files; ``a__b`` is ``a.b``, ``c___d`` is ``c/d``."""
    for name, text in {"service__py": service, **files}.items():
        path = folder / name.replace("___", "/").replace("__", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return scan_tree(folder)


def only(scan: Scan) -> Route:
    assert [route.key for route in scan.routes] == [("GET", "/v1/orders")]
    return scan.routes[0]


def judged(folder: Path, guard: str = "Guard(app)", marks: str = "", **files: str) -> Route:
    """The route of an application with this guard and these marks."""
    return only(scanned(folder, f"{HEAD}{guard}\n{VIEW.format(marks=marks or '# nothing said')}", **files))


def weaknesses(scan: Scan) -> set[str]:
    return {finding.weakness for finding in scan.findings}


@pytest.mark.parametrize(
    ("said", "expected"), [("True", ()), ('["x-tenant"]', ("x-tenant",)), ('"x-tenant"', ("x-tenant",)), ("False", None), ("None", None)]
)
def test_a_demand_for_signatures_is_read(tmp_path: Path, said: str, expected: tuple[str, ...] | None) -> None:
    """``signed=True``, or with the components that are covered besides; False and None demand none."""
    assert judged(tmp_path, marks=f"@require(signed={said})").policy.signed == expected


def test_policy_is_read_word_by_word(tmp_path: Path) -> None:
    """Scopes, schemes, limits and networks of ``require`` stand in the policy, with the place of the declaration."""
    marks = '@require("orders:read", "a", any_of=["b", "c"], schemes=["api-key"], limits="9/day;2 per minute", networks=["10.0.0.0/8"])'
    route = judged(tmp_path, marks=marks)
    assert route.policy == Policy(
        scopes=("orders:read", "a"),
        any_scopes=("b", "c"),
        schemes=("api-key",),
        limits=parse("9/day;2 per minute"),
        networks=("10.0.0.0/8",),
        at=Location("service.py", 10, 2),
    )
    assert route.limits == (
        DeclaredLimit("9/day", Location("service.py", 10, 2)),
        DeclaredLimit("2 per minute", Location("service.py", 10, 2)),
    )


def test_undeclared_route_is_closed_by_the_guard(tmp_path: Path) -> None:
    """Protected, by the guard, where it was made."""
    route = judged(tmp_path)
    assert route.protection == Protection(State.PROTECTED, (Gate("library", "ostiary guard", Location("service.py", 7, 1)),), REFUSED)
    assert (route.public, route.policy.declared) == (None, False)


def test_public_route_says_why(tmp_path: Path) -> None:
    """The mark and the protection give the author's reason."""
    route = judged(tmp_path, marks='@public(" a shop window ")')
    assert route.protection == Protection(State.PUBLIC, (), "a shop window")
    assert route.public == PublicMark("guard", "a shop window")
    assert (route.policy.public, route.policy.reason) == (True, "a shop window")


def test_written_word_does_not_wait_for_what_is_not_known(tmp_path: Path) -> None:
    """Public by the guard, whatever a decorator that could not be read may do besides."""
    service = "from somewhere import auth_required\nGuard(app)"
    assert judged(tmp_path, service, "@auth_required").protection.state is State.PROTECTED
    assert judged(tmp_path, service, '@public("x")\n@auth_required').protection.state is State.PUBLIC


@pytest.mark.parametrize(
    ("guard", "marks", "limits"),
    [
        ('Guard(app, limits="60 per minute")', "@require()", ["60 per minute"]),
        ('Guard(app, limits=["60 per minute", "9/day"])', "@require()", ["60 per minute", "9/day"]),
        ('Guard(app, limits="60 per minute")', '@limit("2 per minute")\n@require()', ["2 per minute"]),
        ('Guard(app, limits="60 per minute")', '@limit("2/minute;9/day", by="address", cost=2)\n@require()', COUNTED),
        ('Guard(app, limits="60 per minute")', '@limit(plan, "2/minute")\n@require()', ["by plan", "2/minute"]),
        ('Guard(app, limits="60 per minute")', "@exempt()\n@require()", []),
        ('Guard(app, limits="60 per minute", routes={"/v1/*": public("x", limits="3/day")})', "@require()", ["3/day"]),
        ('Guard(app, default=public("x", limits="3/day"))', "@require()", ["3/day"]),
        ('Guard(app, default=public("x", limits="3/day"))', '@limit("4/day")', ["4/day"]),
        ("Guard(app, limits=os.environ['LIMIT'])", "@require()", ["computed"]),
        ('Guard(app, limits="60 per minute", mode="monitor")', "@require()", []),
        ("Guard(app)", "@require()", []),
    ],
    ids=[
        "default",
        "several",
        "own",
        "counted by address",
        "by plan",
        "exempt",
        "by path",
        "of the default",
        "own before default",
        "computed",
        "watching",
        "none",
    ],
)
def test_limits_in_force(guard: str, marks: str, limits: list[str], tmp_path: Path) -> None:
    """The nearest word about limits counts, also where another decides who may call."""
    plan = "def plan(who): return None\n"
    assert [limit.text for limit in judged(tmp_path, plan + guard, marks).limits] == limits


@pytest.mark.parametrize(
    ("guard", "marks", "why"),
    [
        ("Guard(app, mode=os.environ['MODE'])", "@require()", "whether the guard enforces depends on configuration"),
        ("Guard(app, mode=os.environ.get('MODE', 'enforce'))", "", "whether the guard enforces depends on configuration"),
        ("if app.config['GUARD']:\n    Guard(app)", "", "whether the guard enforces depends on configuration"),
        ("Guard(app, mode='monitor') if request else Guard(app)", "", "whether the guard enforces depends on configuration"),
        ("Guard(app, routes=load())", "", "the routes= of the guard could not be followed"),
        ("Guard(app, routes={**load(), '/x': 'y'})", "", "the routes= of the guard could not be followed"),
        ("Guard(app, policy_file=load())", "", "the policy file of the guard was not found"),
        ("Guard(app, policy_file='elsewhere.toml')", "", "the policy file of the guard was not found"),
        ("Guard(app)", '@public("x")\n@require()', "which of several declarations is in force depends on configuration"),
        ("Guard(app)", '@(public("x") if request else require())', "which of several declarations is in force depends on configuration"),
        ("Guard(app)", "@require(monitor=load())", "its mode depends on configuration"),
        ("from .nowhere import gate\nGuard(app)", "@delegated(gate)", "the gate that it is delegated to could not be followed"),
    ],
)
def test_what_configuration_decides_is_not_told(guard: str, marks: str, why: str, tmp_path: Path) -> None:
    """Neither protected nor open: the reason is given."""
    protection = judged(tmp_path, f"load = request.args.get\n{guard}", marks).protection
    assert (protection.state, protection.why) == (State.UNKNOWN, why)


@pytest.mark.parametrize("guard", ["Guard(app, routes=load())", "Guard(app, policy_file='elsewhere.toml')"])
def test_own_word_is_sure_whatever_the_paths_say(guard: str, tmp_path: Path) -> None:
    """What stands on the route goes before what could not be followed."""
    assert judged(tmp_path, guard, "@require()").protection.state is State.PROTECTED


@pytest.mark.parametrize(
    ("guard", "files", "state"),
    [
        ("Guard(app)", {"ostiary__toml": "{policy}"}, State.PUBLIC),
        ("Guard(app, policy_file=None)", {"ostiary__toml": "{policy}"}, State.PROTECTED),
        ("Guard(app, policy_file='conf/paths.toml')", {"conf___paths__toml": "{policy}"}, State.PUBLIC),
        ("Guard(app, policy_file='conf/paths.toml')", {"conf___paths__toml": "{policy}", "ostiary__toml": ""}, State.PUBLIC),
        ("Guard(app, policy_file='pyproject.toml')", {"pyproject__toml": "[tool.ostiary]\n[tool.other]\nx = 1\n{tool}"}, State.PUBLIC),
        ("Guard(app)", {"pyproject__toml": "{tool}"}, State.PROTECTED),
        ("Guard(app)", {"ostiary__toml": "[[policy]]\npath = '/v2/**'\npublic = 'x'\n"}, State.PROTECTED),
    ],
    ids=["beside it", "none", "named", "the named one alone", "pyproject", "pyproject unnamed", "another path"],
)
def test_policy_file_is_found_as_the_guard_finds_it(guard: str, files: dict[str, str], state: State, tmp_path: Path) -> None:
    """``ostiary.toml`` unless another is named or none is wanted."""
    body = "path = '/v1/*'\npublic = 'a shop window'\n"
    texts = {name: text.format(policy=f"[[policy]]\n{body}", tool=f"[[tool.ostiary.policy]]\n{body}") for name, text in files.items()}
    assert judged(tmp_path, guard, **texts).protection.state is state


def test_code_goes_before_the_policy_file(tmp_path: Path) -> None:
    """``routes=`` is heard first, and the file where it says nothing."""
    policy = "[[policy]]\npath = '/v1/*'\nrequire = ['a']\nlimits = '3/day'\n"
    route = judged(tmp_path, "Guard(app, routes={'GET /v1/orders': 'a shop window'})", ostiary__toml=policy)
    assert (route.public, [limit.text for limit in route.limits]) == (PublicMark("guard", "a shop window"), ["3/day"])


def test_guard_of_flask_does_not_reach_beside_its_application(tmp_path: Path) -> None:
    """What a DispatcherMiddleware hangs beside it has no guard."""
    more = "from werkzeug.middleware.dispatcher import DispatcherMiddleware\nbeside = Flask('beside')\n"
    hung = "app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {'/beside': beside})\n"
    service = f"{HEAD}{more}Guard(app)\n{hung}{VIEW.format(marks='')}{VIEW.replace('app', 'beside').format(marks='')}"
    found = {route.path: str(route.protection.state) for route in scanned(tmp_path, service).routes}
    assert found == {"/v1/orders": "protected", "/beside/v1/orders": "open"}


def test_policy_file_of_the_nearest_folder_counts(tmp_path: Path) -> None:
    """Of two services in one tree each has its own."""
    policy = "[[policy]]\npath = '/v1/*'\npublic = '{}'\n"
    service = f"{HEAD}Guard(app)\n{VIEW.format(marks='# nothing said')}"
    files = {
        "one___inner___app__py": service,
        "one___ostiary__toml": policy.format("one"),
        "two___app__py": service,
        "ostiary__toml": policy.format("two"),
    }
    found = scanned(tmp_path, "", **files).routes
    assert {route.app: route.public and route.public.reason for route in found} == {"one.inner.app:app": "one", "two.app:app": "two"}


@pytest.mark.parametrize(("text", "line"), [("[[policy]]\npath = 'v1'\npublic = 'x'\n", 2), ("[[policy]\n", 1)])
def test_broken_policy_file_is_told(text: str, line: int, tmp_path: Path) -> None:
    """With file and line, as skipped, and nothing is said of routes that it may mean."""
    scan = scanned(tmp_path, f"{HEAD}Guard(app, policy_file='paths.toml')\n{VIEW.format(marks='')}", paths__toml=text)
    assert only(scan).protection.state is State.UNKNOWN
    assert [(one.what, one.serious) for one in scan.skipped] == [("paths.toml", True)]
    assert f"paths.toml:{line}" in scan.skipped[0].why


LOGIN_REQUIRED = "from flask_jwt_extended import jwt_required\nfrom flask_login import login_required\nGuard(app)"


@pytest.mark.parametrize(
    ("marks", "by"),
    [
        ("@delegated(login_required)\n@login_required", ["flask_login.login_required"]),
        ("@login_required\n@delegated(login_required)", ["flask_login.login_required"]),
        ("@delegated(login_required)", ["ostiary guard"]),
        ("@require()\n@login_required", ["ostiary guard", "flask_login.login_required"]),
        ("@delegated(jwt_required())\n@jwt_required()", ["flask_jwt_extended.jwt_required"]),
        ("@delegated(jwt_required)\n@jwt_required()", ["flask_jwt_extended.jwt_required"]),
        ("@delegated(login_required)\n@jwt_required()", ["ostiary guard", "flask_jwt_extended.jwt_required"]),
    ],
)
def test_gate_of_a_library_is_known_by_its_name(marks: str, by: list[str], tmp_path: Path) -> None:
    """``delegated(login_required)`` leaves the decision to it where it is on the route, and refuses where it is not."""
    assert [gate.name for gate in judged(tmp_path, LOGIN_REQUIRED, marks).protection.by] == by


def test_delegated_route_is_as_open_as_its_gate(tmp_path: Path) -> None:
    """A gate that refuses nobody leaves the route open: the guard does not ask for more."""
    guard = "Guard(app)\ndef gate(view):\n    def inside():\n        return view()\n    return inside\n"
    route = judged(tmp_path, guard, "@delegated(gate)\n@gate")
    assert (route.protection.state, route.policy.schemes) == (State.OPEN, ("delegated:gate",))


def test_other_peoples_names_declare_nothing(tmp_path: Path) -> None:
    """``require`` and ``Guard`` of another library are not the guard's."""
    service = HEAD.replace("ostiary.flask", "somebody.flask") + "Guard(app)\n" + VIEW.format(marks="@require()")
    assert only(scanned(tmp_path, service)).protection.state is not State.PROTECTED


def test_declarations_without_a_guard_protect_nothing(tmp_path: Path) -> None:
    """A mark that no guard reads is only a mark; so is a guard that was given no application."""
    for guard in ("", "guard = Guard()"):
        assert judged(tmp_path, guard, "@require()").protection.state is State.OPEN


def test_guard_of_one_application_leaves_the_other_alone(tmp_path: Path) -> None:
    """Two applications in one module."""
    service = f"{HEAD}other = Flask('other')\nGuard(app)\n{VIEW.format(marks='')}{VIEW.replace('app', 'other').format(marks='')}"
    assert {route.app: str(route.protection.state) for route in scanned(tmp_path, service).routes} == {
        "service:app": "protected",
        "service:other": "open",
    }


LOGIN = """
@app.post("/v1/login")
{marks}
def login():
    user = find(request.form["name"])
    if user is None or not user.check_password(request.form["password"]):
        return "", 401
    return issue_token(user)
"""


@pytest.mark.parametrize(
    ("guard", "marks", "found"),
    [
        ("Guard(app)", '@public("x")', {"missing-rate-limit", "missing-brute-force-protection"}),
        ("Guard(app)", '@public("x", limits="5 per minute")', set()),
        ('Guard(app, limits="20 per minute")', '@public("x")', set()),
        ('Guard(app, limits="6000 per minute")', '@public("x")', {"missing-brute-force-protection"}),
        ('Guard(app, limits="20 per minute")', '@exempt()\n@public("x")', {"missing-brute-force-protection"}),
        ('Guard(app, limits="20 per minute", mode="monitor")', '@public("x")', {"missing-rate-limit", "missing-brute-force-protection"}),
    ],
    ids=["no limit", "own", "default", "loose default", "exempt", "watching"],
)
def test_rules_know_the_guards_limits(guard: str, marks: str, found: set[str], tmp_path: Path) -> None:
    """missing-rate-limit and missing-brute-force-protection hear of limits that the guard enforces, and of no others."""
    scan = scanned(tmp_path, f"{HEAD}{guard}\n{LOGIN.format(marks=marks)}")
    assert weaknesses(scan) & {"missing-rate-limit", "missing-brute-force-protection"} == found


FASTAPI = """
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import APIKeyHeader
from ostiary.fastapi import Guard, require

app = FastAPI()
{guard}

def member(key: str = Depends(APIKeyHeader(name="X-API-Key"))):
    if app.state.members.get(key) is None:
        raise HTTPException(401)

@app.get("/v1/orders", dependencies=[Depends(member)])
def orders():
    return app.state.orders
"""


@pytest.mark.parametrize(("asked", "state"), [("bearer", State.OPEN), ("HTTPBearer()", State.PROTECTED)])
def test_object_of_the_same_class_is_another_gate(asked: str, state: State, tmp_path: Path) -> None:
    """``delegated(bearer)`` means that very object: with another one on the route the guard refuses."""
    guard = "from fastapi.security import HTTPBearer\nfrom ostiary.fastapi import delegated\nbearer = HTTPBearer()\nGuard(app)"
    service = (
        FASTAPI.format(guard=guard)
        .replace("def orders", "@delegated(bearer)\ndef orders")
        .replace("Depends(member)]", f"Depends({asked})]")
    )
    assert only(scanned(tmp_path, service)).protection.state is state


@pytest.mark.parametrize(("guard", "told"), [("", True), ("Guard(app)", False), ("Guard(app, mode='monitor')", True)])
def test_documentation_is_behind_the_guard_too(guard: str, told: bool, tmp_path: Path) -> None:
    """unauthenticated-docs speaks where the guard does not enforce."""
    assert ("unauthenticated-docs" in weaknesses(scanned(tmp_path, FASTAPI.format(guard=guard)))) is told


def test_marks_in_a_loop_of_functions_stay_apart(tmp_path: Path) -> None:
    """One declaration per function, though all are written on one line."""
    service = f"""{HEAD}Guard(app)
def read(): return request.path
def write(): return request.path
for view, scope in ((read, "a:read"), (write, "a:write")):
    app.add_url_rule("/" + scope, view_func=require(scope)(view))
"""
    found: dict[str, Any] = {route.path: route.policy.scopes for route in scanned(tmp_path, service).routes}
    assert found == {"/a:read": ("a:read",), "/a:write": ("a:write",)}
