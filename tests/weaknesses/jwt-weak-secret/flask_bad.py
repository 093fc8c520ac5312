"""Gym bookings with tokens that anybody can sign after a coffee break."""

import os

import jwt
from flask import Flask, jsonify, request
from flask_jwt_extended import JWTManager

app = Flask(__name__)
app.config["JWT_SECRET_KEY"] = "super-secret"  # expect: jwt-weak-secret
JWTManager(app)
JWT_SECRET = os.getenv("JWT_SECRET", "secret")  # expect: jwt-weak-secret
REFRESH_SECRET = "gym-bookings-refresh-secret-for-production"  # expect: jwt-weak-secret
DESK_KEY = b"x7Kq2mVt9Lp4Rz8Nw3Ys"  # short, but nobody guesses it: hardcoded-secret says it
DOOR_SECRET = os.environ.get("DOOR_SECRET") or "doors"  # expect: jwt-weak-secret
PARTNER_SECRET = os.environ.get("PARTNER_SECRET", "")  # expect: jwt-weak-secret


class Config:
    MEMBER_SECRET = "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7"  # expect: jwt-weak-secret


@app.post("/login")
def login():
    claims = {"sub": request.json["name"]}
    return jsonify(
        access=jwt.encode(claims, JWT_SECRET, algorithm="HS256"),
        refresh=jwt.encode(claims, REFRESH_SECRET, algorithm="HS256"),
        desk=jwt.encode(claims, DESK_KEY, algorithm="HS256"),
        door=jwt.encode(claims, DOOR_SECRET.encode(), "HS256"),
        member=jwt.encode(claims, Config.MEMBER_SECRET),
        guest=jwt.encode(claims, "guest", algorithm="HS256"),  # expect: jwt-weak-secret
    )


@app.get("/me")
def me():
    token = request.headers["Authorization"].removeprefix("Bearer ")
    partner = jwt.decode(token, PARTNER_SECRET, algorithms=["HS256"])
    return jsonify(partner, jwt.decode(token, JWT_SECRET, algorithms=["HS256"]))
