import hashlib
from functools import wraps

from flask import request
from flask_smorest import abort

# sha256 of the only key
DIGEST = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8"


def require_key(view):
    @wraps(view)
    def wrapper(*args, **kwargs):
        key = request.headers.get("X-API-Key", "")
        if hashlib.sha256(key.encode()).hexdigest() != DIGEST:
            abort(401, message="unknown key")
        return view(*args, **kwargs)

    return wrapper
