"""A library's lending API that logs who, not with what."""

import hashlib
import logging
import secrets

from flask import Flask, abort, jsonify, request

logger = logging.getLogger(__name__)
app = Flask(__name__)


def log_call(name, details):
    logger.info("%s %s", name, details)


def masked(key):
    return key[:4] + "…"


@app.before_request
def trace():
    logger.debug("agent: %s from %s", request.headers.get("User-Agent"), request.headers.get("X-Forwarded-For"))  # ok: key-logged
    log_call("auth", request.headers.get("Authorization") is not None)  # ok: key-logged


@app.get("/loans")
def loans():
    key = request.headers.get("X-API-Key", "")
    reader = app.keys.verify(key)
    if reader is None:
        logger.warning("refused key %s of %d characters", masked(key), len(key))  # ok: key-logged
        logger.warning("refused %s", hashlib.sha256(key.encode()).hexdigest()[:12])  # ok: key-logged
        abort(401)
    logger.info("loans of %s by key %s", reader.name, reader.key_id)  # ok: key-logged
    return jsonify(loans=[])


@app.post("/login")
def login():
    form = request.get_json()
    logger.info("login of %s, password given: %s", form["name"], bool(form.get("password")))  # ok: key-logged
    key = secrets.token_urlsafe(32)
    key = masked(key)
    logger.info("issued %s", key)  # ok: key-logged
    for token in form["title"].split():
        logger.debug("word %s", token)  # ok: key-logged
    logger.error("password reset needs a token")  # ok: key-logged
    return jsonify(ok=True)
