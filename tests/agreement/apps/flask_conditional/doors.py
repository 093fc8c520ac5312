import os
from functools import wraps

from flask import abort, request


def key_required(view):
    @wraps(view)
    def wrapper(*args, **kwargs):
        if request.headers.get("X-API-Key") != os.environ["API_KEY"]:
            abort(401)
        return view(*args, **kwargs)

    return wrapper
