from functools import wraps

from flask import Flask, abort, current_app, g, request

app = Flask(__name__)
app.config["SHOP_OPEN"] = True


def require_feature(flag):
    def decorate(view):
        @wraps(view)
        def inner(*args, **kwargs):
            if not current_app.config.get(flag):
                abort(403)
            return view(*args, **kwargs)

        return inner

    return decorate


def require_params(*names):
    def decorate(view):
        @wraps(view)
        def inner(*args, **kwargs):
            if any(name not in request.args for name in names):
                abort(400)
            return view(*args, **kwargs)

        return inner

    return decorate


def login_required_if_configured(view):
    @wraps(view)
    def inner(*args, **kwargs):
        if app.config.get("LOGIN") and request.headers.get("Authorization") != app.config["LOGIN"]:
            abort(401)
        return view(*args, **kwargs)

    return inner


def token_required(view):
    """Takes the token along, believes it."""

    @wraps(view)
    def inner(*args, **kwargs):
        token = request.headers.get("Authorization") or request.headers.get("X-API-Key") or request.cookies.get("session")
        if not token:
            abort(401)
        g.token = token
        return view(*args, **kwargs)

    return inner
