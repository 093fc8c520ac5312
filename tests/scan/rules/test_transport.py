"""How sure the rules about transport, cookies and traces are, by what of the surrounding layers was read."""

from __future__ import annotations

from pathlib import Path

import pytest

from ostiary.scan.run import scan_tree

KEYED = """
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import APIKeyHeader
{imports}
app = FastAPI(openapi_url=None)
{setup}

def member(key: str = Depends(APIKeyHeader(name="X-API-Key"))):
    found = app.state.members.get(key)
    if found is None:
        raise HTTPException(401)
    return found

@app.get("/v1/orders")
def orders(who=Depends(member)):
    return who.orders
"""
START = 'uvicorn.run(app, host="0.0.0.0", port=8000{more})'


def found(folder: Path, weakness: str, **files: str) -> list[tuple[str, str]]:
    """(severity, confidence) of each finding of a weakness; a file named ``a__b`` is ``a.b.py``."""
    for name, text in files.items():
        (folder / f"{name.replace('__', '.')}.py").write_text(text, encoding="utf-8")
    return [(f.severity.value, f.confidence.value) for f in scan_tree(folder).findings if f.weakness == weakness]


def keyed(imports: str = "", setup: str = "") -> str:
    return KEYED.format(imports=imports, setup=setup)


def started(more: str = "", imports: str = "import uvicorn") -> str:
    return keyed(imports, 'if __name__ == "__main__":\n    ' + START.format(more=more))


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (keyed(), [("high", "low")]),
        (keyed().replace("Depends(member)", "None"), []),
        (keyed("import azure.storage.blob"), [("high", "low")]),
        (started(), [("high", "medium")]),
        (started(", proxy_headers=True"), [("high", "low")]),
        (started(", reload=True"), [("high", "low")]),
        (started(', ssl_certfile="a.crt", ssl_keyfile="a.key"'), []),
        (started(", ssl_certfile=os.environ.get('CERT')", "import os, uvicorn"), []),
        (keyed("from mangum import Mangum", "handler = Mangum(app)"), []),
        (keyed("from ostiary.fastapi import Guard", "Guard(app)"), []),
        (keyed("from ostiary.fastapi import Guard", 'Guard(app, https="off")'), [("high", "medium")]),
        (keyed("from ostiary.fastapi import Guard", 'Guard(app, mode="monitor")'), [("high", "low")]),
    ],
    ids=[
        "nothing",
        "no credentials",
        "some library",
        "started",
        "behind a proxy",
        "by a developer",
        "certificate",
        "maybe a certificate",
        "platform",
        "guard",
        "guard off",
        "guard that watches",
    ],
)
def test_https_is_missing_as_surely_as_was_read(source: str, said: list[tuple[str, str]], tmp_path: Path) -> None:
    """Low confidence while a proxy may do it, medium where a server or a switch was read that does not, none where something does."""
    assert found(tmp_path, "missing-https", service=source) == said


def test_own_module_is_no_library(tmp_path: Path) -> None:
    """A module of the tree that is called like a library says nothing about transport."""
    files = {"service": keyed("import modal, secure"), "modal": "import flask\n", "secure": "import flask\n"}
    assert found(tmp_path, "missing-https", **files) == [("high", "low")]


@pytest.mark.parametrize(("line", "said"), [('certfile = "/run/tls.crt"', []), ("workers = 4", [("high", "low")])])
def test_certificate_of_a_server_file_counts(line: str, said: list[tuple[str, str]], tmp_path: Path) -> None:
    """gunicorn's configuration is read though nothing imports it."""
    assert found(tmp_path, "missing-https", service=keyed(), gunicorn__conf=line + "\n") == said


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (keyed(), [("low", "low")]),
        (
            keyed("from starlette.middleware.httpsredirect import HTTPSRedirectMiddleware", "app.add_middleware(HTTPSRedirectMiddleware)"),
            [("low", "medium")],
        ),
        (started(', ssl_certfile="a.crt", ssl_keyfile="a.key"'), [("low", "medium")]),
        (started(", ssl_certfile=CERTIFICATE", "import uvicorn\nfrom settings import CERTIFICATE"), [("low", "low")]),
        (keyed(setup='HEADERS = {"Strict-Transport-Security": "max-age=15551999"}'), [("low", "high")]),
        (keyed(setup='HEADERS = {"Strict-Transport-Security": "max-age=15552000"}'), []),
        (keyed("import secure", "headers = secure.Secure.with_default_headers()"), []),
        (keyed("from ostiary.fastapi import Guard", "Guard(app)"), []),
        (keyed("from ostiary.fastapi import Guard", "Guard(app, hsts=0)"), [("low", "medium")]),
    ],
    ids=[
        "nothing",
        "redirects itself",
        "certificate",
        "maybe a certificate",
        "a second under 180 days",
        "180 days",
        "library",
        "guard",
        "guard without it",
    ],
)
def test_hsts_is_missing_as_surely_as_was_read(source: str, said: list[tuple[str, str]], tmp_path: Path) -> None:
    """Low confidence while a proxy may send it, medium where the application sees to HTTPS itself, high for a number under 180 days."""
    assert found(tmp_path, "missing-hsts", service=source) == said


COOKIE = """
from flask import Flask, make_response
from pydantic_settings import BaseSettings

class Settings(BaseSettings):
    secure: bool = False

settings = Settings()
app = Flask(__name__)

@app.get("/v1/start")
def start():
    response = make_response("")
    response.set_cookie({arguments})
    return response
"""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ('"session_id", make()', [("medium", "high")]),
        ('"session_id", make(), secure=True, httponly=True', [("low", "high")]),
        ('"session_id", make(), secure=True, httponly=True, samesite="None"', [("low", "high")]),
        ("settings.cookie, access_token, secure=False", [("medium", "medium")]),
        ('"session_id", make(), **options()', []),
        ('"session_id", make(), **{**options(), "httponly": True}', []),
        ('"session_id", make(), secure=settings.secure, httponly=True, samesite="Lax"', []),
    ],
    ids=["all three", "SameSite alone", "SameSite None", "by the value's name", "cannot be followed", "partly", "a setting"],
)
def test_cookie_is_judged_by_what_it_lacks(arguments: str, said: list[tuple[str, str]], tmp_path: Path) -> None:
    """SameSite alone is low; a cookie known by its value's name only is medium confidence; what cannot be followed is not reported."""
    assert found(tmp_path, "insecure-cookie", service=COOKIE.format(arguments=arguments)) == said


@pytest.mark.parametrize(
    ("guard", "arguments", "said"),
    [
        ("Guard(app)", '"session_id", make()', []),
        ("Guard(app, mode='monitor')", '"session_id", make(), secure=False', []),
        ("Guard(app)", '"session_id", make(), samesite="None"', [("low", "high")]),
        ("Guard(app, https='off')", '"session_id", make(), httponly=True, samesite="Lax"', [("medium", "high")]),
    ],
    ids=["all three", "watching", "SameSite None", "without HTTPS"],
)
def test_guard_completes_cookies(guard: str, arguments: str, said: list[tuple[str, str]], tmp_path: Path) -> None:
    """Ostiary's guard adds Secure (where it demands HTTPS), HttpOnly and SameSite, in monitor mode too; what is written stays."""
    source = COOKIE.replace("app = Flask(__name__)", f"app = Flask(__name__)\n{guard}").format(arguments=arguments)
    assert found(tmp_path, "insecure-cookie", service=f"from ostiary.flask import Guard\n{source}") == said


def test_cookie_of_a_middleware_is_out_of_the_guards_reach(tmp_path: Path) -> None:
    """Starlette's SessionMiddleware stands around the guard, which never sees its cookie."""
    setup = "Guard(app)\napp.add_middleware(SessionMiddleware, secret_key=load())"
    imports = "from ostiary.fastapi import Guard\nfrom starlette.middleware.sessions import SessionMiddleware"
    assert found(tmp_path, "insecure-cookie", service=keyed(imports, setup)) == [("medium", "high")]


def test_attributes_by_position_are_read(tmp_path: Path) -> None:
    """The seventh argument is secure, the eighth httponly."""
    source = COOKIE.format(arguments='"session_id", make(), 60, None, "/", None, True, False, "Lax"')
    (tmp_path / "service.py").write_text(source, encoding="utf-8")
    messages = [f.message for f in scan_tree(tmp_path).findings if f.weakness == "insecure-cookie"]
    assert messages == ["the cookie 'session_id' is readable by scripts (no HttpOnly)"]


def test_setting_for_samesite_is_low(tmp_path: Path) -> None:
    """As in ``set_cookie``: what SameSite alone would stop is the lesser part."""
    source = 'from flask import Flask\napp = Flask(__name__)\napp.config["SESSION_COOKIE_SAMESITE"] = "None"\n'
    assert found(tmp_path, "insecure-cookie", service=source) == [("low", "high")]


@pytest.mark.parametrize(("option", "said"), [("", [("low", "medium")]), ("openapi_url=settings.schema", []), ("openapi_url=None", [])])
def test_documentation_that_a_setting_decides_is_left_to_it(option: str, said: list[tuple[str, str]], tmp_path: Path) -> None:
    """A default that the environment may override decides nothing."""
    settings = 'class Settings(BaseSettings):\n    schema: str = "/openapi.json"\n\nsettings = Settings()'
    source = keyed(f"from pydantic_settings import BaseSettings\n{settings}").replace("openapi_url=None", option)
    assert found(tmp_path, "unauthenticated-docs", service=source) == said


LOGIN = """

@app.post("/v1/login")
def login(name: str, password: str):
    user = app.state.users.get(name)
    if user is None or not user.check_password(password):
        {refuse}raise HTTPException(401)
    return {{"token": user.issue_token()}}
"""


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (keyed() + LOGIN.format(refuse=""), [("medium", "medium")]),
        (keyed(), [("low", "low")]),
        (
            keyed("import logging") + LOGIN.format(refuse="logging.getLogger('audit').warning('refused %r', name)\n        "),
            [("low", "low")],
        ),
        (keyed("from ostiary.fastapi import Guard", "Guard(app)") + LOGIN.format(refuse=""), []),
    ],
    ids=["login", "refusals", "login that logs", "guard"],
)
def test_silence_of_a_login_weighs_more(source: str, said: list[tuple[str, str]], tmp_path: Path) -> None:
    """A silent login is medium, silent refusals low with low confidence and only told where the logins are in order."""
    assert found(tmp_path, "missing-audit-log", service=source) == said
