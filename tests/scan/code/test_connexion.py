"""Routes and protection that stand in a connexion document: as read, and as connexion itself serves them."""

from __future__ import annotations

import contextlib
import sys
import textwrap
import time
from pathlib import Path
from types import ModuleType

import pytest

from ostiary.model.route import Route, State
from ostiary.scan.code import documents
from ostiary.scan.code.index import Index, build
from ostiary.scan.code.link import link
from ostiary.scan.code.protect import protect
from ostiary.scan.code.walk import SourceFile

APP = "import connexion\napp = connexion.FlaskApp(__name__, specification_dir='spec/')\napp.add_api('api.yml')\n"
VIEWS = "def get():\n    return load()\n\ndef load():\n    return {'a': 1}\n\ndef post():\n    return {}\n\nclass Pets:\n    @staticmethod\n    def search():\n        return []\n"


def scan(files: dict[str, str | bytes]) -> tuple[Index, list[Route]]:
    sources = [SourceFile(path, textwrap.dedent(text).encode() if isinstance(text, str) else text) for path, text in files.items()]
    code = tuple(s for s in sources if s.path.endswith(".py"))
    index = build(code, Path("/nowhere"), documents=[s for s in sources if not s.path.endswith(".py")])
    world, apps = link(index)
    protect(world, apps)
    return index, [code.route for app in apps for code in app.routes]


def found(files: dict[str, str | bytes]) -> set[tuple[str, str, str]]:
    return {(r.method, r.path, r.handler) for r in scan(files)[1]}


def document(paths: str, head: str = "openapi: 3.0.0\ninfo: {title: t, version: '1'}\n") -> str:
    return head + "paths:\n" + textwrap.indent(textwrap.dedent(paths), "  ")


ONE = document("/a:\n  get:\n    operationId: views.get\n    responses: {'200': {description: ok}}\n")


@pytest.mark.parametrize(
    ("files", "routes"),
    [
        ({"app.py": APP, "spec/api.yml": ONE, "views.py": VIEWS}, {("GET", "/a", "views:get")}),
        ({"srv/app.py": APP, "srv/spec/api.yml": ONE, "srv/views.py": VIEWS}, {("GET", "/a", "srv.views:get")}),
        ({"app.py": APP, "elsewhere/api.yml": ONE, "views.py": VIEWS}, {("GET", "/a", "views:get")}),
        ({"app.py": APP.replace("'api.yml'", "name()"), "spec/api.yml": ONE, "views.py": VIEWS}, {("GET", "/a", "views:get")}),
        (
            {"app.py": APP.replace("'api.yml'", "'api.yml', base_path='/v1'"), "spec/api.yml": ONE, "views.py": VIEWS},
            {("GET", "/v1/a", "views:get")},
        ),
        (
            {"app.py": APP, "spec/api.yml": ONE + "servers:\n  - url: https://x.org/v2/\n", "views.py": VIEWS},
            {("GET", "/v2/a", "views:get")},
        ),
        (
            {
                "app.py": APP,
                "spec/api.yml": ONE
                + "servers:\n  - url: '{scheme}://x.org/{v}'\n    variables: {scheme: {default: http}, v: {default: v3}}\n",
                "views.py": VIEWS,
            },
            {("GET", "/v3/a", "views:get")},
        ),
        (
            {"app.py": APP, "spec/api.yml": ONE.replace("openapi: 3.0.0", "swagger: '2.0'\nbasePath: /api"), "views.py": VIEWS},
            {("GET", "/api/a", "views:get")},
        ),
        (
            {"app.py": APP, "spec/api.yml": ONE.replace("views.get", "get\n      x-openapi-router-controller: views"), "views.py": VIEWS},
            {("GET", "/a", "views:get")},
        ),
        (
            {"app.py": APP, "spec/api.yml": ONE.replace("views.get", "get\n      x-swagger-router-controller: views"), "views.py": VIEWS},
            {("GET", "/a", "views:get")},
        ),
        (
            {
                "app.py": APP.replace("'api.yml'", "'api.yml', resolver=connexion.RelativeResolver('views')"),
                "spec/api.yml": ONE.replace("views.get", "get"),
                "views.py": VIEWS,
            },
            {("GET", "/a", "views:get")},
        ),
        (
            {"app.py": APP, "spec/api.yml": ONE.replace("views.get", "views.Pets.search"), "views.py": VIEWS},
            {("GET", "/a", "views:Pets.search")},
        ),
        ({"app.py": APP, "spec/api.yml": ONE.replace("views.get", "views.gone"), "views.py": VIEWS}, {("GET", "/a", "")}),
        ({"app.py": APP, "spec/api.yml": ONE.replace("/a:", "/a/{id}:"), "views.py": VIEWS}, {("GET", "/a/{id}", "views:get")}),
        (
            {
                "app.py": "import connexion\ndef create_app():\n    cx = connexion.App(__name__)\n    cx.add_api('api.yml')\n    cx.app.add_url_rule('/b', view_func=b)\n    return cx.app\ndef b(): return ''\n",
                "api.yml": ONE,
                "views.py": VIEWS,
            },
            {("GET", "/a", "views:get"), ("GET", "/b", "app:b")},
        ),
        (
            {
                "app.py": APP,
                "spec/api.json": b'{"openapi": "3.0.0", "paths": {"/a": {"get": {"operationId": "views.get", "summary": "\\ud83d\\ude00"}}}}',
                "views.py": VIEWS,
                "x": "",
            }
            | {"app.py": APP.replace("api.yml", "api.json")},
            {("GET", "/a", "views:get")},
        ),
        (
            {
                "app.py": APP,
                "spec/api.yml": document("/a: {$ref: '#/x-items/a~1b'}\n") + "x-items: {a/b: {post: {operationId: views.post}}}",
                "views.py": VIEWS,
            },
            {("POST", "/a", "views:post")},
        ),
        (
            {
                "app.py": APP,
                "spec/api.yml": "x: &o {operationId: views.get}\n" + document("/a:\n  get:\n    <<: *o\n    summary: s\n"),
                "views.py": VIEWS,
            },
            {("GET", "/a", "views:get")},
        ),
        (
            {
                "app.py": APP,
                "spec/api.yml": ONE.replace("title: t", "title: {{ title }}") + "{% if x %}\nservers: []\n{% endif %}\n",
                "views.py": VIEWS,
            },
            {("GET", "/a", "views:get")},
        ),
    ],
)
def test_the_document_gives_the_routes(files: dict[str, str | bytes], routes: set[tuple[str, str, str]]) -> None:
    assert found(files) == routes


def test_a_module_that_only_the_document_names_is_read() -> None:
    index, _ = scan({"app.py": APP, "spec/api.yml": ONE, "views.py": VIEWS, "other.py": "x = 1"})
    assert set(index.modules) == {"app", "views"}


def test_a_prefix_that_is_computed_is_not_guessed() -> None:
    _, routes = scan({"app.py": APP.replace("'api.yml'", "'api.yml', base_path=prefix()"), "spec/api.yml": ONE, "views.py": VIEWS})
    assert [(r.path, r.unresolved) for r in routes] == [("/a", ("a prefix is computed",))]


@pytest.mark.parametrize(
    ("files", "skipped"),
    [
        ({}, ("api.yml", "the OpenAPI document of an application was not found: its routes are unknown")),
        ({"spec/api.yml": "a: [1\nb: {"}, ("spec/api.yml", "neither YAML nor JSON (line 2): the routes of an application are unknown")),
        ({"spec/api.yml": ""}, ("spec/api.yml", "empty: the routes of an application are unknown")),
        ({"spec/api.yml": "[" * 300}, ("spec/api.yml", "nested too deeply: the routes of an application are unknown")),
    ],
)
def test_a_document_that_cannot_be_read_is_told(files: dict[str, str | bytes], skipped: tuple[str, str]) -> None:
    index, routes = scan({"app.py": APP, "views.py": VIEWS, **files})
    assert [(s.what, s.why, s.serious) for s in index.skipped] == [(*skipped, True)]
    assert routes == []


@pytest.mark.parametrize(
    "text",
    ["- 1", "a", "paths: 1", "paths: {/a: 1}", "paths: {/a: {get: []}}", "paths: {/a: {get: {operationId: [1]}}}", "paths: {a: {get: {}}}"],
)
def test_documents_of_odd_shape_are_no_error(text: str) -> None:
    assert found({"app.py": APP, "spec/api.yml": text}) <= {("GET", "/a", "")}


@pytest.mark.parametrize(
    "text",
    [
        "[" * 500_000,
        "- " * 400_000,
        "{a: " * 100_000,
        "? " * 100_000,
        "a: &a [b]\n" + "".join(f"k{i}: &k{i} [*k{i - 1}, *k{i - 1}]\n" for i in range(1, 3000)),
    ],
)
def test_hostile_documents_cost_little(text: str) -> None:
    """Deep ones are refused, aliases of aliases are never expanded."""
    started = time.process_time()
    with contextlib.suppress(documents.Unreadable):
        documents.load(text.encode())
    assert time.process_time() - started < 5


def test_merges_that_go_round_end() -> None:
    assert documents.load(b"a: &a\n  <<: *a\n  b: 1\n").get("a", "b") is not None


# what stands before the handler: (the code of auth.py, is junk refused?)
FUNCTIONS = {
    "raises": ("import jwt\ndef check(token):\n    return jwt.decode(token, 'k', algorithms=['HS256'])\n", True),
    "none": ("import jwt\ndef check(token):\n    try:\n        return jwt.decode(token, 'k', algorithms=['HS256'])\n    except jwt.PyJWTError:\n        return None\n", True),
    "error dict": ("import jwt\ndef check(token):\n    try:\n        return jwt.decode(token, 'k', algorithms=['HS256'])\n    except jwt.PyJWTError:\n        return {'error': 'bad'}\n", False),
    "compared": ("def check(token, required_scopes=None):\n    if token == 'sesame':\n        return {'sub': 'a'}\n    return None\n", True),
    "implicit": ("import hmac\ndef check(token):\n    if hmac.compare_digest(token, 'sesame'):\n        return {'sub': 'a'}\n", True),
    "looked up": ("KEYS = {'sesame': {'uid': 1}}\ndef check(token):\n    info = KEYS.get(token, None)\n    if not info:\n        raise ValueError('no')\n    return info\n", True),
    "looked up, given back": ("KEYS = {'sesame': {'uid': 1}}\ndef check(token):\n    return KEYS.get(token)\n", True),
    "anybody": ("def check(token):\n    return {'sub': token}\n", False),
    "only logged": ("def check(token):\n    if token != 'sesame':\n        print('bad')\n    return {'sub': 'a'}\n", False),
    "empty dict": ("def check(token):\n    if token != 'sesame':\n        return {}\n    return {'sub': 'a'}\n", False),
    "in a helper": ("def good(t):\n    return t == 'sesame'\ndef check(token):\n    return {'sub': 'a'} if good(token) else None\n", True),
    "problem": ("from connexion.exceptions import OAuthProblem\ndef check(token):\n    if token != 'sesame':\n        raise OAuthProblem('bad')\n    return {}\n", True),
    "odd name": ("def check(value):\n    if value == 'sesame':\n        return {'sub': 'a'}\n", True),
    "asynchronous": ("async def check(token):\n    if token == 'sesame':\n        return {'sub': 'a'}\n", True),
}  # fmt: skip
SCHEMES = "components:\n  securitySchemes:\n    bearer:\n      type: http\n      scheme: bearer\n      x-bearerInfoFunc: auth.check\n"


def protected(function: str, security: str = "security: [{bearer: []}]", schemes: str = SCHEMES) -> Route:
    text = document(f"/a:\n  get:\n    operationId: views.get\n    {security}\n    responses: {{'200': {{description: ok}}}}\n") + schemes
    return scan({"app.py": APP, "spec/api.yml": text, "views.py": VIEWS, "auth.py": function})[1][0]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_that_lets_junk_through_protects_nothing(name: str) -> None:
    code, refuses = FUNCTIONS[name]
    protection = protected(code).protection
    gates = protection.by if refuses else protection.extractors
    assert protection.state is (State.PROTECTED if refuses else State.OPEN)
    assert [(g.kind, g.name, str(g.at)) for g in gates] == [("document", "bearer (auth.check)", "spec/api.yml:14")]


def test_a_function_that_cannot_be_found_is_unknown() -> None:
    assert protected("x = 1").protection.state is State.UNKNOWN
    assert protected("def f(:").protection.state is State.UNKNOWN


GOOD = FUNCTIONS["compared"][0]


@pytest.mark.parametrize(
    ("security", "state"),
    [
        ("security: []", State.PUBLIC),
        ("security: [{}]", State.PUBLIC),
        ("security: [{}, {bearer: []}]", State.OPEN),
        ("security: [{bearer: []}, {}]", State.OPEN),
        ("security: [{bearer: [], other: []}]", State.PROTECTED),
        ("security: [{bearer: []}, {other: []}]", State.UNKNOWN),
        ("security: [{gone: []}]", State.UNKNOWN),
    ],
)
def test_ways_and_schemes(security: str, state: State) -> None:
    """Any way will do, of one way every scheme is needed, an empty way lets everybody in."""
    schemes = SCHEMES + "    other: {type: apiKey, in: header, name: X-Key}\n"
    assert protected(GOOD, security, schemes).protection.state is state


def test_public_by_the_document_says_so() -> None:
    public = protected(GOOD, "security: []").public
    assert public is not None
    assert (public.by, public.reason) == ("document", "security: [] in spec/api.yml")


def test_security_of_the_whole_document_holds_for_each_operation() -> None:
    assert protected(GOOD, "summary: s", SCHEMES + "security: [{bearer: []}]\n").protection.state is State.PROTECTED
    assert protected(GOOD, "security: []", SCHEMES + "security: [{bearer: []}]\n").protection.state is State.PUBLIC


def test_swagger_2_and_the_other_kinds_of_function() -> None:
    for kind in ("x-apikeyInfoFunc", "x-basicInfoFunc", "x-tokenInfoFunc"):
        assert (
            protected(GOOD, schemes=f"securityDefinitions:\n  bearer:\n    type: apiKey\n    {kind}: auth.check\n").protection.state
            is State.PROTECTED
        )
    assert (
        protected("", schemes="securityDefinitions: {bearer: {type: oauth2, x-tokenInfoUrl: https://x}}\n").protection.state
        is State.PROTECTED
    )


def test_basic_credentials_are_a_name_and_a_password() -> None:
    code = "def check(username, password):\n    if username == 'a' and password == 'b':\n        return {'sub': 'a'}\n    return None\n"
    assert (
        protected(code, schemes=SCHEMES.replace("bearerInfo", "basicInfo").replace("scheme: bearer", "scheme: basic")).protection.state
        is State.PROTECTED
    )


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.filterwarnings("ignore")
def test_connexion_itself_agrees(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An oracle: the library, with a junk token and with none."""
    connexion = pytest.importorskip("connexion")
    code, refuses = FUNCTIONS[name]
    for module, source in {"auth_of_test": code, "views_of_test": VIEWS}.items():
        made = ModuleType(module)
        exec(source, made.__dict__)
        monkeypatch.setitem(sys.modules, module, made)
    text = document(
        "/a:\n  get:\n    operationId: views_of_test.get\n    security: [{bearer: []}]\n    responses: {'200': {description: ok}}\n"
    )
    (tmp_path / "api.yml").write_text(text + SCHEMES.replace("auth.check", "auth_of_test.check"))
    app = connexion.AsyncApp("t", specification_dir=str(tmp_path))
    app.add_api("api.yml")
    client = app.test_client(raise_server_exceptions=False)
    assert client.get("/a").status_code == 401
    assert (client.get("/a", headers={"Authorization": "Bearer junk"}).status_code == 200) is not refuses
