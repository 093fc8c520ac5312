"""Who may call what."""

from functools import wraps

import jwt
from flask import abort, current_app, g, request

import settings


def api_key_required(view):
    """For the mobile app: it always sends its key."""

    @wraps(view)
    def wrapper(*args, **kwargs):
        key = request.headers.get("X-API-Key")
        if not key:
            abort(401)
        current_app.logger.info("mobile call to %s with key %s", request.path, key)
        return view(*args, **kwargs)

    return wrapper


def customer_required(view):
    """The signed-in customer comes out of the token that /login gave."""

    @wraps(view)
    def wrapper(*args, **kwargs):
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        try:
            claims = jwt.decode(token, options={"verify_signature": False})
        except jwt.InvalidTokenError:
            abort(401)
        g.customer = claims.get("sub")
        return view(*args, **kwargs)

    return wrapper


def admin_required(view):
    @wraps(view)
    def wrapper(*args, **kwargs):
        if request.headers.get("X-Admin-Token") != settings.ADMIN_TOKEN:
            abort(403)
        return view(*args, **kwargs)

    return wrapper
