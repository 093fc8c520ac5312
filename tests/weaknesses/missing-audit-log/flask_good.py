"""Logins that are logged, counted or recorded, and a gate that logs."""

import logging
from functools import wraps

from flask import Flask, abort, jsonify, request
from werkzeug.security import check_password_hash

from mail import send_mail

log = logging.getLogger(__name__)
app = Flask(__name__)  # ok: missing-audit-log


def key_required(view):
    @wraps(view)
    def guarded(*args, **kwargs):
        if app.extensions["keys"].get(request.headers.get("X-API-Key", "")) is None:
            log.warning("refused %s %s", request.method, request.path)
            abort(401)
        return view(*args, **kwargs)

    return guarded


def refused(name):
    app.logger.warning("login refused", extra={"account": name, "address": request.remote_addr})
    abort(401)


@app.post("/login")
def login():  # ok: missing-audit-log
    member = app.extensions["members"].get(request.form["name"])
    if member is None or not check_password_hash(member.password_hash, request.form["password"]):
        refused(request.form["name"])
    return jsonify(token=member.issue_token())


@app.post("/staff/login")
def staff_login():  # ok: missing-audit-log
    person = app.extensions["staff"].get(request.form["name"])
    if person is None or not check_password_hash(person.password_hash, request.form["password"]):
        app.extensions["store"].add(LoginAttempt(name=request.form["name"], success=False))
        return jsonify(error="wrong name or password"), 401
    return jsonify(token=person.issue_token())


@app.post("/partners/login")
def partner_login():  # ok: missing-audit-log
    partner = app.extensions["partners"].get(request.form["name"])
    if not check_password_hash(partner.password_hash, request.form["password"]):
        partner.failed_logins += 1
        abort(401)
    return jsonify(token=partner.issue_token())


@app.post("/reset-password")
def reset_password():  # ok: missing-audit-log
    member = app.extensions["members"].by_reset_token(request.form["token"])
    member.set_password(request.form["password"])
    return "", 204


@app.post("/tokens/reset")
def forgotten():  # ok: missing-audit-log
    member = app.extensions["members"].by_email(request.form["email"])
    if member is not None:
        send_mail(member.email, "Reset your password", member.generate_reset_token())
    return "", 204


@app.get("/orders")
@key_required
def orders():
    return jsonify([])


class LoginAttempt:
    def __init__(self, name, success):
        self.name, self.success = name, success
