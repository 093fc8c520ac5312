"""Applications that name who may read."""

from flask import Flask, jsonify, request
from flask_cors import CORS

ORIGINS = ["https://shop.example.com"]
shop = Flask("shop")
CORS(shop, origins=ORIGINS, supports_credentials=True)  # ok: cors-permissive
feeds = Flask("feeds")
CORS(feeds, resources={r"/api/*": {"origins": "https://partner.example.com"}})  # ok: cors-permissive


@shop.after_request
def open_up(response):
    origin = request.headers.get("Origin")
    if origin in ORIGINS:
        response.headers["Access-Control-Allow-Origin"] = origin  # ok: cors-permissive
        response.headers["Vary"] = "Origin"
    return response


@shop.get("/status")
def show():
    return jsonify(ok=True)
