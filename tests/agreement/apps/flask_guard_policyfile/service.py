from flask import Blueprint, Flask

from extensions import guard
from ostiary.flask import limit, public, require

orders = Blueprint("orders", __name__)


@orders.get("/orders")
def listed():
    return "listed"


@orders.post("/orders")
def created():
    return "created"


@orders.get("/orders/<int:number>")
@require("orders:read")
def shown(number):
    return str(number)


@orders.get("/catalogue")
def catalogue():
    return "catalogue"


@orders.get("/catalogue/prices")
@limit("2 per minute")
def prices():
    return "prices"


@orders.get("/catalogue/secret")
@require("catalogue:secret")
def secret():
    return "the code's own word goes before the file's"


@orders.get("/drafts")
def drafts():
    return "drafts"


@orders.get("/internal/<name>")
def internal(name):
    return name


@orders.get("/internal/status")
@public("the load balancer asks")
def status():
    return "up"


def create_app():
    app = Flask(__name__)
    guard.init_app(app)
    app.register_blueprint(orders, url_prefix="/api/v1")
    return app
