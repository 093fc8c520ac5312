"""Everything asks for a key, unless its view is marked."""

from functools import wraps

from flask import Flask, abort, current_app, request

KEYS = ("k-314", "k-159")


def public(view):
    view.is_public = True
    return view


def timed(view):
    @wraps(view)
    def inner(*args, **kwargs):
        return view(*args, **kwargs)

    return inner


def renamed(view):
    # the mark stays behind on the view that is wrapped
    def inner():
        return view()

    inner.__name__ = view.__name__
    return inner


def guard():
    view = current_app.view_functions.get(request.endpoint)
    if view is None or getattr(view, "is_public", False):
        return
    if request.headers.get("X-API-Key") not in KEYS:
        abort(401)


app = Flask(__name__)
app.before_request(guard)


@app.get("/")
@public
def index():
    return "index"


@app.get("/secret")
def secret():
    return "secret"


@app.get("/prices")
@timed
@public
def prices():
    return "prices"


@app.get("/terms")
@renamed
@public
def terms():
    return "terms"


@app.route("/contact", methods=["POST"])
@public
def contact():
    return "thanks"
