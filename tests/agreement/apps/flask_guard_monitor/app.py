from functools import wraps

from flask import Flask, abort, request

from ostiary.flask import Guard, public, require, static

app = Flask(__name__)
guard = Guard(app, store="memory://", keys=static("API_KEY"), https="off", policy_file=None, failures=None, mode="monitor", limits="2 per minute")


def token_required(view):
    @wraps(view)
    def checked(*args, **kwargs):
        if request.headers.get("X-Token") != "t-1":
            abort(401)
        return view(*args, **kwargs)

    return checked


@app.get("/undeclared")
def undeclared():
    return request.path


@app.get("/required")
@require("orders:read")
def required():
    return request.path


@app.get("/enforced")
@require("orders:read", monitor=False)
def enforced():
    return request.path


@app.get("/own-gate")
@require("orders:read")
@token_required
def own_gate():
    return request.path


@app.get("/public")
@public("a shop window", limits="3 per minute")
def shown():
    return request.path
