"""Three ways in, none of them counted."""

from flask import Flask, abort, jsonify, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from werkzeug.security import check_password_hash

app = Flask(__name__)
limiter = Limiter(get_remote_address, app=app, default_limits=["600 per minute"])


@app.post("/login")
def login():  # expect: missing-brute-force-protection
    form = request.get_json()
    member = app.members.get(form["name"])
    if member is None or not check_password_hash(member.password_hash, form["password"]):
        abort(401)
    return jsonify(token=member.issue())


@app.post("/login/otp")
@limiter.limit("100 per minute")
def one_time_password():  # expect: missing-brute-force-protection
    form = request.get_json()
    if not app.members.verify_otp(form["name"], form["otp"], form.get("password")):
        abort(401)
    return jsonify(ok=True)


@app.route("/sessions", methods=["GET", "POST"])
def sign_in():  # expect: missing-brute-force-protection
    name, password = request.form["name"], request.form["password"]
    if not app.members.authenticate(name, password):
        abort(401)
    return jsonify(ok=True)
