"""A year, by hand and by Talisman."""

from flask import Flask, abort, jsonify, request
from flask_talisman import Talisman

shop = Flask("shop")  # ok: missing-hsts
feeds = Flask("feeds")  # ok: missing-hsts
Talisman(feeds, strict_transport_security_max_age=31536000)  # ok: missing-hsts


@shop.after_request
def headers(response):
    response.headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"  # ok: missing-hsts
    return response


@shop.get("/orders")
def orders():
    member = shop.extensions["tokens"].get(request.headers.get("X-API-Key", ""))
    if member is None:
        abort(401)
    return jsonify(member.orders)
