from functools import wraps

from flask import abort, session


def login_required(view):
    @wraps(view)
    def wrapper(*args, **kwargs):
        if session.get("user") is None:
            abort(401)
        return view(*args, **kwargs)

    return wrapper
