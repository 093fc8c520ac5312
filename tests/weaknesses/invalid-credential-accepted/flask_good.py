"""The mobile app sends its key, and it is looked up."""

import hashlib
import hmac
from functools import wraps

from flask import Flask, abort, jsonify, request

app = Flask(__name__)


def key_required(view):
    @wraps(view)
    def wrapper(*args, **kwargs):
        given = request.headers.get("X-API-Key", "")
        digest = hashlib.sha256(given.encode()).hexdigest()
        if not hmac.compare_digest(digest, app.config["KEY_DIGEST"]):
            abort(401)
        return view(*args, **kwargs)

    return wrapper


@app.get("/orders")
@key_required
def orders():  # ok: invalid-credential-accepted
    return jsonify(app.shop.orders())


@app.delete("/orders/<int:order_id>")
@key_required
def delete(order_id):  # ok: invalid-credential-accepted
    app.shop.delete(order_id)
    return "", 204


@app.post("/refunds")
def refund():  # ok: invalid-credential-accepted
    user = app.sessions.verify(request.headers.get("Authorization"))
    if user is None:
        return jsonify(error="sign in first"), 401
    return jsonify(app.shop.refund(request.get_json(), user)), 201
