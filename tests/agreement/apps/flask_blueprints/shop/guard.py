import hmac
import os
from functools import wraps

from flask import abort, request


def key_required(view):
    @wraps(view)
    def wrapper(*args, **kwargs):
        given = request.headers.get("X-API-Key", "")
        if not hmac.compare_digest(given, os.environ["SHOP_KEY"]):
            abort(401)
        return view(*args, **kwargs)

    return wrapper
