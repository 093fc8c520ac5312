"""A login and a gate that keep what they refuse to themselves."""

from functools import wraps

from flask import Flask, abort, jsonify, request
from werkzeug.security import check_password_hash

app = Flask(__name__)


def key_required(view):
    @wraps(view)
    def guarded(*args, **kwargs):
        if app.extensions["keys"].get(request.headers.get("X-API-Key", "")) is None:
            abort(401)
        return view(*args, **kwargs)

    return guarded


@app.post("/login")
def login():  # expect: missing-audit-log
    member = app.extensions["members"].get(request.form["name"])
    if member is None or not check_password_hash(member.password_hash, request.form["password"]):
        abort(401)
    return jsonify(token=member.issue_token())


@app.post("/staff/login")
def staff_login():  # expect: missing-audit-log
    person = app.extensions["staff"].get(request.form["name"])
    if person is None or not check_password_hash(person.password_hash, request.form["password"]):
        return jsonify(error="wrong name or password"), 401
    return jsonify(token=person.issue_token())


@app.get("/orders")
@key_required
def orders():
    return jsonify([])
