"""A login and orders behind a token, on whatever line the caller comes by."""

from flask import Flask, abort, g, jsonify, request
from waitress import serve
from werkzeug.security import check_password_hash

app = Flask(__name__)  # expect: missing-https


@app.before_request
def who():
    if request.path == "/login":
        return
    g.member = app.extensions["tokens"].get(request.headers.get("X-API-Key", ""))
    if g.member is None:
        abort(401)


@app.post("/login")
def login():
    member = app.extensions["members"].get(request.form["name"])
    if member is None or not check_password_hash(member.password_hash, request.form["password"]):
        abort(401)
    return jsonify(token=member.issue_token())


@app.get("/orders")
def orders():
    return jsonify(g.member.orders)


if __name__ == "__main__":
    serve(app, host="0.0.0.0", port=8080)
