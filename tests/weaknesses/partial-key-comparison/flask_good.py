"""Parcel tracking for partners; whole keys are compared, and parts only find a record."""

import hmac
import os
from hashlib import sha256

from flask import Flask, abort, jsonify, request
from flask_sqlalchemy import SQLAlchemy

app = Flask(__name__)
db = SQLAlchemy(app)
SCHEME_TOKEN = "partner"
PARCEL_KEY = os.environ["PARCEL_KEY"]
API_KEYS = os.environ["API_KEYS"].split(",")
TOKENS = {"north": os.environ["NORTH_TOKEN"]}


class Partner(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    key_prefix = db.Column(db.String(8))
    key_hash = db.Column(db.String(64))
    name = db.Column(db.String(80))


@app.before_request
def require_key():
    header = request.headers.get("Authorization", "")
    if not header.startswith("Bearer "):  # ok: partial-key-comparison
        abort(401)
    given = header[7:]
    if not given.startswith(("pk_", "sk_")):  # ok: partial-key-comparison
        abort(401)
    if header[7:] == PARCEL_KEY:  # ok: partial-key-comparison
        return
    found = Partner.query.filter(Partner.key_prefix == given[:8]).first()  # ok: partial-key-comparison
    if found is None or not hmac.compare_digest(sha256(given.encode()).hexdigest(), found.key_hash):  # ok: partial-key-comparison
        abort(401)


@app.get("/parcels")
def parcels():
    if request.headers.get("X-API-Key") in API_KEYS:  # ok: partial-key-comparison
        return jsonify(parcels=[])
    if request.headers.get("X-API-Key") in TOKENS.values():  # ok: partial-key-comparison
        return jsonify(parcels=[])
    abort(401)


@app.delete("/parcels/<int:number>")
def cancel(number):
    given = request.headers.get("X-API-Key", "")
    key = next((stored for stored in API_KEYS if stored.startswith(given[:8])), "")  # ok: partial-key-comparison
    near = next((stored for stored in API_KEYS if stored.startswith(given)), "")  # ok: partial-key-comparison
    if not hmac.compare_digest(given.encode(), (key or near).encode()):  # ok: partial-key-comparison
        abort(401)
    return "", 204


@app.get("/labels")
def labels():
    given = request.headers.get("X-API-Key", "")
    if given in os.environ["LABEL_KEY"].split(","):  # ok: partial-key-comparison
        return jsonify(labels=[])
    if not given.startswith(SCHEME_TOKEN):  # ok: partial-key-comparison
        abort(401)
    abort(403)


@app.get("/partners")
def partners():
    wanted = request.args.get("name", "")
    found = Partner.query.filter(Partner.name.startswith(wanted)).all()  # ok: partial-key-comparison
    shown = [p.name for p in found if wanted in p.name]  # ok: partial-key-comparison
    return jsonify(shown, has_key="X-API-Key" in request.headers, live=PARCEL_KEY.startswith("live_"))  # ok: partial-key-comparison
