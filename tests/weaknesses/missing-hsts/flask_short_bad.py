"""Says so for an hour, for a month, or not at all."""

from flask import Flask, abort, jsonify, request
from flask_talisman import Talisman

shop = Flask("shop")
feeds = Flask("feeds")
status = Flask("status")
MONTH = 30 * 86400
Talisman(feeds, strict_transport_security=False)  # expect: missing-hsts
Talisman(status, strict_transport_security_max_age=2592000)  # expect: missing-hsts


@shop.after_request
def headers(response):
    response.headers["Strict-Transport-Security"] = "max-age=3600"  # expect: missing-hsts
    return response


@feeds.after_request
def more(response):
    response.headers.set("Strict-Transport-Security", "max-age=86400; includeSubDomains")  # expect: missing-hsts
    return response


@shop.get("/orders")
def orders():
    member = shop.extensions["tokens"].get(request.headers.get("X-API-Key", ""))
    if member is None:
        abort(401)
    return jsonify(member.orders)
