"""Everything asks for a key, unless its view is marked."""

from flask import Flask, abort, current_app, request

KEYS = ("k-314", "k-159")


def public(view):
    view.is_public = True
    return view


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


@app.route("/contact", methods=["POST"])
@public
def contact():
    return "thanks"
