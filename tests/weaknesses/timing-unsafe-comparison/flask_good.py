"""Partner feeds behind keys, compared in constant time."""

import hashlib
import hmac
import os
from functools import wraps

from flask import Flask, abort, jsonify, request, session

from weather.models import RemoteToken, db

app = Flask(__name__)
FEED_KEY = os.environ["FEED_KEY"]
KEY_DIGESTS = {"stock": os.environ["STOCK_KEY_SHA256"]}


def feed_key_required(view):
    @wraps(view)
    def wrapper(*args, **kwargs):
        given = request.headers.get("X-Feed-Key", "")
        if given == "" or len(given) != 43:  # ok: timing-unsafe-comparison
            abort(401)
        if not hmac.compare_digest(given.encode(), FEED_KEY.encode()):  # ok: timing-unsafe-comparison
            abort(401)
        return view(*args, **kwargs)

    return wrapper


@app.get("/stock")
def stock():
    digest = hashlib.sha256(request.headers.get("X-API-Key", "").encode()).hexdigest()
    if digest != KEY_DIGESTS["stock"]:  # ok: timing-unsafe-comparison
        abort(401)
    return jsonify(stock=[])


@app.post("/password")
def change_password():
    form = request.get_json()
    if form["password"] != form["password_again"]:  # ok: timing-unsafe-comparison
        abort(400)
    if form["token_type"] == "bearer":  # ok: timing-unsafe-comparison
        session["kind"] = form["token_type"]
    return "", 204


@app.post("/remote-sign-in")
def remote_sign_in():
    token = request.form["token"]
    found = db.session.query(RemoteToken).filter(RemoteToken.token == token).first()  # ok: timing-unsafe-comparison
    return jsonify(waiting=found is None)


@app.get("/filters")
def filters():
    chosen = {}
    for key, value in request.args.items():
        if key == "page":  # ok: timing-unsafe-comparison
            continue
        chosen[key] = value
    if request.headers.get("Authorization") is None:  # ok: timing-unsafe-comparison
        chosen["public"] = True
    return jsonify(chosen, mine=session.get("user_id") == request.args.get("owner_id"))  # ok: timing-unsafe-comparison
