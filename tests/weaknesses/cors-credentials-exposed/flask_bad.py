"""Three applications that any page may use in the visitor's name."""

from flask import Flask, jsonify, request
from flask_cors import CORS

shop = Flask("shop")
CORS(shop, supports_credentials=True)  # expect: cors-credentials-exposed
feeds = Flask("feeds")
CORS(feeds, resources={r"/api/*": {"origins": "*", "supports_credentials": True}})  # expect: cors-credentials-exposed
status = Flask("status")


@status.after_request
def open_up(response):
    response.headers["Access-Control-Allow-Origin"] = request.headers.get("Origin", "*")  # expect: cors-credentials-exposed
    response.headers["Access-Control-Allow-Credentials"] = "true"
    return response


@status.get("/status")
def show():
    return jsonify(ok=True)
