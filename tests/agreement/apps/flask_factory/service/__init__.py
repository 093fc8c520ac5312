"""The application factory: everything is bound in helpers that take the app."""

from flask import Flask

from service.extensions import keys
from service.views import init_views


def create_app(config=None):
    app = Flask(__name__)
    app.config["API_KEYS"] = {"k-1", "k-2"}
    app.config.update(config or {})
    _init_extensions(app)
    init_views(app)
    _init_health(app)
    return app


def _init_extensions(app):
    keys.init_app(app)


def _init_health(app):
    @app.route("/health")
    def health():
        return "ok"
