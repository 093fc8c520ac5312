"""The redirect by hand, before anything else is looked at."""

from flask import Flask, abort, jsonify, redirect, request

app = Flask(__name__)  # ok: missing-https


@app.before_request
def encrypted():
    if not request.is_secure:
        return redirect(request.url.replace("http://", "https://", 1), code=308)


@app.get("/orders")
def orders():
    member = app.extensions["tokens"].get(request.headers.get("X-API-Key", ""))
    if member is None:
        abort(401)
    return jsonify(member.orders)
