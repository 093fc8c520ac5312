"""A checkout service that answers what is asked."""

import os
import secrets

import jwt
import stripe
from flask import Flask, abort, current_app, jsonify, request

app = Flask(__name__)
app.config["SECRET_KEY"] = os.environ["SECRET_KEY"]
PAYMENT_API_KEY = os.environ["PAYMENT_API_KEY"]
PUBLISHABLE_KEY = os.environ["PUBLISHABLE_KEY"]


@app.get("/checkout-settings")
def checkout_settings():
    return jsonify({"currency": current_app.config["CURRENCY"], "publishable_key": PUBLISHABLE_KEY})  # ok: secret-in-response


@app.post("/login")
def login():
    form = request.get_json()
    claims = {"sub": form["name"]}
    return jsonify(token=jwt.encode(claims, current_app.config["SECRET_KEY"], algorithm="HS256"))  # ok: secret-in-response


@app.post("/keys")
def new_key():
    key = secrets.token_urlsafe(32)
    return jsonify(key=key, configured=bool(PAYMENT_API_KEY)), 201  # ok: secret-in-response


@app.get("/balance")
def balance():
    found = stripe.Balance.retrieve(api_key=PAYMENT_API_KEY)
    return jsonify(amount=found.available, region=os.environ["REGION"])  # ok: secret-in-response


@app.post("/orders")
def order():
    key = request.headers.get("X-API-Key", "")
    owner = app.keys.owner_of(key)
    if owner is None:
        abort(401, "unknown key")  # ok: secret-in-response
    return jsonify(owner=owner.name, trace=request.headers.get("X-Trace-Id")), 201  # ok: secret-in-response
