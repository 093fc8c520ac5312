from flask import Blueprint, Flask, abort, g, request, session

USERS = {1: "ada"}


def load_user():
    g.user = USERS.get(session.get("user_id"))


def demand_user():
    load_user()
    if g.user is None:
        abort(401)


account = Blueprint("account", __name__, url_prefix="/account")
account.before_request(demand_user)
addresses = Blueprint("addresses", __name__, url_prefix="/addresses")
news = Blueprint("news", __name__, url_prefix="/news")
# Looks like a gate by its place, and only loads.
news.before_request(load_user)


@account.get("/")
def profile():
    return {"user": g.user}


@addresses.get("/<int:number>")
def address(number):
    return {"number": number}


@news.get("/")
def headlines():
    return {"for": g.user}


account.register_blueprint(addresses)
app = Flask(__name__)
app.secret_key = "N2pZ-only-an-example"
app.register_blueprint(account)
app.register_blueprint(news)
app.register_blueprint(addresses, name="loose", url_prefix="/loose")
