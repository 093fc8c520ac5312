"""Customers and staff show a token from /login. Partners show a key, which the guard checks."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any

import jwt
from flask import Blueprint, abort, current_app, g, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from bookshop import store
from bookshop.config import Settings
from ostiary.flask import public

ISSUER = "bookshop"
LIFETIME = timedelta(minutes=30)
accounts = Blueprint("accounts", __name__)


def settings() -> Settings:
    return current_app.extensions["bookshop"]


def issue_token(name: str, staff: bool) -> str:
    now = datetime.now(UTC)
    claims = {"sub": name, "staff": staff, "iss": ISSUER, "aud": ISSUER, "iat": now, "exp": now + LIFETIME}
    return jwt.encode(claims, settings().token_secret, algorithm="HS256")


def verified_claims() -> dict[str, Any]:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        abort(401)
    try:
        return jwt.decode(
            token,
            settings().token_secret,
            algorithms=["HS256"],
            audience=ISSUER,
            issuer=ISSUER,
            options={"require": ["exp", "sub"]},
        )
    except jwt.InvalidTokenError:
        abort(401)


def caller() -> str | None:
    """Whose token it is, for the guard's limits and records; the decorators below decide."""
    try:
        return str(verified_claims()["sub"])
    except HTTPException:
        return None


def customer_required(view: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        g.customer = verified_claims()["sub"]
        return view(*args, **kwargs)

    return guarded


def staff_required(view: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        if verified_claims().get("staff") is not True:
            abort(403)
        return view(*args, **kwargs)

    return guarded


@accounts.post("/login")
@public("a password becomes a token here", limits="5 per minute")
def login() -> ResponseReturnValue:
    form = request.get_json()
    customer = store.customer_with_password(str(form.get("name", "")), str(form.get("password", "")))
    if customer is None:
        current_app.logger.warning("login refused", extra={"address": request.remote_addr})
        abort(401)
    current_app.logger.info("login of %s", customer["name"])
    return jsonify(token=issue_token(customer["name"], customer["staff"]))
