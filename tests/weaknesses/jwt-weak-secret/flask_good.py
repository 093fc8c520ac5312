"""Gym bookings whose secrets are random, or not secrets of tokens."""

import os

import jwt
from flask import Flask, jsonify, request
from flask_jwt_extended import JWTManager

app = Flask(__name__)
app.config["JWT_SECRET_KEY"] = os.environ["JWT_SECRET_KEY"]  # ok: jwt-weak-secret
app.config["SECRET_KEY"] = "bookings"  # ok: jwt-weak-secret
JWTManager(app)
JWT_SECRET = os.environ["JWT_SECRET"]  # ok: jwt-weak-secret
DESK_KEY = "w8Jq2vN5rT0zYb7LxC4mHd9KsG6pF3uE1aQi"  # ok: jwt-weak-secret
PUBLIC_KEY = os.environ.get("PUBLIC_KEY", "keys/public.pem")  # ok: jwt-weak-secret
API_PASSWORD = "bench press"  # ok: jwt-weak-secret
CHARSET = "utf-8"


@app.post("/login")
def login():
    claims = {"sub": request.json["name"]}
    return jsonify(
        access=jwt.encode(claims, JWT_SECRET, algorithm="HS256"),  # ok: jwt-weak-secret
        desk=jwt.encode(claims, DESK_KEY, algorithm="HS256"),  # ok: jwt-weak-secret
        name=request.json["name"].encode(CHARSET).decode("latin-1"),  # ok: jwt-weak-secret
    )


@app.get("/me")
def me():
    token = request.headers["Authorization"].removeprefix("Bearer ")
    return jsonify(jwt.decode(token, PUBLIC_KEY, algorithms=["RS256"]))  # ok: jwt-weak-secret
