import functools

from flask import request

SESSIONS = {"9f1c": "ada"}


def signed_in(handler):
    def inner(*args, **kwargs):
        user = SESSIONS.get(request.cookies.get("session"))
        if user is None:
            return {"error": "sign in first"}, 401
        return handler(*args, **kwargs)

    return functools.update_wrapper(inner, handler)
