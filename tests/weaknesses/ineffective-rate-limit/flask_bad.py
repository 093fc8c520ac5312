"""A blood bank's API whose limits hold nobody back."""

import time

from flask import Flask, abort, jsonify, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

app = Flask(__name__)
CALLS: dict[str, list[float]] = {}


def caller():
    return request.headers.get("X-Forwarded-For", request.remote_addr).split(",")[0]  # expect: ineffective-rate-limit


limiter = Limiter(key_func=caller, app=app, storage_uri="redis://counters")
forgotten = Limiter(get_remote_address)  # expect: ineffective-rate-limit


@limiter.limit("5/minute")  # expect: ineffective-rate-limit
@app.post("/login")
def login():
    return jsonify(ok=True)


@app.post("/donors")
@limiter.limit("5/minute", key_func=lambda: request.headers["X-Real-IP"])  # expect: ineffective-rate-limit
def donors():
    return jsonify(ok=True)


@app.before_request
def slow_down():
    address = request.headers.get("X-Forwarded-For") or request.remote_addr  # expect: ineffective-rate-limit
    recent = [at for at in CALLS.get(address, ()) if at > time.time() - 60]
    CALLS[address] = [*recent, time.time()]
    if len(recent) > 100:
        abort(429)
