from flask import Blueprint, Flask, abort, g, request

from ostiary.flask import Guard, delegated, public, require, static

guard = Guard(
    store="memory://", keys=static("API_KEY"), https="off", policy_file=None, failures=None, default=public("an open archive", limits="6 per minute")
)
outer = Blueprint("outer", __name__)
inner = Blueprint("inner", __name__)
members = Blueprint("members", __name__)
desk = Blueprint("desk", __name__)
MEMBERS = {"m-1": "ada"}


@members.before_request
def member_only():
    g.member = MEMBERS.get(request.headers.get("X-Member-Key"))
    if g.member is None:
        abort(403)


@members.get("/mine")
def mine():
    return g.member


@outer.get("/plain")
def plain():
    return "plain"


@desk.get("/open")
def open_desk():
    return "open"


@inner.get("/nested")
def nested():
    return "nested"


@inner.get("/nested/public")
@public("a corner for everybody")
def corner():
    return "corner"


def application():
    app = Flask(__name__)
    guard.protect(outer, require("outer:read"))
    guard.protect(members, delegated(member_only))
    guard.protect(desk, public("the front desk"))
    inner.register_blueprint(desk, url_prefix="/desk")
    app.register_blueprint(desk, url_prefix="/again", name="again")
    outer.register_blueprint(inner, url_prefix="/inner")
    app.register_blueprint(outer, url_prefix="/outer")
    app.register_blueprint(members, url_prefix="/members")
    app.add_url_rule("/archive/<int:year>", view_func=lambda year: str(year), endpoint="archive")
    guard.init_app(app)
    return app
