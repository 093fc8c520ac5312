"""Started on the server with gunicorn."""

import os

from flask import Flask, jsonify


class Config:
    DEBUG = False  # ok: debug-mode


class DevelopmentConfig(Config):
    DEBUG = True  # ok: debug-mode


app = Flask(__name__)
app.config["DEBUG"] = os.environ.get("APP_DEBUG") == "yes"  # ok: debug-mode
app.config["EXPLAIN_TEMPLATE_LOADING"] = True
app.testing = False


@app.route("/")
def index():
    if app.debug:
        app.logger.debug("index")
    return jsonify(ok=True)


def serve(settings):
    if settings.debug or app.debug:
        app.debug = True  # ok: debug-mode
        app.run(port=8003, debug=True)  # ok: debug-mode
    else:
        app.run(port=8003)


if __name__ == "__main__":
    app.run(port=8000, debug=os.getenv("FLASK_DEBUG") == "1")  # ok: debug-mode
    app.run(port=8001, debug=False)  # ok: debug-mode
    app.run(port=8002)  # ok: debug-mode
