"""Flask-smorest serves documentation once it has a prefix."""

from flask import Flask, abort, request
from flask_smorest import Api, Blueprint

app = Flask("shop")
app.config["API_TITLE"] = "Shop"
app.config["OPENAPI_URL_PREFIX"] = "/documentation"  # expect: unauthenticated-docs
app.config["OPENAPI_SWAGGER_UI_PATH"] = "/swagger"
api = Api(app)
orders = Blueprint("orders", "orders", url_prefix="/orders")


@orders.before_request
def who():
    if request.headers.get("X-API-Key") not in app.extensions["keys"]:
        abort(401)


@orders.route("/")
def list_orders():
    return []


api.register_blueprint(orders)
