"""Accounts of a streaming service."""

import base64

import jwt
from flask import Flask, abort, g, jsonify, request
from jose import jwt as jose_jwt

app = Flask(__name__)
ALGORITHMS = ["HS256"]
KEYS = {"2024": "…"}


@app.before_request
def who():
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    try:
        kid = jwt.get_unverified_header(token)["kid"]  # ok: jwt-not-verified
        g.claims = jwt.decode(token, KEYS[kid], algorithms=ALGORITHMS, audience="streaming")  # ok: jwt-not-verified
    except (jwt.PyJWTError, KeyError):
        abort(401)


def customer_of(token):
    return jose_jwt.decode(token, app.config["JWT_KEY"], algorithms="HS256", options={"verify_aud": False})["sub"]  # ok: jwt-not-verified


@app.get("/me")
def me():
    picture = base64.b64decode(request.args["picture"]).decode("ascii", "ignore")  # ok: jwt-not-verified
    return jsonify(picture=picture, customer=customer_of(request.cookies.get("token")))
