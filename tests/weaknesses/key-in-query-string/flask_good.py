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
    key = request.headers.get("X-API-Key", "")  # ok: key-in-query-string
    if not hmac.compare_digest(key, PARTNER_KEY):
        abort(401)
    page_token = request.args.get("token")  # ok: key-in-query-string
    return jsonify(stock=[], next=page_token)


@app.get("/settings")
def setting():
    key = request.args.get("key", "currency")  # ok: key-in-query-string
    return jsonify({key: app.config_of_shop[key]})


@app.get("/reset-password")
def reset_password():
    token = request.args.get("token", "")  # ok: key-in-query-string
    return jsonify(member=app.members.verify_reset_token(token))


class SurveyPage:
    def check_access(self):
        if self.survey.private and request.args.get("token") != self.survey.uuid:  # ok: key-in-query-string
            abort(404)


class LogoPage:
    def check_access(self):
        if (token := request.args.get("token")) and links.loads(token, salt="logo") == self.event.id:  # ok: key-in-query-string
            return
        abort(404)


@app.post("/tokens")
def tokens():
    secret = request.form.get("client_secret", "")  # ok: key-in-query-string
    return jsonify(token=app.members.exchange(secret))


@app.get("/distance")
def distance():
    reply = requests.get("https://maps.example.com/route", params={"from": "a"}, headers={"X-Key": MAPS_KEY}, timeout=5)  # ok: key-in-query-string
    return jsonify(reply.json())
