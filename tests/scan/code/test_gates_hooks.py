"""Hooks and middleware: a request that gets past them reaches the handler; what they answer themselves does not."""

from __future__ import annotations

import pytest

from tests.scan.code.gatekit import judge, view

FLASK = """
import re
from flask import Blueprint, Flask, abort, current_app, g, jsonify, redirect, request, session, url_for
from flask_login import current_user, login_required
from flask_jwt_extended import verify_jwt_in_request
"""
ASGI = """
import re
import jwt
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import HTTPConnection
"""

HOOKS = {
    "answers 401 to strangers": (
        "gate",
        """
        def gate():
            if not session.get("user_id"):
                return jsonify(error="log in"), 401
    """,
    ),
    "redirects strangers to the login page": (
        "gate",
        """
        def gate():
            if not current_user.is_authenticated:
                return redirect(url_for("auth.login"))
    """,
    ),
    "only remembers the user": (
        "optional",
        """
        def gate():
            user_id = session.get("user_id")
            g.user = None if user_id is None else User.query.get(user_id)
    """,
    ),
    "reads a token when there is one": (
        "optional",
        """
        def gate():
            token = request.headers.get("Authorization")
            if token:
                try:
                    user = lookup_user_token(token)
                except Exception:
                    abort(401)
                else:
                    g.user = user
    """,
    ),
    "a login_required over an empty hook": (
        "gate",
        """
        @login_required
        def gate():
            pass
    """,
    ),
    "calls a library that enforces": (
        "gate",
        """
        def gate():
            verify_jwt_in_request()
    """,
    ),
    "calls a library that does not insist": (
        "optional",
        """
        def gate():
            verify_jwt_in_request(optional=True)
    """,
    ),
    "only sets a header": (
        "none",
        """
        def gate():
            g.started = now()
    """,
    ),
    "redirects to https": (
        "none",
        """
        def gate():
            if not request.is_secure:
                return redirect(request.url.replace("http://", "https://"))
    """,
    ),
    "a CSRF check": (
        "none",
        """
        def gate():
            if request.method == "POST":
                token = session.pop("_csrf_token", None)
                if not token or token != request.form.get("_csrf_token"):
                    abort(403)
    """,
    ),
    "set up first": (
        "none",
        """
        def gate():
            if not is_setup():
                return redirect(url_for("views.setup"))
        def is_setup():
            return bool(current_app.config["SETUP"])
    """,
    ),
    "refuses banned users": (
        "optional",
        """
        def gate():
            if authed():
                user = get_current_user()
                if user and user.banned:
                    return render_template("errors/403.html", error="banned"), 403
        def authed():
            return bool(session.get("id", False))
        def get_current_user():
            if authed():
                return Users.query.filter_by(id=session["id"]).first()
            return None
    """,
    ),
    "calls a function behind a library's decorator": (
        "gate",
        """
        def gate():
            guard()
        @login_required
        def guard():
            pass
    """,
    ),
}


@pytest.mark.parametrize("case", HOOKS)
def test_hook(case: str) -> None:
    verdict, source = HOOKS[case]
    found = judge("hook", FLASK + source.replace("\n        ", "\n"))
    assert found.verdict == verdict, found


EXEMPT = """
        PUBLIC = ["/login", "/health"]
        OPEN = ("/static/", "/docs")
        PATTERN = re.compile(r"^/public/.*$")
        def gate():
            {test}
            if not session.get("user_id"):
                abort(401)
"""
EXEMPTIONS = {
    'if request.path in PUBLIC: return': [("/login", "none"), ("/items", "gate"), ("/login/x", "gate")],
    'if request.path in ("/login", "/health"): return None': [("/health", "none"), ("/items", "gate")],
    'if request.path == "/login": return': [("/login", "none"), ("/items", "gate")],
    'if request.path.startswith("/public/"): return': [("/public/x", "none"), ("/items", "gate"), ("/public/{id}", "none"), ("/{any}", "unknown")],
    'if request.path.startswith(OPEN): return': [("/docs", "none"), ("/static/{file}", "none"), ("/items", "gate")],
    'if any(request.path.startswith(p) for p in OPEN): return': [("/docs", "none"), ("/items", "gate")],
    'if request.path.endswith(".js"): return': [("/app.js", "none"), ("/items", "gate"), ("/items/{id}", "unknown")],
    'if re.match(r"^/v1/open/", request.path): return': [("/v1/open/x", "none"), ("/items", "gate")],
    'if PATTERN.match(request.path): return': [("/public/x", "none"), ("/items", "gate")],
    'if "/webhook" in request.path: return': [("/webhook/x", "none"), ("/items", "gate")],
    'if request.path not in PUBLIC and not session.get("user_id"): return redirect("/login")': [("/login", "gate"), ("/items", "gate")],
    'if not request.path.startswith("/admin"): return': [("/items", "none"), ("/admin", "gate"), ("/admin/{id}", "gate")],
    'if request.path.rstrip("/").lower() == "/login": return': [("/Login/", "none"), ("/items", "gate")],
    'if request.path.split("/")[1] == "open": return': [("/open/x", "none"), ("/items", "gate")],
    'if request.path in load_list(): return': [("/items", "unknown")],
    'if request.path.startswith(current_app.config["OPEN"]): return': [("/items", "unknown")],
}  # fmt: skip


@pytest.mark.parametrize("test", EXEMPTIONS)
def test_paths_that_a_hook_lets_through(test: str) -> None:
    source = FLASK + EXEMPT.format(test=test).replace("\n        ", "\n")
    for path, verdict in EXEMPTIONS[test]:
        found = judge("hook", source, view(path))
        assert found.verdict == verdict, (path, found)


@pytest.mark.parametrize(
    ("test", "endpoint", "blueprint", "method", "verdict"),
    [
        ('if request.endpoint == "auth.login": return', "auth.login", "auth", "GET", "none"),
        ('if request.endpoint == "auth.login": return', "items.list", "items", "GET", "gate"),
        ('if request.endpoint in ["auth.login", "static"]: return', "auth.login", "auth", "GET", "none"),
        ('if request.endpoint and request.endpoint.startswith("auth."): return', "auth.logout", "auth", "GET", "none"),
        ('if request.blueprint == "public": return', "public.index", "public", "GET", "none"),
        ('if request.blueprint == "public": return', "items.index", "items", "GET", "gate"),
        ('if request.method == "OPTIONS": return', "items", "", "OPTIONS", "none"),
        ('if request.method == "OPTIONS": return', "items", "", "GET", "gate"),
        ('if request.method in ("GET", "HEAD"): return', "items", "", "GET", "none"),
        ('if request.method in ("GET", "HEAD"): return', "items", "", "POST", "gate"),
        ('if getattr(current_app.view_functions[request.endpoint], "is_public", False): return', "items", "", "GET", "unknown"),
    ],
)
def test_endpoints_blueprints_and_methods(test: str, endpoint: str, blueprint: str, method: str, verdict: str) -> None:
    source = FLASK + EXEMPT.format(test=test).replace("\n        ", "\n")
    found = judge("hook", source, view("/items", method, endpoint, blueprint))
    assert found.verdict == verdict, found


DISPATCH = """
from flask.views import MethodView
class Base(MethodView):
    def dispatch_request(self, *args, **kwargs):
        {check}
        return super().dispatch_request(*args, **kwargs)
gate = Base().dispatch_request
"""


@pytest.mark.parametrize(("check", "verdict"), [("if not session.get('user_id'): abort(401)", "gate"), ("log(request.path)", "none")])
def test_a_dispatch_that_goes_on_to_super(check: str, verdict: str) -> None:
    assert judge("dispatch", FLASK + DISPATCH.format(check=check)).verdict == verdict


def test_without_a_request_the_verdict_asks_for_one() -> None:
    found = judge("hook", FLASK + EXEMPT.format(test="if request.path in PUBLIC: return").replace("\n        ", "\n"))
    assert (found.verdict, found.by_request) == ("gate", True)


def test_a_plain_gate_needs_no_request() -> None:
    found = judge("hook", FLASK + HOOKS["answers 401 to strangers"][1].replace("\n        ", "\n"))
    assert not found.by_request


MIDDLEWARE = {
    "dispatch of a class": ("gate", """
        class gate(BaseHTTPMiddleware):
            async def dispatch(self, request: Request, call_next):
                key = request.headers.get("X-API-Key")
                if key != self.key:
                    return JSONResponse({"detail": "no"}, status_code=401)
                return await call_next(request)
    """),
    "presence only": ("extractor", """
        class gate(BaseHTTPMiddleware):
            async def dispatch(self, request, call_next):
                if "authorization" not in request.headers:
                    return JSONResponse({"detail": "no"}, status_code=401)
                response = await call_next(request)
                return response
    """),
    "a function": ("gate", """
        async def gate(request: Request, call_next):
            try:
                token = request.headers["Authorization"].split()[1]
                request.state.user = jwt.decode(token, KEY, algorithms=["HS256"])
            except Exception:
                return JSONResponse(status_code=401, content={})
            return await call_next(request)
    """),
    "only times requests": ("none", """
        async def gate(request: Request, call_next):
            start = clock()
            response = await call_next(request)
            response.headers["X-Time"] = str(clock() - start)
            return response
    """),
    "only remembers who calls": ("optional", """
        async def gate(request: Request, call_next):
            token = request.cookies.get("session_token")
            request.state.user = await find_user(token) if token else None
            return await call_next(request)
    """),
    "plain ASGI": ("gate", """
        class gate:
            def __init__(self, app, token):
                self.app, self.token = app, token
            async def __call__(self, scope, receive, send):
                if scope["type"] not in ("http", "websocket"):
                    await self.app(scope, receive, send)
                    return
                headers = dict(scope["headers"])
                if headers.get(b"x-auth-token") != self.token:
                    response = JSONResponse({"detail": "no"}, status_code=401)
                    await response(scope, receive, send)
                    return
                await self.app(scope, receive, send)
    """),
    "plain ASGI that sends the answer itself": ("gate", """
        class gate:
            def __init__(self, app):
                self.app = app
            async def __call__(self, scope, receive, send):
                request = Request(scope)
                if not verify(request.headers.get("authorization")):
                    await send({"type": "http.response.start", "status": 401, "headers": []})
                    await send({"type": "http.response.body", "body": b""})
                    return
                await self.app(scope, receive, send)
    """),
    "plain ASGI that limits": ("none", """
        class gate:
            def __init__(self, app):
                self.app = app
            async def __call__(self, scope, receive, send):
                if bucket(scope["client"]).empty():
                    await send({"type": "http.response.start", "status": 429, "headers": []})
                    return
                await self.app(scope, receive, send)
    """),
    "WSGI": ("gate", """
        class gate:
            def __init__(self, app):
                self.app = app
            def __call__(self, environ, start_response):
                if environ.get("HTTP_AUTHORIZATION") != "Bearer " + TOKEN:
                    start_response("401 Unauthorized", [])
                    return [b"no"]
                return self.app(environ, start_response)
    """),
    "WSGI that rewrites a path": ("none", """
        class gate:
            def __init__(self, app):
                self.app = app
            def __call__(self, environ, start_response):
                script = environ.get("HTTP_X_SCRIPT_NAME", "")
                if script:
                    environ["SCRIPT_NAME"] = script
                return self.app(environ, start_response)
    """),
    "a rate limit by token": ("none", """
        async def gate(request: Request, call_next):
            key = request.headers.get("authorization") or request.client.host
            if await limiter.hit(key):
                return JSONResponse(status_code=429, content={})
            return await call_next(request)
    """),
}  # fmt: skip


@pytest.mark.parametrize("case", MIDDLEWARE)
def test_middleware(case: str) -> None:
    verdict, source = MIDDLEWARE[case]
    found = judge("middleware", ASGI + source.replace("\n        ", "\n"), view())
    assert found.verdict == verdict, found


EXEMPT_ASGI = """
        EXEMPT = {{"/login", "/docs"}}
        class gate(BaseHTTPMiddleware):
            async def dispatch(self, request, call_next):
                {test}
                    return await call_next(request)
                if request.headers.get("X-API-Key") != KEY:
                    return JSONResponse({{}}, status_code=403)
                return await call_next(request)
"""


@pytest.mark.parametrize(
    ("test", "path", "verdict"),
    [
        ("if request.url.path in EXEMPT:", "/docs", "none"),
        ("if request.url.path in EXEMPT:", "/items", "gate"),
        ('if request.scope["path"].startswith("/public"):', "/public/a", "none"),
        ('if not request.url.path.startswith("/api"):', "/api/items/{id}", "gate"),
        ('if not request.url.path.startswith("/api"):', "/metrics", "none"),
        ('if request.method == "OPTIONS" or request.url.path == "/":', "/", "none"),
        ('if request.method == "OPTIONS" or request.url.path == "/":', "/items", "gate"),
    ],
)
def test_paths_that_middleware_lets_through(test: str, path: str, verdict: str) -> None:
    found = judge("middleware", ASGI + EXEMPT_ASGI.format(test=test).replace("\n        ", "\n"), view(path))
    assert found.verdict == verdict, found


def test_a_backend_for_authentication_middleware_only_tells_who_calls() -> None:
    found = judge("middleware", "from starlette.middleware.authentication import AuthenticationMiddleware as gate")
    assert found.verdict == "none"
