"""No login here; a gate that keeps what it refuses to itself."""

from functools import wraps

from flask import Flask, abort, jsonify, request

app = Flask(__name__)  # expect: missing-audit-log


def key_required(view):
    @wraps(view)
    def guarded(*args, **kwargs):
        if app.extensions["keys"].get(request.headers.get("X-API-Key", "")) is None:
            abort(401)
        return view(*args, **kwargs)

    return guarded


@app.errorhandler(500)
def broken(error):
    app.logger.error("broken: %s", error)
    return jsonify(error="broken"), 500


@app.get("/orders")
@key_required
def orders():
    return jsonify([])
