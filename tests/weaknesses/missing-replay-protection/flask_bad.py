"""Parking meters that can be paid with one receipt again and again."""

import hashlib
import hmac
import os
import time

import stripe
from flask import Flask, abort, request

app = Flask(__name__)
KEY = os.environ["METER_KEY"].encode()
WINDOW = 60 * 60


@app.post("/payments")
def paid():
    expected = hmac.new(KEY, request.get_data(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, request.headers.get("X-Signature", "")):  # expect: missing-replay-protection
        abort(401)
    return "", 204


@app.post("/tickets")
def ticket():
    message = f"{request.method}\n{request.full_path}\n{request.headers['X-Timestamp']}\n".encode() + request.get_data()
    expected = hmac.new(KEY, message, "sha256").hexdigest()
    if expected != request.headers["X-Signature"]:  # expect: missing-replay-protection
        abort(401)
    return "", 204


def sign(timestamp, body):
    return hmac.new(KEY, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


@app.post("/gates")
def gate():
    timestamp = request.headers.get("X-Timestamp", "0")
    if time.time() - int(timestamp) > WINDOW:  # expect: missing-replay-protection
        abort(401)
    if not hmac.compare_digest(sign(timestamp, request.get_data()), request.headers.get("X-Signature", "")):
        abort(401)
    return "", 204


@app.post("/hooks/stripe")
def hook():
    stripe.Webhook.construct_event(  # expect: missing-replay-protection
        request.get_data(), request.headers["Stripe-Signature"], os.environ["STRIPE_SECRET"], tolerance=86_400
    )
    return "", 204
