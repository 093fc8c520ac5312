"""The extension that demands HTTPS is there, and told not to."""

from flask import Flask, abort, jsonify, request
from flask_talisman import Talisman

app = Flask(__name__)  # expect: missing-https
Talisman(app, force_https=False)


@app.get("/orders")
def orders():
    member = app.extensions["tokens"].get(request.headers.get("X-API-Key", ""))
    if member is None:
        abort(401)
    return jsonify(member.orders)
