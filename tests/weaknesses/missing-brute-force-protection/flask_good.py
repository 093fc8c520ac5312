"""Three ways in, all of them counted."""

from flask import Flask, abort, jsonify, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from werkzeug.security import check_password_hash, generate_password_hash

app = Flask(__name__)
limiter = Limiter(get_remote_address, app=app, default_limits=["600 per minute"])


@app.post("/login")
@limiter.limit("5 per minute")
def login():  # ok: missing-brute-force-protection
    form = request.get_json()
    member = app.members.get(form["name"])
    if member is None or not check_password_hash(member.password_hash, form["password"]):
        abort(401)
    return jsonify(token=member.issue())


@app.post("/sessions")
def sign_in():  # ok: missing-brute-force-protection
    name, password = request.form["name"], request.form["password"]
    if app.members.locked_out(name):
        abort(423)
    if not app.members.authenticate(name, password):
        app.members.count_failed_attempt(name)
        abort(401)
    return jsonify(ok=True)


@app.post("/members")
def register():  # ok: missing-brute-force-protection
    form = request.get_json()
    app.members.add(form["name"], generate_password_hash(form["password"]))
    return "", 201


@app.post("/logout")
def logout():  # ok: missing-brute-force-protection
    app.members.forget(request.form["name"])
    return "", 204
