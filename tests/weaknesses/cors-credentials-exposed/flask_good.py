"""Credentials for named origins only."""

from flask import Flask, jsonify, request
from flask_cors import CORS

ALLOWED = frozenset({"https://shop.example.com"})
shop = Flask("shop")
CORS(shop, supports_credentials=True, origins=["https://shop.example.com"])  # ok: cors-credentials-exposed
feeds = Flask("feeds")
CORS(feeds, origins="*")  # ok: cors-credentials-exposed


@shop.after_request
def open_up(response):
    origin = request.headers.get("Origin", "")
    if origin in ALLOWED:
        response.headers["Access-Control-Allow-Origin"] = origin  # ok: cors-credentials-exposed
        response.headers["Access-Control-Allow-Credentials"] = "true"
    return response


@shop.get("/status")
def show():
    return jsonify(ok=True)
