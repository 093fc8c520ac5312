"""The check written inside a handler counts; a login handler's own 401 does not."""

from __future__ import annotations

import pytest

from tests.scan.code.gatekit import judge, view

IMPORTS = """
import hmac, os, typing
import authlib.oauth2
import jwt
from flask import Flask, Response, abort, current_app, g, jsonify, redirect, render_template, request, session, url_for
from flask_login import current_user
from werkzeug.security import check_password_hash
"""
CASES = {
    "a guard clause over a setting that is read without a default": (
        "gate",
        """
        def gate():
            kept = current_app.config.get("FEED_KEY")
            if kept and request.headers.get("X-API-Key") == kept:
                return jsonify(load())
            abort(401)
    """,
    ),
    "a guard clause that compares in constant time": (
        "gate",
        """
        def gate():
            kept = os.environ.get("FEED_KEY")
            given = request.headers.get("X-API-Key", "")
            if not kept or not hmac.compare_digest(given.encode(), kept.encode()):
                abort(401)
            return jsonify(load())
    """,
    ),
    "nothing is compared where the setting is not set": (
        "unknown",
        """
        def gate():
            kept = os.environ.get("FEED_KEY")
            if kept and request.headers.get("X-API-Key") != kept:
                abort(401)
            return jsonify(load())
    """,
    ),
    "client authentication of authlib, beside a stub for type checkers": (
        "gate",
        """
        class Server(authlib.oauth2.AuthorizationServer):
            if typing.TYPE_CHECKING:
                def create_endpoint_response(self, name, request): ...
        server = Server()
        def gate():
            return server.create_endpoint_response("introspection", request)
    """,
    ),
    "refuses before anything else": (
        "gate",
        """
        def gate():
            if not session.get("user_id"):
                abort(401)
            return jsonify(load())
    """,
    ),
    "returns 403 for the anonymous": (
        "gate",
        """
        def gate():
            if current_user.is_anonymous:
                return {"success": False}, 403
            return {"success": True}
    """,
    ),
    "verifies a token with a helper": (
        "gate",
        """
        def gate():
            resp = token_validator(request.headers.get("Authorization"))
            if "error" in resp:
                return Response("no", 401, mimetype="application/json")
            return Response("yes", 200)
        def token_validator(auth_header):
            if auth_header:
                try:
                    auth_token = auth_header.split(" ")[1]
                except:
                    auth_token = ""
            else:
                auth_token = ""
            if auth_token:
                return decode_auth_token(auth_token)
            else:
                return {"error": "Invalid token. Please log in again."}
        def decode_auth_token(auth_token):
            try:
                return jwt.decode(auth_token, KEY, algorithms=["HS256"])
            except jwt.ExpiredSignatureError:
                return {"error": "expired"}
            except jwt.InvalidTokenError:
                return {"error": "invalid"}
    """,
    ),
    "owner check against the current user": (
        "gate",
        """
        def gate(id):
            post = db.get(Post, id) or abort(404)
            if post.author != current_user:
                abort(403)
            return jsonify(post)
    """,
    ),
    "redirects to the login page": (
        "gate",
        """
        def gate():
            if session.get("user") is None:
                return redirect(url_for("auth.login"))
            return render_template("home.html")
    """,
    ),
    "a login handler": (
        "none",
        """
        def gate():
            data = request.get_json()
            user = User.query.filter_by(username=data.get("username")).first()
            if not user or not check_password_hash(user.password, data["password"]):
                return jsonify(error="wrong"), 401
            return jsonify(token=make_token(user))
    """,
    ),
    "a login handler with a comparison": (
        "none",
        """
        def gate():
            if request.form["password"] != current_app.config["PASSWORD"]:
                abort(401)
            session["user"] = 1
            return redirect("/")
    """,
    ),
    "403 for another reason": (
        "none",
        """
        def gate(id):
            item = db.get(Item, id)
            if item.locked:
                abort(403)
            return jsonify(item)
    """,
    ),
    "refuses those who are logged in": (
        "none",
        """
        def gate():
            if request.headers.get("Authorization"):
                abort(403)
            return jsonify(ok=1)
    """,
    ),
    "401 by what the body says": (
        "none",
        """
        def gate():
            data = request.get_json()
            if data["role"] == "Chef":
                abort(401)
            return update(data)
    """,
    ),
    "an address": (
        "none",
        """
        def gate():
            if request.remote_addr != "127.0.0.1":
                abort(403)
            return secret()
    """,
    ),
    "the check comes after the work": (
        "none",
        """
        def gate(id):
            db.session.delete(Item.query.get(id))
            db.session.commit()
            if not session.get("user_id"):
                abort(401)
            return "", 204
    """,
    ),
    "only one of two ways is checked": (
        "none",
        """
        def gate(id):
            if request.args.get("full"):
                if not session.get("user_id"):
                    abort(401)
                return jsonify(full())
            return jsonify(short())
    """,
    ),
    "a check that a setting switches off": (
        "unknown",
        """
        def gate():
            if current_app.config["PRIVATE"]:
                if not session.get("user_id"):
                    abort(401)
            return jsonify(load())
    """,
    ),
    "logging out ends at the login page for everybody": (
        "none",
        """
        def logout():
            if current_user.is_authenticated:
                logout_user()
            return redirect(url_for("login"))
        gate = logout
    """,
    ),
    "no refusal at all": (
        "none",
        """
        def gate():
            return jsonify(name=current_user.name)
    """,
    ),
    "raises an exception of the tree with a status": (
        "gate",
        """
        class Nope(Exception):
            status_code = 403
        def gate():
            if not session.get("user_id"):
                raise Nope()
            return jsonify(load())
    """,
    ),
    "raises an exception that stands ready": (
        "gate",
        """
        from fastapi import HTTPException
        denied = HTTPException(401)
        def gate():
            if not session.get("user_id"):
                raise denied
            return jsonify(load())
    """,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_body(case: str) -> None:
    verdict, source = CASES[case]
    found = judge("body", IMPORTS + source.replace("\n        ", "\n"))
    assert found.verdict == verdict, found


BY_METHOD = """
        def gate():
            if request.method == "POST":
                if not session.get("user_id"):
                    abort(401)
                return save_it()
            return render_template("form.html")
"""


@pytest.mark.parametrize(("method", "verdict"), [("POST", "gate"), ("GET", "none")])
def test_a_check_for_one_method(method: str, verdict: str) -> None:
    assert judge("body", IMPORTS + BY_METHOD.replace("\n        ", "\n"), view(method=method)).verdict == verdict


FASTAPI = """
import secrets
from typing import Annotated
from fastapi import Depends, Header, HTTPException, Request, Security, WebSocket
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
"""
FASTAPI_CASES = {
    "verifies what a scheme extracted": (
        "gate",
        """
        async def gate(key: str = Security(APIKeyHeader(name="X-API-Key"))):
            if not secrets.compare_digest(key, SECRET):
                raise HTTPException(status_code=401)
            return 1
    """,
    ),
    "never looks at what a scheme extracted": (
        "none",
        """
        async def gate(key: str = Security(APIKeyHeader(name="X-API-Key"))):
            return 1
    """,
    ),
    "refuses a missing optional user": (
        "gate",
        """
        def maybe(request: Request):
            return request.session.get("user")
        async def gate(user=Depends(maybe)):
            if user is None:
                raise HTTPException(status_code=401)
            return user
    """,
    ),
    "a private item only": (
        "none",
        """
        def maybe(request: Request):
            return request.session.get("user")
        async def gate(id: int, user=Depends(maybe)):
            item = await load(id)
            if item.private and user is None:
                raise HTTPException(status_code=401)
            return item
    """,
    ),
    "is behind a gate anyway": (
        "none",
        """
        def get_user(x_token: str = Header()):
            if x_token != TOKEN:
                raise HTTPException(401)
            return 1
        async def gate(user=Depends(get_user)):
            if not user.admin:
                raise HTTPException(status_code=403)
            return user
    """,
    ),
    "a method of a controller with a user": (
        "gate",
        """
        def maybe(request: Request):
            return request.session.get("user")
        class Controller:
            user: dict = Depends(maybe)
            def get(self):
                if not self.user:
                    raise HTTPException(status_code=403)
                return 1
        gate = Controller().get
    """,
    ),
    "a WebSocket that is closed for strangers": (
        "gate",
        """
        async def gate(websocket: WebSocket):
            if websocket.query_params.get("token") != TOKEN:
                await websocket.close(code=1008)
                return
            await websocket.accept()
            await websocket.send_text("hi")
    """,
    ),
}


@pytest.mark.parametrize("case", FASTAPI_CASES)
def test_fastapi_body(case: str) -> None:
    verdict, source = FASTAPI_CASES[case]
    found = judge("body", FASTAPI + source.replace("\n        ", "\n"))
    assert found.verdict == verdict, found
