"""Accounts of a streaming service."""

import jwt
from flask import Flask, abort, g, jsonify, request
from jose import jwt as jose_jwt

app = Flask(__name__)
ALGORITHMS = ["HS256", "none"]
LENIENT = {"verify_signature": False, "verify_exp": True}


@app.before_request
def who():
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not token:
        abort(401)
    g.claims = jwt.decode(token, options={"verify_signature": False})  # expect: jwt-not-verified


def customer_of(token):
    return jwt.decode(token, app.config["JWT_KEY"], options=LENIENT)["sub"]  # expect: jwt-not-verified


def admin_of(token):
    return jose_jwt.get_unverified_claims(token)["admin"]  # expect: jwt-not-verified


def device_of(token):
    return jwt.decode(token, app.config["JWT_KEY"], algorithms=ALGORITHMS)["device"]  # expect: jwt-not-verified


def legacy(token):
    return jwt.decode(token, verify=False)  # expect: jwt-not-verified


@app.get("/me")
def me():
    token = request.cookies.get("token")
    return jsonify(customer_of(token), admin_of(token), device_of(token), legacy(token))
