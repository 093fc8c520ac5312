"""Partner feeds behind keys."""

import hashlib
import hmac
import os
from functools import wraps

from flask import Flask, abort, current_app, jsonify, request

app = Flask(__name__)
FEED_KEY = os.environ["FEED_KEY"]
WEBHOOK_SECRET = os.environ["WEBHOOK_SECRET"].encode()
RAW_KEYS = {"stock": os.environ["STOCK_KEY"], "prices": os.environ["PRICE_KEY"]}
READER_KEYS = [os.environ["READER_KEY"], os.environ["OLD_READER_KEY"]]


def feed_key_required(view):
    @wraps(view)
    def wrapper(*args, **kwargs):
        given = request.headers.get("X-Feed-Key", "")
        if given != FEED_KEY:  # expect: timing-unsafe-comparison
            abort(401)
        return view(*args, **kwargs)

    return wrapper


@app.get("/stock")
@feed_key_required
def stock():
    return jsonify(stock=[])


@app.get("/prices")
def prices():
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if token not in READER_KEYS:  # expect: timing-unsafe-comparison
        abort(401)
    return jsonify(prices=[])


@app.get("/orders")
def orders():
    if request.headers.get("X-API-Key") in RAW_KEYS:  # expect: timing-unsafe-comparison
        return jsonify(orders=[])
    abort(401)


@app.post("/hooks/payment")
def paid():
    expected = hmac.new(WEBHOOK_SECRET, request.get_data(), hashlib.sha256).hexdigest()
    if request.headers.get("X-Signature") != expected:  # expect: timing-unsafe-comparison
        abort(400)
    return "", 204


@app.post("/login")
def login():
    form = request.get_json()
    member = current_app.members.get(form["name"])
    if member and member.password == form["password"]:  # expect: timing-unsafe-comparison
        return jsonify(token=member.issue())
    abort(401)
