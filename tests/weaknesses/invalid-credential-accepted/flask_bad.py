"""The mobile app always sends its key; nobody looks whether it is one."""

from functools import wraps

from flask import Flask, abort, jsonify, request

app = Flask(__name__)


def key_required(view):
    @wraps(view)
    def wrapper(*args, **kwargs):
        if not request.headers.get("X-API-Key"):
            abort(401)
        return view(*args, **kwargs)

    return wrapper


@app.get("/orders")
@key_required
def orders():  # expect: invalid-credential-accepted
    return jsonify(app.shop.orders())


@app.delete("/orders/<int:order_id>")
@key_required
def delete(order_id):  # expect: invalid-credential-accepted
    app.shop.delete(order_id)
    return "", 204


@app.post("/refunds")
def refund():  # expect: invalid-credential-accepted
    token = request.headers.get("Authorization")
    if token is None:
        return jsonify(error="sign in first"), 401
    return jsonify(app.shop.refund(request.get_json())), 201
