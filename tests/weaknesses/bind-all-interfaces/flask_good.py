"""Three ways to start it."""

import os

from flask import Flask, request
from waitress import serve
from werkzeug.serving import run_simple

app = Flask(__name__)


@app.get("/")
def index():
    if request.remote_addr == "0.0.0.0":  # ok: bind-all-interfaces
        return "odd"
    return "ok"


def development():
    app.run(host="127.0.0.1", port=8000)  # ok: bind-all-interfaces


def staging():
    run_simple("localhost", 8000, app)  # ok: bind-all-interfaces


if __name__ == "__main__":
    serve(app, host=os.environ["BIND"], port=8080)  # ok: bind-all-interfaces
