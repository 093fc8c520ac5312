"""Demands HTTPS and forgets to say so to browsers."""

from flask import Flask, abort, jsonify, redirect, request

app = Flask(__name__)  # expect: missing-hsts


@app.before_request
def encrypted():
    if not request.is_secure:
        return redirect(request.url.replace("http://", "https://", 1), code=308)


@app.after_request
def headers(response):
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


@app.get("/orders")
def orders():
    member = app.extensions["tokens"].get(request.headers.get("X-API-Key", ""))
    if member is None:
        abort(401)
    return jsonify(member.orders)
