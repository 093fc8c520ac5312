import hmac

from flask import Flask, abort, jsonify, request

from tokens import current_person

app = Flask(__name__)
KEY = "bk-8842"


@app.get("/inline")
def inline():
    if not hmac.compare_digest(request.headers.get("X-API-Key", "").encode(), KEY.encode()):
        return jsonify(error="who are you?"), 401
    return jsonify(ok=True)


@app.get("/helper")
def helper():
    person = current_person()
    return jsonify(name=person)


@app.post("/mixed")
def mixed():
    try:
        person = current_person(request.headers)
    except PermissionError:
        abort(403)
    return jsonify(name=person)


@app.get("/nearby")
def nearby():
    # An address is no credential.
    if request.remote_addr not in ("127.0.0.1", "10.0.0.7"):
        abort(403)
    return jsonify(ok=True)


@app.get("/present")
def present():
    # A key is demanded and never compared.
    if "X-API-Key" not in request.headers and "Authorization" not in request.headers and not request.cookies:
        abort(401)
    return jsonify(ok=True)


@app.get("/late")
def late():
    answer = jsonify(ok=True)
    if request.headers.get("X-API-Key") == KEY:
        answer.headers["X-Person"] = "ada"
    return answer
