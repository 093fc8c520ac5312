"""A default for everything, a tighter one where it counts, and a written exemption."""

from flask import Flask, jsonify, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

shop = Flask("shop")  # ok: missing-rate-limit
limiter = Limiter(get_remote_address, app=shop, default_limits=["300 per minute"])
status = Flask("status")  # ok: missing-rate-limit
counter = Limiter(get_remote_address, app=status)


@shop.get("/orders")
def orders():  # ok: missing-rate-limit
    return jsonify([])


@shop.post("/orders")
@limiter.limit("10 per minute")
def order():  # ok: missing-rate-limit
    return jsonify(request.get_json()), 201


@status.post("/incidents")
@counter.limit("5 per minute")
def report():  # ok: missing-rate-limit
    return jsonify(request.get_json()), 201


@status.post("/incidents/search")
@counter.exempt
def search():  # ok: missing-rate-limit
    return jsonify([])
