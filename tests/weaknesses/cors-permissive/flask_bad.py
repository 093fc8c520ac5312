"""Three applications that anybody's page may read."""

from flask import Flask, jsonify
from flask_cors import CORS, cross_origin

shop = Flask("shop")
CORS(shop)  # expect: cors-permissive
feeds = Flask("feeds")
CORS(feeds, resources={r"/api/*": {"origins": "*"}})  # expect: cors-permissive
status = Flask("status")


@status.after_request
def open_up(response):
    response.headers["Access-Control-Allow-Origin"] = "*"  # expect: cors-permissive
    return response


@status.get("/status")
def show():
    return jsonify(ok=True)


@feeds.get("/api/feed")
@cross_origin(origins=["https://partner.example", "*"])  # expect: cors-permissive
def feed():
    return jsonify([])
