"""Two applications without a limiter, and one whose limiter forgets some routes."""

from flask import Flask, jsonify, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

shop = Flask("shop")  # expect: missing-rate-limit
feeds = Flask("feeds")  # expect: missing-rate-limit
status = Flask("status")
limiter = Limiter(get_remote_address, app=status)


@shop.get("/orders")
def orders():
    return jsonify([])


@feeds.get("/feed")
def feed():
    return jsonify([])


@status.get("/status")
@limiter.limit("60 per minute")
def show():
    return jsonify(ok=True)


@status.post("/incidents")
def report():  # expect: missing-rate-limit
    return jsonify(request.get_json()), 201


@status.get("/incidents/search")
def search():  # expect: missing-rate-limit
    return jsonify([])
