"""A decorator is a gate by what its wrapper does to a caller without a valid credential."""

from __future__ import annotations

import pytest

from tests.scan.code.gatekit import judge

IMPORTS = """
from functools import wraps
import base64, hashlib, hmac, os, secrets
import jwt
from flask import Flask, Response, abort, current_app, flash, g, jsonify, make_response, redirect, render_template, request, session, url_for
from flask_login import current_user, login_required
from werkzeug.exceptions import Forbidden, Unauthorized
"""

CASES = {
    "verifies a token and answers 401": (
        "gate",
        """
        def gate(f):
            @wraps(f)
            def inner(*args, **kwargs):
                token = request.headers.get("Authorization")
                if not token:
                    return jsonify(error="missing"), 401
                try:
                    g.user = jwt.decode(token.split()[1], "k", algorithms=["HS256"])
                except jwt.InvalidTokenError:
                    return jsonify(error="bad"), 401
                return f(*args, **kwargs)
            return inner
    """,
    ),
    "only asks whether a header is there": (
        "extractor",
        """
        def gate(f):
            @wraps(f)
            def inner(*args, **kwargs):
                if not request.headers.get("X-API-Key"):
                    abort(401)
                return f(*args, **kwargs)
            return inner
    """,
    ),
    "asks whether a header is there, with in": (
        "extractor",
        """
        def gate(f):
            def inner(*args, **kwargs):
                if "Authorization" not in request.headers:
                    return {"message": "no token"}, 401
                return f(*args, **kwargs)
            return inner
    """,
    ),
    "checks the scheme and nothing more": (
        "extractor",
        """
        def gate(f):
            def inner(*args, **kwargs):
                header = request.headers.get("Authorization", "")
                if not header.startswith("Bearer "):
                    abort(401)
                g.token = header[7:]
                return f(*args, **kwargs)
            return inner
    """,
    ),
    "compares the scheme's name and nothing more": (
        "extractor",
        """
        def gate(f):
            def inner(*args, **kwargs):
                parts = request.headers["Authorization"].split()
                if parts[0].lower() != "bearer" or len(parts) != 2:
                    abort(401)
                return f(*args, **kwargs)
            return inner
    """,
    ),
    "compares a header with a setting": (
        "gate",
        """
        def gate(f):
            @wraps(f)
            def inner(*args, **kwargs):
                if request.headers.get("X-API-Key") != current_app.config["API_KEY"]:
                    abort(403)
                return f(*args, **kwargs)
            return inner
    """,
    ),
    "compares in constant time, positive logic": (
        "gate",
        """
        def gate(f):
            @wraps(f)
            def inner(*args, **kwargs):
                given = request.headers.get("X-API-Key", "")
                if hmac.compare_digest(given.encode(), KEY.encode()):
                    return f(*args, **kwargs)
                return Response("no", status=401)
            return inner
        KEY = os.environ["KEY"]
    """,
    ),
    "compares a digest of the key": (
        "gate",
        """
        def gate(f):
            def inner(*a, **k):
                digest = hashlib.sha256(request.headers.get("X-Key-Auth", "").encode()).hexdigest()
                if not secrets.compare_digest(digest, STORED):
                    raise Unauthorized()
                return f(*a, **k)
            return inner
        STORED = "x"
    """,
    ),
    "looks the key up in a database": (
        "gate",
        """
        from models import ApiKey
        def gate(f):
            def inner(*a, **k):
                row = ApiKey.query.filter_by(key=request.headers.get("X-API-Key")).first()
                if row is None:
                    return jsonify(error="unknown key"), 401
                return f(*a, **k)
            return inner
    """,
    ),
    "membership in a list of keys": (
        "gate",
        """
        def gate(f):
            def inner(*a, **k):
                if request.args.get("api_key") not in KEYS:
                    abort(401)
                return f(*a, **k)
            return inner
        KEYS = load_keys()
    """,
    ),
    "asks the signed session": (
        "gate",
        """
        def gate(f):
            @wraps(f)
            def inner(*a, **k):
                if "user_id" not in session:
                    return redirect(url_for("auth.login"))
                return f(*a, **k)
            return inner
    """,
    ),
    "a raw cookie is not the session": (
        "extractor",
        """
        def gate(f):
            def inner(*a, **k):
                if not request.cookies.get("user_id"):
                    return redirect("/login")
                return f(*a, **k)
            return inner
    """,
    ),
    "g.user that a hook loaded": (
        "gate",
        """
        def gate(f):
            def inner(*a, **k):
                if g.user is None:
                    return redirect(url_for("auth.login"))
                return f(*a, **k)
            return inner
    """,
    ),
    "role of the current user": (
        "gate",
        """
        def gate(role):
            def decorator(f):
                @wraps(f)
                def inner(*a, **k):
                    if current_user.role != role:
                        abort(403)
                    return f(*a, **k)
                return inner
            return decorator
        gate = gate("admin")
    """,
    ),
    "class with __call__ as decorator": (
        "gate",
        """
        class require_permissions:
            def __init__(self, permissions, allow_one=False):
                self.permissions, self.allow_one = permissions, allow_one
            def __call__(self, fn):
                @wraps(fn)
                def decorated(*args, **kwargs):
                    if self.allow_one:
                        has = any([current_user.has_permission(p) for p in self.permissions])
                    else:
                        has = current_user.has_permissions(self.permissions)
                    if has:
                        return fn(*args, **kwargs)
                    else:
                        abort(403)
                return decorated
        def require_permission(permission):
            return require_permissions((permission,))
        def gate(fn):
            return require_permission("admin")(fn)
    """,
    ),
    "class that wraps the handler": (
        "gate",
        """
        class gate:
            def __init__(self, f):
                self.f = f
            def __call__(self, *a, **k):
                if not current_user.is_authenticated:
                    abort(401)
                return self.f(*a, **k)
    """,
    ),
    "the check is in a helper": (
        "gate",
        """
        def gate(f):
            def inner(*a, **k):
                check()
                return f(*a, **k)
            return inner
        def check():
            if not valid(request.headers.get("X-Token")):
                abort(401)
        def valid(token):
            return token is not None and lookup(token) is not None
        def lookup(token):
            for row in ROWS:
                if row.token == token:
                    return row
            return None
    """,
    ),
    "the check is four calls deep": (
        "gate",
        """
        def gate(f):
            def inner(*a, **k):
                one()
                return f(*a, **k)
            return inner
        def one(): two()
        def two(): three()
        def three(): four()
        def four():
            if session.get("user") is None:
                abort(401)
    """,
    ),
    "negative logic after the call": (
        "gate",
        """
        def gate(f):
            def inner(*a, **k):
                if is_admin():
                    return f(*a, **k)
                else:
                    if request.is_json:
                        abort(403)
                    else:
                        return redirect(url_for("auth.login", next=request.full_path))
            return inner
        def is_admin():
            if authed():
                return get_user().type == "admin"
            else:
                return False
        def authed():
            return bool(session.get("id", False))
    """,
    ),
    "lets anonymous callers through while an event runs": (
        "optional",
        """
        from dates import ctftime
        def gate(f):
            def inner(*a, **k):
                if ctftime() or is_admin():
                    return f(*a, **k)
                abort(403)
            return inner
        def is_admin():
            return current_user.is_authenticated and current_user.admin
    """,
    ),
    "redirects those who are logged in": (
        "optional",
        """
        def gate(f):
            def inner(*a, **k):
                if current_user.is_authenticated:
                    return redirect(url_for("index"))
                return f(*a, **k)
            return inner
    """,
    ),
    "refuses only users who are not verified": (
        "optional",
        """
        def gate(f):
            def inner(*a, **k):
                if current_user.is_authenticated:
                    if not current_user.verified:
                        abort(403)
                return f(*a, **k)
            return inner
    """,
    ),
    "jwt.decode without verification": (
        "extractor",
        """
        def gate(f):
            def inner(*a, **k):
                token = request.headers.get("Authorization")
                if not token:
                    abort(401)
                g.claims = jwt.decode(token, options={"verify_signature": False})
                return f(*a, **k)
            return inner
    """,
    ),
    "jwt.decode with verification switched off by a constant": (
        "extractor",
        """
        VERIFY = False
        def gate(f):
            def inner(*a, **k):
                token = request.headers.get("Authorization")
                if not token:
                    abort(401)
                try:
                    claims = jwt.decode(token, KEY, algorithms=["HS256"], options={"verify_signature": VERIFY})
                except Exception:
                    abort(401)
                return f(*a, **k)
            return inner
    """,
    ),
    "algorithm none": (
        "extractor",
        """
        def gate(f):
            def inner(*a, **k):
                token = request.headers.get("Authorization")
                if not token:
                    abort(401)
                g.claims = jwt.decode(token, algorithms=["none"])
                return f(*a, **k)
            return inner
    """,
    ),
    "an error while verifying lets through": (
        "extractor",
        """
        def gate(f):
            def inner(*a, **k):
                token = request.headers.get("Authorization")
                if not token:
                    abort(401)
                try:
                    g.user = jwt.decode(token, KEY, algorithms=["HS256"])
                except Exception:
                    pass
                return f(*a, **k)
            return inner
    """,
    ),
    "verifies only when a token is sent": (
        "optional",
        """
        def gate(f):
            def inner(*a, **k):
                token = request.headers.get("Authorization")
                if token:
                    try:
                        g.user = jwt.decode(token, KEY, algorithms=["HS256"])
                    except Exception:
                        abort(401)
                return f(*a, **k)
            return inner
    """,
    ),
    "only an address test": (
        "none",
        """
        def gate(f):
            def inner(*a, **k):
                if request.remote_addr != "127.0.0.1":
                    abort(403)
                return f(*a, **k)
            return inner
    """,
    ),
    "forwarded address": (
        "none",
        """
        def gate(f):
            def inner(*a, **k):
                ip = request.headers.get("X-Forwarded-For", request.remote_addr)
                if ip not in ALLOWED:
                    abort(403)
                return f(*a, **k)
            return inner
    """,
    ),
    "an address is exempt from the check": (
        "unknown",
        """
        def gate(f):
            def inner(*a, **k):
                if request.remote_addr == "127.0.0.1":
                    return f(*a, **k)
                if session.get("user_id") is None:
                    abort(401)
                return f(*a, **k)
            return inner
    """,
    ),
    "only a feature flag": (
        "none",
        """
        def gate(f):
            def inner(*a, **k):
                if not current_app.config["FEATURE_X"]:
                    abort(403)
                return f(*a, **k)
            return inner
    """,
    ),
    "the check depends on a setting": (
        "unknown",
        """
        def gate(f):
            def inner(*a, **k):
                if not current_app.config["LOGIN_DISABLED"]:
                    if not current_user.is_authenticated:
                        abort(401)
                return f(*a, **k)
            return inner
    """,
    ),
    "optional when a setting says so": (
        "unknown",
        """
        def gate(func):
            @wraps(func)
            def decorated_view(*args, **kwargs):
                if config.config_anonbrowse == 1:
                    return func(*args, **kwargs)
                return login_required(func)(*args, **kwargs)
            return decorated_view
        config = load_config()
    """,
    ),
    "the setting is known to be on": (
        "gate",
        """
        AUTH_ENABLED = True
        def gate(f):
            def inner(*a, **k):
                if AUTH_ENABLED and not current_user.is_authenticated:
                    abort(401)
                return f(*a, **k)
            return inner
    """,
    ),
    "the setting is known to be off": (
        "optional",
        """
        AUTH_ENABLED = False
        def gate(f):
            def inner(*a, **k):
                if current_user.is_authenticated:
                    g.user = current_user
                elif AUTH_ENABLED:
                    abort(401)
                return f(*a, **k)
            return inner
    """,
    ),
    "the setting's class has a default that refuses": (
        "gate",
        """
        from db import Base, Column, SmallInteger
        class _Settings(Base):
            config_anonbrowse = Column(SmallInteger, default=0)
        class ConfigSQL:
            def __init__(self):
                self.load()
        config = ConfigSQL()
        def gate(func):
            def decorated_view(*args, **kwargs):
                if config.config_anonbrowse == 1:
                    return func(*args, **kwargs)
                return login_required(func)(*args, **kwargs)
            return decorated_view
    """,
    ),
    "an environment variable switches it off": (
        "unknown",
        """
        def gate(f):
            def inner(*a, **k):
                if os.getenv("DISABLE_AUTH"):
                    return f(*a, **k)
                if not current_user.is_authenticated:
                    abort(401)
                return f(*a, **k)
            return inner
    """,
    ),
    "an environment variable switches it on by default": (
        "gate",
        """
        def gate(f):
            def inner(*a, **k):
                if os.environ.get("REQUIRE_AUTH", "true").lower() == "true":
                    if not current_user.is_authenticated:
                        abort(401)
                return f(*a, **k)
            return inner
    """,
    ),
    "assert is no gate": (
        "none",
        """
        def gate(f):
            def inner(*a, **k):
                assert request.headers.get("X-API-Key") == KEY
                return f(*a, **k)
            return inner
        KEY = "k"
    """,
    ),
    "asks for a parameter": (
        "none",
        """
        def gate(name):
            def decorator(f):
                def inner(*a, **k):
                    if name not in request.args:
                        return jsonify(error="missing parameter"), 400
                    return f(*a, **k)
                return inner
            return decorator
        gate = gate("page")
    """,
    ),
    "a service must be up": (
        "none",
        """
        def gate(f):
            def inner(*a, **k):
                if not vector_db.ready():
                    abort(503)
                return f(*a, **k)
            return inner
    """,
    ),
    "CSRF is not authentication": (
        "none",
        """
        def gate(f):
            def inner(*a, **k):
                if request.form.get("csrf_token") != session.get("csrf_token"):
                    abort(403)
                return f(*a, **k)
            return inner
    """,
    ),
    "a rate limit by token is not authentication": (
        "none",
        """
        from store import redis
        def gate(f):
            def inner(*a, **k):
                if redis.incr("rl:" + request.headers.get("User-Agent", "")) > 10:
                    abort(429)
                return f(*a, **k)
            return inner
    """,
    ),
    "only marks the function": (
        "none",
        """
        def gate(f):
            f.login_required = True
            return f
    """,
    ),
    "only logs the header": (
        "none",
        """
        def gate(f):
            def inner(*a, **k):
                app.logger.info(request.headers.get("Authorization"))
                return f(*a, **k)
            return inner
        app = Flask(__name__)
    """,
    ),
    "wraps a library's decorator": (
        "gate",
        """
        def gate(func):
            return login_required(func)
    """,
    ),
    "wraps a decorator that is wrapped by a library's": (
        "gate",
        """
        def mfa_required(wrapped):
            @wraps(wrapped)
            @login_required
            def inner(*args, **kwargs):
                def execute():
                    session["mfa"] = True
                    return wrapped(*args, **kwargs)
                return execute()
            return inner
        def gate(func):
            @wraps(func)
            @mfa_required
            def wrapper(*args, **kwargs):
                return func(*args, **kwargs)
            return wrapper
    """,
    ),
    "answers through a helper": (
        "gate",
        """
        def gate(f):
            def inner(*a, **k):
                user = load_user(request.headers.get("X-Auth-Token"))
                if not user:
                    return unauthorized("no")
                return f(*a, **k)
            return inner
        def unauthorized(message):
            return error_response(401, message)
        def error_response(status_code, message=None):
            response = jsonify({"error": message})
            response.status_code = status_code
            return response
    """,
    ),
    "make_response with 403": (
        "gate",
        """
        def gate(f):
            def inner(*a, **k):
                if session.get("role") != "admin":
                    return make_response(jsonify(error="no"), 403)
                return f(*a, **k)
            return inner
    """,
    ),
    "an exception of the tree with a code": (
        "gate",
        """
        class ApiError(Exception):
            pass
        class Nope(ApiError):
            status_code = 403
        def gate(f):
            def inner(*a, **k):
                if session.get("user_id") is None:
                    raise Nope("log in")
                return f(*a, **k)
            return inner
    """,
    ),
    "answers with an error and no status": (
        "gate",
        """
        def gate(f):
            def inner(*a, **k):
                if not verify(request.headers.get("X-Token")):
                    return jsonify({"error": "invalid token"})
                return f(*a, **k)
            return inner
    """,
    ),
    "the status comes from a variable": (
        "gate",
        """
        def gate(f):
            def inner(*a, **k):
                status = None
                user = auth_backend.authenticate(request.headers.get("Authorization"))
                if user in (False, None):
                    status = 401
                if status:
                    return Response("no", status)
                return f(*a, **k)
            return inner
    """,
    ),
    "basic credentials of the request": (
        "gate",
        """
        def gate(f):
            def inner(*a, **k):
                auth = request.authorization
                if not auth or not check_auth(auth.username, auth.password):
                    return Response("log in", 401, {"WWW-Authenticate": "Basic"})
                return f(*a, **k)
            return inner
        def check_auth(username, password):
            return username == "admin" and password == "secret"
    """,
    ),
    "insecure_verify says yes to everything": (
        "extractor",
        """
        def insecure_verify(token):
            decoded = jwt.decode(token, verify = False)
            return True
        def gate(f):
            def inner(*a, **k):
                token = request.headers.get("Authorization")
                if not token:
                    return jsonify(error="no token"), 403
                if not insecure_verify(token):
                    return jsonify(error="bad token"), 403
                return f(*a, **k)
            return inner
    """,
    ),
    "a verifier that returns an error to be looked at": (
        "gate",
        """
        def decode(token):
            try:
                return jwt.decode(token, KEY, algorithms=["HS256"])
            except jwt.ExpiredSignatureError:
                return {"error": "expired"}
            except jwt.InvalidTokenError:
                return {"error": "invalid"}
        def gate(f):
            def inner(*a, **k):
                header = request.headers.get("Authorization")
                resp = decode(header.split(" ")[1]) if header else {"error": "missing"}
                if "error" in resp:
                    return Response(resp, 401)
                return f(*a, **k)
            return inner
    """,
    ),
    "a check that cannot be followed": (
        "unknown",
        """
        from security_lib import verify_request
        def gate(f):
            def inner(*a, **k):
                verify_request(request)
                return f(*a, **k)
            return inner
    """,
    ),
    "calls the handler through ensure_sync": (
        "gate",
        """
        def gate(func):
            @wraps(func)
            def decorated_view(*args, **kwargs):
                if request.method in {"OPTIONS"} or current_app.config.get("LOGIN_DISABLED"):
                    pass
                elif not current_user.is_authenticated:
                    return current_app.login_manager.unauthorized()
                if callable(getattr(current_app, "ensure_sync", None)):
                    return current_app.ensure_sync(func)(*args, **kwargs)
                return func(*args, **kwargs)
            return decorated_view
    """,
    ),
    "compares the prefix of the header with a setting": (
        "extractor",
        """
        def gate(f):
            def inner(*a, **k):
                prefix, token = request.headers["Authorization"].split(" ")
                if prefix != current_app.config["TOKEN_PREFIX"]:
                    abort(403)
                return f(*a, **k)
            return inner
    """,
    ),
    "an unread verifier whose errors are refused": (
        "gate",
        """
        from acme import sdk
        def gate(f):
            def inner(*a, **k):
                try:
                    sdk.verify(request.headers.get("Authorization"))
                except sdk.Invalid:
                    abort(401)
                return f(*a, **k)
            return inner
    """,
    ),
    "a method known by its telling name only": (
        "gate",
        """
        class Driver:
            def connection_manager(self, sid):
                if not current_user.is_authenticated:
                    raise ObjectGone("no server")
                return self.managers[sid]
        def gate(f):
            def inner(*a, **k):
                drivers.get("x").connection_manager(k["sid"])
                return f(*a, **k)
            return inner
        drivers = load_drivers()
    """,
    ),
    "a constant unless the environment says otherwise": (
        "gate",
        """
        import builtins
        if not hasattr(builtins, "SERVER_MODE"):
            SERVER_MODE = True
        else:
            SERVER_MODE = builtins.SERVER_MODE
        def gate(f):
            def inner(*a, **k):
                if SERVER_MODE and not current_user.is_authenticated:
                    abort(401)
                return f(*a, **k)
            return inner
    """,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_decorator(case: str) -> None:
    verdict, source = CASES[case]
    found = judge("decorator", IMPORTS + source.replace("\n        ", "\n"))
    assert found.verdict == verdict, found


def test_a_gate_names_itself_and_its_place() -> None:
    found = judge("decorator", IMPORTS + CASES["asks the signed session"][1].replace("\n        ", "\n"))
    assert [(g.kind, g.name, g.at.file) for g in found.gates if g.at] == [("decorator", "gate", "app.py")]


def test_unknown_says_on_which_setting_it_depends() -> None:
    found = judge("decorator", IMPORTS + CASES["the check depends on a setting"][1].replace("\n        ", "\n"))
    assert "LOGIN_DISABLED" in found.why
