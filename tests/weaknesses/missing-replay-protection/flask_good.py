"""Parking meters that take each receipt once."""

import hashlib
import hmac
import os
import time

import stripe
from flask import Flask, abort, request
from redis import Redis

app = Flask(__name__)
store = Redis()
KEY = os.environ["METER_KEY"].encode()
PEPPER = os.environ["PEPPER"].encode()


def is_recent(timestamp):
    return abs(time.time() - int(timestamp)) <= 300


@app.post("/payments")
def paid():
    timestamp = request.headers["X-Timestamp"]
    expected = hmac.new(KEY, timestamp.encode() + b"." + request.get_data(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, request.headers.get("X-Signature", "")) or not is_recent(timestamp):  # ok: missing-replay-protection
        abort(401)
    return "", 204


@app.post("/hooks/github")
def pushed():
    expected = "sha256=" + hmac.new(KEY, request.get_data(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, request.headers.get("X-Hub-Signature-256", "")):  # ok: missing-replay-protection
        abort(401)
    if not store.set(request.headers["X-GitHub-Delivery"], 1, nx=True, ex=86_400):
        return "", 204
    return "", 202


@app.post("/hooks/stripe")
def hook():
    event = stripe.Webhook.construct_event(request.get_data(), request.headers["Stripe-Signature"], KEY)  # ok: missing-replay-protection
    return event.id


@app.post("/refunds")
def refund():
    sent = request.headers["X-Timestamp"]
    expected = hmac.new(KEY, sent.encode() + b"." + request.get_data(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, request.headers.get("X-Signature", "")):  # ok: missing-replay-protection
        abort(401)
    if time.time() * 1000 - int(sent) > 300_000:  # ok: missing-replay-protection
        abort(401)
    return "", 204


@app.get("/receipts/<name>")
def receipt(name):
    expected = hmac.new(KEY, request.path.encode(), "sha256").hexdigest()
    if not hmac.compare_digest(expected, request.args.get("sig", "")):  # ok: missing-replay-protection
        abort(403)
    return name


@app.get("/keys")
def keys():
    digest = hmac.new(PEPPER, request.headers.get("X-API-Key", "").encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(digest, os.environ["KEY_DIGEST"]):  # ok: missing-replay-protection
        abort(401)
    return {}
