from flask import Flask

from shop.limits import limiter
from shop.views import Basket, register


def create_app():
    app = Flask(__name__)
    app.config["RATELIMIT_DEFAULT"] = "6 per minute"
    app.config["RATELIMIT_STORAGE_URI"] = "memory://"
    limiter.init_app(app)
    app.add_url_rule("/basket", view_func=Basket.as_view("basket"))
    register(app)
    return app
