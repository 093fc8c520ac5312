"""A library's lending API that logs too much."""

import logging
import secrets

import jwt
from flask import Flask, abort, current_app, jsonify, request

logger = logging.getLogger(__name__)
app = Flask(__name__)


def log_call(name, details):
    logger.info("%s %s", name, details)


@app.before_request
def trace():
    logger.debug("headers: %s", dict(request.headers))  # expect: key-logged
    log_call("auth", request.headers.get("Authorization"))  # expect: key-logged


@app.get("/loans")
def loans():
    key = request.headers.get("X-API-Key", "")
    if not app.keys.verify(key):
        current_app.logger.warning(f"refused key {key.strip()} from {request.remote_addr}")  # expect: key-logged
        abort(401)
    return jsonify(loans=[])


@app.post("/login")
def login():
    form = request.get_json()
    print("login", form["name"], form["password"])  # expect: key-logged
    logger.info("body %s", form)  # expect: key-logged
    token = jwt.encode({"sub": form["name"]}, app.config["SECRET_KEY"], algorithm="HS256")
    logger.info("issued %s", token)  # expect: key-logged
    return jsonify(token=token)


@app.post("/keys")
def new_key():
    api_key = secrets.token_urlsafe(32)
    app.logger.info("new key", extra={"value": api_key})  # expect: key-logged
    logging.error("signing with " + app.config["SECRET_KEY"])  # expect: key-logged
    return jsonify(key=api_key), 201


@app.delete("/keys")
def revoke():
    key = request.headers["X-API-Key"]
    if not app.keys.revoke(key):
        raise LookupError(f"no key {key}")  # expect: key-logged
    return "", 204
