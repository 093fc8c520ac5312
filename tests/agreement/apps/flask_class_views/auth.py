from functools import wraps

from flask import abort, request
from itsdangerous import BadSignature, URLSafeTimedSerializer

serializer = URLSafeTimedSerializer("Vd9sQ-example-only-x3")


def _user():
    try:
        return serializer.loads(request.headers.get("Authorization", "")[7:], max_age=3600)
    except BadSignature:
        return None


def login_required(view):
    @wraps(view)
    def wrapped(*args, **kwargs):
        if _user() is None:
            abort(401)
        return view(*args, **kwargs)

    return wrapped


def staff_required(method):
    @wraps(method)
    def wrapped(self, *args, **kwargs):
        user = _user()
        if user is None or not user.get("staff"):
            abort(403)
        return method(self, *args, **kwargs)

    return wrapped
