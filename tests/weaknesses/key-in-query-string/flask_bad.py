"""Feeds for partners."""

import hmac
import os

import requests
from flask import Flask, abort, jsonify, request

app = Flask(__name__)
PARTNER_KEY = os.environ["PARTNER_KEY"]
MAPS_KEY = os.environ["MAPS_API_KEY"]


@app.get("/stock")
def stock():
    key = request.args.get("api_key", "")  # expect: key-in-query-string
    if not hmac.compare_digest(key, PARTNER_KEY):
        abort(401)
    return jsonify(stock=[])


@app.before_request
def reader():
    if request.path.startswith("/reports"):
        token = request.args["token"]  # expect: key-in-query-string
        if not app.tokens.verify(token):
            abort(401)


@app.get("/reports")
def reports():
    secret = request.values.get("client_secret")  # expect: key-in-query-string
    return jsonify(reports=app.tokens.find_by_secret(secret))


@app.get("/distance")
def distance():
    reply = requests.get("https://maps.example.com/route", params={"from": "a", "api_key": MAPS_KEY}, timeout=5)  # expect: key-in-query-string
    other = requests.get(f"https://maps.example.com/place?key={MAPS_KEY}&q=a", timeout=5)  # expect: key-in-query-string
    return jsonify(reply.json(), other.json())
