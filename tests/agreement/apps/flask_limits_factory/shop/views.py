from flask.views import MethodView

from .limits import limiter, login_limit


class Basket(MethodView):
    decorators = [limiter.limit("3/minute")]

    def get(self):
        return "basket"

    def put(self):
        return "changed"


def login():
    return "login"


def news():
    return "news"


def register(app):
    app.add_url_rule("/login", view_func=login_limit(login), methods=["GET", "POST"])
    app.add_url_rule("/news", view_func=news)
