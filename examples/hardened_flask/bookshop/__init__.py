"""The bookshop API, as it should be. Start it with: flask --app bookshop run"""

from flask import Flask, jsonify
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from bookshop import config, store
from bookshop.auth import accounts
from bookshop.extensions import cors, guard
from bookshop.orders import orders, partners
from ostiary.flask import public


def create_app() -> Flask:
    settings = config.load()
    app = Flask(__name__, static_folder=None)
    app.config.update(MAX_CONTENT_LENGTH=64 * 1024)
    app.extensions["bookshop"] = settings
    store.load_customers(settings.customers_file)
    guard.init_app(app)
    cors.init_app(app, origins=settings.origins)
    for blueprint in (accounts, orders):
        app.register_blueprint(blueprint, url_prefix="/api/v1")
    app.register_blueprint(partners, url_prefix="/api/v1/partners")
    app.add_url_rule("/api/v1/health", view_func=health)
    app.register_error_handler(HTTPException, refusal)
    return app


@public("the load balancer asks without a key")
def health() -> ResponseReturnValue:
    return jsonify(status="ok")


def refusal(error: HTTPException) -> ResponseReturnValue:
    """The same few words for everybody; what went wrong is in the log."""
    headers = {"WWW-Authenticate": "Bearer"} if error.code == 401 else {}
    return jsonify(error=error.name), error.code or 500, headers
