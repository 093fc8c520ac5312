from flask import request
from werkzeug.exceptions import Unauthorized

PEOPLE = {"p-551": "ada"}


def current_person(headers=None):
    token = (headers or request.headers).get("Authorization", "").removeprefix("Bearer ")
    if headers is not None and token not in PEOPLE:
        raise PermissionError(token[:2])
    try:
        return PEOPLE[token]
    except KeyError:
        raise Unauthorized() from None
