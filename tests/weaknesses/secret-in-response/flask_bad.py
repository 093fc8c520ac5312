"""A checkout service that answers too much."""

import os

from flask import Flask, abort, current_app, jsonify, request

app = Flask(__name__)
app.config["SECRET_KEY"] = os.environ["SECRET_KEY"]
PAYMENT_API_KEY = os.environ["PAYMENT_API_KEY"]


@app.get("/checkout-settings")
def checkout_settings():
    return jsonify({"currency": "EUR", "payment_key": PAYMENT_API_KEY})  # expect: secret-in-response


@app.get("/debug/env")
def environment():
    return jsonify(dict(os.environ))  # expect: secret-in-response


@app.get("/debug/config")
def configuration():
    shown = {name: str(value) for name, value in current_app.config.items()}
    return jsonify(shown)  # expect: secret-in-response


@app.get("/whoami")
def whoami():
    token = request.headers.get("Authorization", "")
    return jsonify(name="ada", token=token)  # expect: secret-in-response


@app.get("/signing")
def signing():
    return {"key": current_app.config["SECRET_KEY"]}  # expect: secret-in-response


@app.post("/orders")
def order():
    key = request.headers.get("X-API-Key", "")
    if len(key) < 20:
        abort(401, f"the key {key} is too short")  # expect: secret-in-response
    return jsonify(headers=dict(request.headers)), 201  # expect: secret-in-response
