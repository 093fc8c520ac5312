"""A bank's gateway whose signatures cover all there is."""

import hashlib
import hmac
import os
import time

from flask import Flask, abort, redirect, request

app = Flask(__name__)
KEY = os.environ["GATEWAY_KEY"].encode()
PEPPER = os.environ["PEPPER"].encode()
STORED = os.environ["STORED_DIGEST"]


def signature(timestamp, body):
    parts = [request.method, request.full_path, timestamp, hashlib.sha256(body).hexdigest()]
    return hmac.new(KEY, "\n".join(parts).encode(), "sha256").hexdigest()  # ok: signature-not-bound


@app.before_request
def require_signature():
    timestamp = request.headers.get("X-Timestamp", "0")
    given = request.headers.get("X-Signature", "")
    if not hmac.compare_digest(signature(timestamp, request.get_data()), given) or abs(time.time() - int(timestamp)) > 300:
        abort(401)


@app.post("/hooks/github")
def github():
    expected = "sha256=" + hmac.new(KEY, request.get_data(), hashlib.sha256).hexdigest()  # ok: signature-not-bound
    if not hmac.compare_digest(expected, request.headers.get("X-Hub-Signature-256", "")):
        abort(401)
    return "", 204


@app.post("/hooks/slack")
def slack():
    base = f"v0:{request.headers['X-Slack-Request-Timestamp']}:".encode() + request.get_data()
    expected = "v0=" + hmac.new(KEY, base, hashlib.sha256).hexdigest()  # ok: signature-not-bound
    if not hmac.compare_digest(expected, request.headers["X-Slack-Signature"]):
        abort(401)
    return "", 204


@app.get("/files/<name>")
def download(name):
    expected = hmac.new(KEY, f"{request.path}?{request.args['expires']}".encode(), "sha256").hexdigest()  # ok: signature-not-bound
    if not hmac.compare_digest(expected, request.args.get("sig", "")):
        abort(403)
    return redirect(f"/static/{name}")


def joined(timestamp, body):
    parts = [f"{request.method}{request.full_path}", timestamp, hashlib.sha256(body).hexdigest()]
    return hmac.new(KEY, "|".join(parts).encode(), "sha256").hexdigest()  # ok: signature-not-bound


@app.post("/letters")
def letters():
    expected = joined(request.headers["X-Timestamp"], request.get_data())
    if not hmac.compare_digest(expected, request.headers["X-Signature"]):
        abort(401)
    return "", 204


@app.get("/keys")
def keys():
    given = request.headers.get("X-API-Key", "")
    digest = hmac.new(PEPPER, given.encode(), hashlib.sha256).hexdigest()  # ok: signature-not-bound
    if not hmac.compare_digest(digest, STORED):
        abort(401)
    return {}
