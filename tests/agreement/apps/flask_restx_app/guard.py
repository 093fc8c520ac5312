import secrets
from functools import wraps

from flask import current_app, request


def token_required(f):
    @wraps(f)
    def decorated(*args, **kwargs):
        token = request.headers.get("X-API-Key", "")
        if not secrets.compare_digest(token, current_app.config.get("TOKEN", "a8Zk31")):
            return {"message": "token is missing or wrong"}, 401
        return f(*args, **kwargs)

    return decorated
