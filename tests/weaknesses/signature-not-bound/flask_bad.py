"""A bank's gateway whose signatures leave things open."""

import hashlib
import hmac
import json
import os
import time

from flask import Flask, abort, request

app = Flask(__name__)
KEY = os.environ["GATEWAY_KEY"].encode()
FEED_KEY = os.environ["FEED_KEY"].encode()


def fresh(timestamp):
    return abs(time.time() - int(timestamp)) <= 300


@app.before_request
def without_body():
    timestamp = request.headers["X-Timestamp"]
    message = f"{request.method}\n{request.full_path}\n{timestamp}"
    expected = hmac.new(KEY, message.encode(), hashlib.sha256).hexdigest()  # expect: signature-not-bound
    if not hmac.compare_digest(expected, request.headers["X-Signature"]) or not fresh(timestamp):
        abort(401)


def run_together(timestamp, nonce, body):
    return hmac.new(KEY, timestamp.encode() + nonce.encode() + body, hashlib.sha256).hexdigest()  # expect: signature-not-bound


@app.post("/transfers")
def transfer():
    timestamp, nonce = request.headers["X-Timestamp"], request.headers["X-Nonce"]
    if not hmac.compare_digest(run_together(timestamp, nonce, request.get_data()), request.headers["X-Signature"]):
        abort(401)
    return "", 201


@app.post("/notes")
def note():
    body = request.get_data(as_text=True)
    message = ".".join([request.headers["X-Timestamp"], body])
    expected = hmac.new(KEY, message.encode(), "sha256").hexdigest()  # expect: signature-not-bound
    if request.headers.get("X-Signature") != expected:
        abort(401)
    return "", 201


@app.post("/feeds")
def feed():
    canonical = json.dumps(request.get_json(), sort_keys=True)
    expected = hmac.new(FEED_KEY, canonical.encode(), hashlib.sha256).hexdigest()  # expect: signature-not-bound
    if not hmac.compare_digest(expected, request.headers.get("X-Feed-Signature", "")):
        abort(401)
    return "", 201
