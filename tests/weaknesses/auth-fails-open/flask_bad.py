"""Back office of a ticket shop."""

import hmac
import os
from functools import wraps

import jwt
from flask import Flask, abort, current_app, g, jsonify, request

app = Flask(__name__)
app.config["EXPORT_KEY"] = os.environ.get("EXPORT_KEY")
ADMIN_KEY = os.getenv("ADMIN_KEY")
CRON_TOKEN = os.environ.get("CRON_TOKEN", "")
METRICS_TOKEN = os.getenv("METRICS_TOKEN")
JWT_KEY = os.environ["JWT_KEY"]


def admin_required(view):
    @wraps(view)
    def wrapper(*args, **kwargs):
        if request.headers.get("X-Admin-Key") != ADMIN_KEY:  # expect: auth-fails-open
            abort(403)
        return view(*args, **kwargs)

    return wrapper


def customer_required(view):
    @wraps(view)
    def wrapper(*args, **kwargs):
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        try:
            g.customer = jwt.decode(token, JWT_KEY, algorithms=["HS256"])["sub"]
        except Exception:  # expect: auth-fails-open
            current_app.logger.warning("odd token")
        return view(*args, **kwargs)

    return wrapper


def staff_required(view):
    @wraps(view)
    def wrapper(*args, **kwargs):
        try:
            jwt.decode(request.cookies.get("staff", ""), JWT_KEY, algorithms=["HS256"])
        except jwt.PyJWTError:  # expect: auth-fails-open
            pass
        return view(*args, **kwargs)

    return wrapper


@app.before_request
def metrics_only_with_token():
    if request.path != "/metrics":
        return None
    if not METRICS_TOKEN:  # expect: auth-fails-open
        return None
    if not hmac.compare_digest(request.headers.get("X-Metrics-Token", ""), METRICS_TOKEN):
        abort(401)
    return None


@app.post("/cron/refunds")
def refunds():
    if not hmac.compare_digest(request.headers.get("X-Cron-Token", ""), CRON_TOKEN):  # expect: auth-fails-open
        abort(401)
    return "", 204


@app.get("/export")
def export():
    if request.args.get("key") == current_app.config.get("EXPORT_KEY"):  # expect: auth-fails-open
        return jsonify(tickets=[])
    abort(403)


@app.get("/orders")
@staff_required
@customer_required
def orders():
    return jsonify(orders=[])


@app.delete("/orders/<int:order_id>")
@admin_required
def delete(order_id):
    return "", 204
