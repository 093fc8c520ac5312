"""Parcel tracking for partners; keys are compared in part."""

import hmac
import os
import re

from flask import Flask, abort, current_app, jsonify, request
from flask_sqlalchemy import SQLAlchemy

app = Flask(__name__)
db = SQLAlchemy(app)
PARCEL_KEY = os.environ["PARCEL_KEY"]
API_KEYS = os.environ.get("API_KEYS", "")
DEPOT_KEYS = os.environ["DEPOT_KEYS"].split(",")
app.config["OPERATOR_TOKEN"] = os.environ["OPERATOR_TOKEN"]


class Partner(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    api_key = db.Column(db.String(64))


@app.before_request
def require_key():
    given = request.headers.get("X-API-Key", "")
    if not PARCEL_KEY.startswith(given):  # expect: partial-key-comparison
        abort(401)


@app.get("/parcels")
def parcels():
    if request.headers.get("X-API-Key") not in API_KEYS:  # expect: partial-key-comparison
        abort(401)
    return jsonify(parcels=[])


@app.get("/depots")
def depots():
    given = request.headers["X-API-Key"]
    if not any(key.startswith(given) for key in DEPOT_KEYS):  # expect: partial-key-comparison
        abort(401)
    return jsonify(depots=[])


@app.get("/routes")
def routes():
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if token in current_app.config["OPERATOR_TOKEN"]:  # expect: partial-key-comparison
        return jsonify(routes=[])
    abort(401)


@app.post("/routes")
def plan():
    if PARCEL_KEY in request.headers.get("Authorization", ""):  # expect: partial-key-comparison
        return "", 201
    abort(401)


@app.get("/partner")
def partner():
    found = Partner.query.filter(Partner.api_key.like(request.args["api_key"])).first()  # expect: partial-key-comparison
    return jsonify(id=found.id)


@app.delete("/parcels/<int:number>")
def cancel(number):
    token = request.headers.get("X-Auth-Token", "")
    if token[:8] != PARCEL_KEY[:8]:  # expect: partial-key-comparison
        abort(401)
    return "", 204


@app.put("/parcels/<int:number>")
def change(number):
    token = request.headers.get("X-Auth-Token", "")
    if not hmac.compare_digest(token, PARCEL_KEY[: len(token)]):  # expect: partial-key-comparison
        abort(401)
    return "", 204


@app.patch("/parcels/<int:number>")
def correct(number):
    if not re.fullmatch(request.headers["X-API-Key"], PARCEL_KEY):  # expect: partial-key-comparison
        abort(401)
    return "", 204


@app.get("/labels")
def labels():
    if request.headers.get("X-API-Key") in ("k7Qm2vX9pLr4Tz8N"):  # expect: partial-key-comparison
        return jsonify(labels=[])
    abort(401)
