"""Three ways to start it."""

from flask import Flask
from waitress import serve
from werkzeug.serving import run_simple

HOST = "0.0.0.0"
app = Flask(__name__)


@app.get("/")
def index():
    return "ok"


def development():
    app.run(host=HOST, port=8000)  # expect: bind-all-interfaces


def staging():
    run_simple("::", 8000, app)  # expect: bind-all-interfaces


if __name__ == "__main__":
    serve(app, host="0.0.0.0", port=8080)  # expect: bind-all-interfaces
