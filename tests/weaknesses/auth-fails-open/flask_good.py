"""Back office of a ticket shop that refuses to run half configured."""

import hmac
import os
from functools import wraps

import jwt
from flask import Flask, abort, g, jsonify, request

app = Flask(__name__)
ADMIN_KEY = os.getenv("ADMIN_KEY")
if not ADMIN_KEY:
    raise RuntimeError("ADMIN_KEY is not set")
CRON_TOKEN = os.environ["CRON_TOKEN"]
EXPORT_KEY = os.getenv("EXPORT_KEY")
METRICS_TOKEN = os.getenv("METRICS_TOKEN")
JWT_KEY = os.environ["JWT_KEY"]


def admin_required(view):
    @wraps(view)
    def wrapper(*args, **kwargs):
        if request.headers.get("X-Admin-Key") != ADMIN_KEY:  # ok: auth-fails-open
            abort(403)
        return view(*args, **kwargs)

    return wrapper


def customer_required(view):
    @wraps(view)
    def wrapper(*args, **kwargs):
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        try:
            g.customer = jwt.decode(token, JWT_KEY, algorithms=["HS256"])["sub"]
        except jwt.PyJWTError:  # ok: auth-fails-open
            abort(401)
        return view(*args, **kwargs)

    return wrapper


def optional_customer(view):
    @wraps(view)
    def wrapper(*args, **kwargs):
        g.customer = None
        try:
            g.customer = jwt.decode(request.cookies.get("session", ""), JWT_KEY, algorithms=["HS256"])["sub"]
        except jwt.PyJWTError:  # ok: auth-fails-open
            pass
        if g.customer is None:
            abort(401)
        return view(*args, **kwargs)

    return wrapper


@app.post("/cron/refunds")
def refunds():
    if not hmac.compare_digest(request.headers.get("X-Cron-Token", ""), CRON_TOKEN):  # ok: auth-fails-open
        abort(401)
    return "", 204


@app.get("/export")
def export():
    key = request.headers.get("X-Export-Key")
    if not key or not EXPORT_KEY or key != EXPORT_KEY:  # ok: auth-fails-open
        abort(403)
    return jsonify(tickets=[])


@app.get("/metrics")
def metrics():
    if not METRICS_TOKEN:  # ok: auth-fails-open
        abort(503)
    if request.headers.get("X-Metrics-Token") != METRICS_TOKEN:  # ok: auth-fails-open
        abort(401)
    return jsonify(orders=3)
