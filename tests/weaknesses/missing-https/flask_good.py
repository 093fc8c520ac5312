"""HTTPS is demanded; a catalogue without credentials needs none to be read."""

from flask import Flask, abort, jsonify, request
from flask_talisman import Talisman

shop = Flask("shop")  # ok: missing-https
Talisman(shop, content_security_policy=None)
catalogue = Flask("catalogue")  # ok: missing-https


@shop.get("/orders")
def orders():
    member = shop.extensions["tokens"].get(request.headers.get("X-API-Key", ""))
    if member is None:
        abort(401)
    return jsonify(member.orders)


@catalogue.get("/books")
def books():
    return jsonify([])
