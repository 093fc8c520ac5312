"""What each codemod makes of a line, as a reviewer would read it; and what it leaves alone, with the reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from ostiary import api
from tests.fix.trees import FASTAPI, FLASK, after, changed, fixed, written

KEYED = 'KEY = os.environ["KEY"]\n'
CHECK = "\n\n@app.before_request\ndef check():\n"


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("if __name__ == '__main__':\n    app.run(debug=True)\n", ["app.run()"]),
        ("app.run('0.0.0.0', 80, debug=True, threaded=True)\n", ["app.run('0.0.0.0', 80, threaded=True)"]),
        ("app.run(\n    host='0.0.0.0',  # all\n    debug=True,\n)\n", []),
        ("app.run(\n    host='0.0.0.0',  # all\n    debug=True\n)\n", []),
        ("app.run(\n    host='0.0.0.0', debug=True)\n", ["host='0.0.0.0')"]),
        ("app.config.update(DEBUG=True, TESTING=False)\n", ["app.config.update(DEBUG=False, TESTING=False)"]),
        ("app.debug = True  # for now\n", ["app.debug = False  # for now"]),
        ("os.environ['FLASK_ENV'] = 'development'\n", ["os.environ['FLASK_ENV'] = 'production'"]),
    ],
)
def test_debug_mode(source: str, result: list[str], tmp_path: Path) -> None:
    """Left out of calls, switched off in settings; every other argument and comment stays."""
    assert changed(tmp_path, FLASK + source, "debug-mode") == result
    assert "debug=True" not in after(fixed(tmp_path, "debug-mode"), "service.py")


def test_a_removed_last_argument_keeps_the_comment_before_it(tmp_path: Path) -> None:
    """The comment of the argument that stays is not taken along."""
    for ending in (",\n)", "\n)"):
        fixes = fixed(written(tmp_path, service=f"{FLASK}app.run(\n    host='0.0.0.0',  # all\n    debug=True{ending}\n"))
        assert after(fixes, "service.py").endswith("app.run(\n    host='0.0.0.0',  # all\n)\n")


@pytest.mark.parametrize(
    ("test", "result"),
    [
        ("request.headers.get('X-Key') != KEY", "not hmac.compare_digest(request.headers.get('X-Key', '').encode(), KEY.encode())"),
        ("KEY != request.headers.get('X-Key', '-')", "not hmac.compare_digest(KEY.encode(), request.headers.get('X-Key', '-').encode())"),
        ("not (request.headers['X-Key'] == KEY)", "not (hmac.compare_digest(request.headers['X-Key'].encode(), KEY.encode()))"),
        (
            "(given := request.headers.get('X-Key')) != KEY or given is None",
            "not hmac.compare_digest(((given := request.headers.get('X-Key')) or '').encode(), KEY.encode()) or given is None",
        ),
        (
            "request.headers['Authorization'] != 'Bearer ' + KEY",
            "not hmac.compare_digest(request.headers['Authorization'].encode(), ('Bearer ' + KEY).encode())",
        ),
        ("request.headers['X-Key'].encode() != KEY.encode()", "not hmac.compare_digest(request.headers['X-Key'].encode(), KEY.encode())"),
        (
            "app.users and app.users.first().token != request.headers['X-Key'] and app",
            "",
        ),
        (
            "app.ready and app.user.token != request.headers['X-Key']",
            "app.ready and (app.user.token is None or not hmac.compare_digest(app.user.token.encode(), request.headers['X-Key'].encode()))",
        ),
        (
            "app.user.token == request.headers['X-Key'] and False",
            "app.user.token is not None and hmac.compare_digest(app.user.token.encode(), request.headers['X-Key'].encode()) and False",
        ),
        (
            "request.get_json()['password'] != app.user.password",
            "app.user.password is None or not hmac.compare_digest(str(request.get_json()['password']).encode(), app.user.password.encode())",
        ),
        ("app.query(app.User.token == request.headers['X-Key'])", ""),
        ("app.User.token == request.headers['X-Key']", ""),
    ],
)
def test_timing_unsafe_comparison(test: str, result: str, tmp_path: Path) -> None:
    """None, bytes, JSON, ``:=`` and precedence are minded; a query and a call that would run twice are left alone."""
    source = FLASK.replace('"', "'") + "KEY = os.environ['KEY']\n" + f"{CHECK}    if {test}:\n        abort(401)\n"
    wanted = ["import hmac", f"if {result}:"] if result else []
    assert changed(tmp_path, source, "timing-unsafe-comparison") == wanted


@pytest.mark.parametrize(
    ("head", "call", "fresh"),
    [
        ("import hmac\n", "hmac.compare_digest", []),
        ("import secrets\n", "secrets.compare_digest", []),
        ("from secrets import compare_digest\n", "compare_digest", []),
        ("def hmac(): ...\n", "secrets.compare_digest", ["import secrets"]),
        ("def hmac(secrets): ...\n", "compare_digest", ["from hmac import compare_digest"]),
    ],
)
def test_compare_digest_comes_from_where_the_file_has_it(head: str, call: str, fresh: list[str], tmp_path: Path) -> None:
    """An import that is there is used; a name that means something else is not."""
    source = FLASK.replace("\n\n", f"\n{head}\n", 1) + KEYED + f"{CHECK}    if request.headers['X-Key'] != KEY:\n        abort(401)\n"
    lines = changed(tmp_path, source, "timing-unsafe-comparison")
    assert lines == [*fresh, f"if not {call}(request.headers['X-Key'].encode(), KEY.encode()):".replace('"', "'")]


@pytest.mark.parametrize(
    ("source", "result"),
    [
        (
            "KEY = os.getenv('KEY')" + CHECK + "    if KEY:\n        if request.headers.get('X-Key') != KEY:\n            abort(403)\n",
            ["else:", "abort(403)"],
        ),
        (
            "KEY = os.getenv('KEY')"
            + CHECK
            + "    if not KEY:\n        return\n    if request.headers.get('X-Key') != KEY:\n        return 'no', 401\n",
            ["return 'no', 401"],
        ),
        (
            "from os import getenv\nKEY = getenv('K' + 'EY', '')\n"
            + CHECK
            + "    if request.headers.get('X-Key') != KEY:\n        abort(403)\n",
            ["KEY = os.environ['K' + 'EY']"],
        ),
        (
            "from os import environ\nKEY = environ.get('KEY', '')\n"
            + CHECK
            + "    if request.headers.get('X-Key') != KEY:\n        abort(403)\n",
            ["KEY = environ['KEY']"],
        ),
    ],
)
def test_auth_fails_open(source: str, result: list[str], tmp_path: Path) -> None:
    """The secret becomes required, or the clause refuses in the function's own words."""
    lines = changed(tmp_path, FLASK + source, "auth-fails-open")
    known = {line.strip() for line in source.splitlines()}
    assert [line for line in lines if line not in known] == [line for line in result if line not in known]


def test_a_clause_that_is_copied_is_a_line_of_its_own(tmp_path: Path) -> None:
    """``else`` with the refusal of the branch before it, indented as the file is."""
    source = f"{FLASK}KEY = os.getenv('KEY'){CHECK}    if KEY:\n        if request.headers.get('X-Key') != KEY:\n            abort(403)\n"
    assert after(fixed(written(tmp_path, service=source), "auth-fails-open"), "service.py") == f"{source}    else:\n        abort(403)\n"


def test_one_read_mends_every_check_of_it(tmp_path: Path) -> None:
    """Two checks in two files, one patch where the secret is read."""
    check = "from flask import abort, request\nimport settings\n\n\ndef {0}():\n    if request.headers.get('X-Key') != settings.KEY:\n        abort(401)\n"
    written(tmp_path, settings="import os\nKEY = os.getenv('KEY')\n", one=check.format("one"), two=check.format("two"))
    app = "from flask import Flask\nimport one, two\napp = Flask(__name__)\napp.before_request(one.one)\napp.before_request(two.two)\n"
    fixes = fixed(written(tmp_path, app=app), "auth-fails-open")
    assert [(patch.file, [str(f.at) for f in patch.findings]) for patch in fixes.patches] == [("settings.py", ["one.py:6", "two.py:6"])]


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("app.config['SECRET_KEY'] = b'Zk3Lm9Qw7Rt5'", ["app.config['SECRET_KEY'] = os.environ['SECRET_KEY'].encode()"]),
        ("SECRET_KEY = ('Zk3Lm9Q'\n    'w7Rt5')", ["SECRET_KEY = os.environ['SECRET_KEY']"]),
        ("connect(user='x', password='Zk3Lm9Qw7Rt5')", ["connect(user='x', password=os.environ['CONNECT_PASSWORD'])"]),
        ("API_KEYS = {'Zk3Lm9Qw7Rt5Yx2Vb8Nc', 'Zk3Lm9Qw7Rt5Yx2Vb8Nd'}", ["API_KEYS = set(os.environ['API_KEYS'].split(','))"]),
        ("os.environ.setdefault('SECRET_KEY', 'Zk3Lm9Qw7Rt5Yx2V')", []),
        ("API_KEYS = {'Zk3Lm9Qw7Rt5Yx2Vb8Nc': 'ada'}", []),
        ("class DevelopmentConfig:\n    SECRET_KEY = 'Zk3Lm9Qw7Rt5Yx2V'", []),
        ("SECRET_KEY = config('SECRET_KEY', default='Zk3Lm9Qw7Rt5Yx2V', cast=str)", ["SECRET_KEY = config('SECRET_KEY', cast=str)"]),
    ],
)
def test_hardcoded_secret(source: str, result: list[str], tmp_path: Path) -> None:
    """Bytes stay bytes, a set a set; what would be odd in the environment is left to a person."""
    assert changed(tmp_path, f"{FLASK}{source}\n", "hardcoded-secret") == result


def test_two_secrets_on_a_line_are_one_patch_with_two_names(tmp_path: Path) -> None:
    """Neither is forgotten, and they do not share a variable."""
    source = f"{FLASK}connect(password='Zk3Lm9Qw7Rt5'); connect(password='Zk3Lm9Qw7Rt6')\n"
    line = "connect(password=os.environ['CONNECT_PASSWORD']); connect(password=os.environ['CONNECT_PASSWORD_2'])"
    assert changed(tmp_path, source, "hardcoded-secret") == [line]


def test_two_comparisons_on_a_line_compose(tmp_path: Path) -> None:
    """Two findings, two patches, one line."""
    source = f"{FLASK}{KEYED}{CHECK}    if request.headers['X-Key'] != KEY or request.headers['X-Api-Key'] != KEY:\n        abort(401)\n"
    fixes = fixed(written(tmp_path, service=source), "timing-unsafe-comparison")
    assert len(fixes.patches) == 2
    assert after(fixes, "service.py").count("not hmac.compare_digest(request.headers[") == 2


def test_a_pydantic_setting_becomes_required_and_its_prefix_is_told(tmp_path: Path) -> None:
    """The field keeps its type and loses its default; the variable to set is the one that pydantic reads."""
    settings = "from pydantic_settings import BaseSettings, SettingsConfigDict\n\n\nclass Settings(BaseSettings):\n"
    settings += (
        "    model_config = SettingsConfigDict(env_prefix='shop_')\n    secret_key: str = 'Zk3Lm9Qw7Rt5Yx2Vb8Nc'\n    size: int = 5\n"
    )
    fixes = fixed(written(tmp_path, settings=settings, app=FASTAPI + "from settings import Settings\n"))
    assert after(fixes, "settings.py") == settings.replace(" = 'Zk3Lm9Qw7Rt5Yx2Vb8Nc'", "")
    assert fixes.patches[0].note.startswith("set SHOP_SECRET_KEY where")


@pytest.mark.parametrize(
    ("head", "view", "result"),
    [
        (FLASK, "key = request.args['api_key']", ["key = request.headers['X-API-Key']"]),
        (FLASK, "key = request.headers.get('X-Key') or request.args.get('api_key')", ["key = request.headers.get('X-Key')"]),
        (FLASK, "args = request.args\n    key = args.get('api_key')", []),
    ],
)
def test_key_in_query_string_in_flask(head: str, view: str, result: list[str], tmp_path: Path) -> None:
    """Read from the header; a header that is read already is not read twice."""
    lines = changed(tmp_path, f"{head}{CHECK}    {view}\n    if not app.verify(key):\n        abort(401)\n", "key-in-query-string")
    assert [line.replace('"', "'") for line in lines] == result


@pytest.mark.parametrize(
    ("param", "result"),
    [
        ("api_key: str = Query(min_length=8)", "api_key: str = Header(alias='X-API-Key', min_length=8)"),
        ("key: str = Query(alias='access_token')", "key: str = Header(alias='X-Access-Token')"),
        ("api_key: str = ''", "api_key: Annotated[str, Header(alias='X-API-Key')] = ''"),
    ],
)
def test_key_in_query_string_in_fastapi(param: str, result: str, tmp_path: Path) -> None:
    """The parameter keeps its type, its default and its other rules; imports follow."""
    view = "\n\n@app.get('/v1/x')\nasync def view({0}):\n    if not app.verify({1}):\n        raise HTTPException(401)\n"
    name = param.partition(":")[0]
    lines = changed(tmp_path, FASTAPI + view.format(param, name), "key-in-query-string")
    assert f"async def view({result}):" in lines
    assert ("from typing import Annotated" in lines) == ("Annotated" in result)
    assert any("Query" in line for line in after(fixed(tmp_path), "service.py").splitlines()) == ("Annotated" in result)


def test_a_websocket_and_a_link_are_left_to_a_person(tmp_path: Path) -> None:
    """Neither can carry a header: said, not done."""
    source = (
        FASTAPI.replace("Query, ", "Query, WebSocket, ")
        + "\n\nasync def socket(ws: WebSocket, api_key: str = Query()):\n    app.verify(api_key)\n"
    )
    source += "\n\n@app.get('/v1/x')\nasync def view(token: str):\n    app.verify(token)\n"
    source += "\n\n@app.websocket('/v1/ws')\nasync def live(ws: WebSocket, who: str = Depends(socket)): ...\n"
    fixes = fixed(written(tmp_path, service=source), "key-in-query-string")
    assert fixes.patches == ()
    assert {left.why for left in fixes.left} == {
        "no automatic fix: browsers send no header of their own with a WebSocket",
        "no automatic fix: it may be a link that a person is sent, and a link has no headers",
    }


def test_debug_that_somebody_asks_for_is_left_alone(tmp_path: Path) -> None:
    """``if settings.debug:`` around it is a developer's switch: no finding, and where it is on, that is what should change."""
    source = f"{FLASK}import settings\nif settings.debug:\n    app.run(host='0.0.0.0', debug=True)\n"
    asked = fixed(written(tmp_path, service=source, settings="debug = False\n"))
    assert (asked.patches, asked.left) == ((), ())
    fixes = fixed(written(tmp_path, service=source, settings="debug = True\n"))
    assert [left.why for left in fixes.left] == ["no automatic fix: it is on only where the condition around it asks for it"]


def test_accepted_findings_are_left_alone(tmp_path: Path) -> None:
    """What somebody suppressed with a reason is neither fixed nor told again."""
    source = f"{FLASK}app.debug = True  # ostiary: ignore[debug-mode] a kiosk without a network\n"
    fixes = api.fix(written(tmp_path, service=source), only=["debug-mode"])
    assert (fixes.patches, fixes.left) == ((), ())


@pytest.mark.parametrize(
    ("field", "result"),
    [
        ("key: str | None = None", "key: str"),
        ("key: None | str = None  # later", "key: str  # later"),
        ("key: Optional[str] = None", "key: str"),
        ("key: str = ''", "key: str"),
    ],
)
def test_a_setting_that_may_be_absent_becomes_required(field: str, result: str, tmp_path: Path) -> None:
    """Neither a default nor a None in its type is left."""
    settings = "from typing import Optional\nfrom pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n    {0}\n"
    app = FASTAPI + "from settings import Settings\nsettings = Settings()\n\n\ndef check(x_key: str | None = Header(None)) -> None:\n"
    app += "    if x_key != settings.key:\n        raise HTTPException(401)\n\n\n@app.get('/v1/x', dependencies=[Depends(check)])\ndef x(): ...\n"
    app = app.replace("x_key", "x_api_key")
    fixes = fixed(
        written(tmp_path, settings=settings.format(field.replace("key", "api_key")), app=app.replace(".key", ".api_key")), "auth-fails-open"
    )
    assert after(fixes, "settings.py") == settings.format(result.replace("key", "api_key"))


@pytest.mark.parametrize(
    ("statement", "result"),
    [
        ("from fastapi import FastAPI, HTTPException", "from fastapi import FastAPI, Header, HTTPException"),
        ("from fastapi import FastAPI", "from fastapi import FastAPI, Header"),
        (
            "from fastapi import (\n    FastAPI,  # the app\n    HTTPException,\n)",
            "from fastapi import (\n    FastAPI,  # the app\n    Header,\n    HTTPException,\n)",
        ),
        ("from fastapi import (\n    FastAPI  # the app\n)", "from fastapi import (\n    FastAPI,  # the app\n    Header,\n)"),
        ("from fastapi import (FastAPI,)", "from fastapi import (FastAPI, Header,)"),
    ],
)
def test_a_name_joins_the_import_of_its_module(statement: str, result: str, tmp_path: Path) -> None:
    """Sorted, in the style of the statement, and no comment changes its owner."""
    rest = "\napp = FastAPI()\n\n\n@app.get('/v1/x')\nasync def x(api_key: {0}):\n    app.verify(api_key)\n"
    fixes = fixed(written(tmp_path, service=statement + rest.format("str")), "key-in-query-string")
    head = f"from typing import Annotated\n\n{result}"
    assert after(fixes, "service.py") == head + rest.format("Annotated[str, Header(alias='X-API-Key')]")


@pytest.mark.parametrize(("test", "result"), [("given == kept", "kept and given == kept"), ("given != kept", "")])
def test_a_secret_that_nobody_is_seen_to_set_is_asked_for_first(test: str, result: str, tmp_path: Path) -> None:
    """Where the configuration comes from somewhere else, the comparison asks for it; what the scan cannot follow is not kept."""
    given, kept = "request.headers.get('X-Key')", "app.config.get('EXPORT_KEY')"
    source = f"{FLASK}\n\ndef allowed():\n    return {test}\n"
    fixes = fixed(written(tmp_path, service=source.replace("given", given).replace("kept", kept)), "auth-fails-open")
    wanted = source.replace(test, result).replace("given", given).replace("kept", kept)
    assert [patch.after.decode() for patch in fixes.patches] == ([wanted] if result else [])
    assert [left.why for left in fixes.left] == ([] if result else ["after it the finding was still there"])


def test_a_guessable_key_of_tokens_moves_to_the_environment(tmp_path: Path) -> None:
    """The finding is jwt-weak-secret, and the literal goes as every secret in the source does."""
    source = f"{FLASK}import jwt\nSIGNING_KEY = 'secret'\n\n\ndef token():\n    return jwt.encode({{}}, SIGNING_KEY, algorithm='HS256')\n"
    fixes = api.fix(written(tmp_path, service=source), only=["hardcoded-secret"])
    assert [patch.finding.weakness for patch in fixes.patches] == ["jwt-weak-secret"]
    assert b"SIGNING_KEY = os.environ['SIGNING_KEY']" in fixes.patches[0].after.replace(b'"', b"'")
