from functools import wraps

from flask import Flask, abort, request
from flask.views import MethodView

from ostiary.flask import Guard, delegated, exempt, limit, public, require, static
from shop import inner, open_desk, shop

app = Flask(__name__)
guard = Guard(
    app,
    store="memory://",
    keys=static("API_KEY"),
    https="off",
    policy_file=None,
    failures=None,
    limits="7 per minute",
    routes={"/by-path/news/**": "the newspaper", "POST /by-path/**": require("by-path:write"), "/static/**": public("style sheets")},
)


def noted(view):
    @wraps(view)
    def inside(**values):
        return view(**values)

    return inside


def forgetful(view):
    def lost(**values):
        return view(**values)

    return lost


def partner(scope):
    def around(view):
        @wraps(view)
        def for_partners(**values):
            return view(**values)

        return require(scope)(for_partners)

    return around


def staff(view):
    @wraps(view)
    def checked(**values):
        if request.headers.get("X-Staff") != "s-1":
            abort(401)
        return view(**values)

    return checked


staff_only = delegated(staff)


@app.get("/undeclared")
def undeclared():
    return "nobody decided"


@app.get("/below")
@require("orders:read")
def below():
    return "below"


@require("orders:read")
@app.get("/above")
def above():
    return "above"


@app.get("/inside")
@noted
@require()
@limit("3 per minute")
def inside():
    return "the mark is copied onto the wrapper"


@app.get("/partner")
@partner("partners:read")
def partners():
    return "the mark is on the wrapper alone"


@app.get("/lost")
@forgetful
@public("never heard of: the wrapper carries no mark")
def lost():
    return "lost"


@app.get("/public")
@guard.public("a shop window")
def shown():
    return "shown"


@app.get("/public/limited")
@public("a shop window", limits="2 per minute")
def limited():
    return "limited"


@limit("4/minute;6/hour")
@public("a shop window")
@app.get("/public/own")
def own():
    return "own"


@app.get("/public/exempt")
@exempt()
@public("a shop window")
def free():
    return "free"


@app.get("/public/checked")
@public("whoever is of the staff")
@staff
def checked():
    return "the app's own gate stands all the same"


@app.get("/delegated")
@staff_only
@staff
def desk():
    return "desk"


@app.get("/delegated/forgotten")
@staff_only
def forgotten():
    return "no gate here"


@app.get("/watched")
@require("orders:read", monitor=True)
def watched():
    return request.path


@app.route("/by-path/<path:rest>", methods=["GET", "POST"])
def by_path(rest):
    return rest


@app.route("/by-path/news/<int:year>", methods=["GET", "POST"])
def news(year):
    return str(year)


class Basket(MethodView):
    decorators = [require("basket:read")]

    def get(self):
        return "basket"

    @public("an empty basket for everybody")
    def post(self):
        return "made"


@require("things:read")
class Things(MethodView):
    def get(self):
        return "things"


class MoreThings(Things):
    def delete(self):
        return "gone"


def plain():
    return "plain"


app.add_url_rule("/basket", view_func=Basket.as_view("basket"))
app.add_url_rule("/things", view_func=Things.as_view("things"))
app.add_url_rule("/things/more", view_func=MoreThings.as_view("more"))
app.add_url_rule("/by-hand", view_func=public("by hand")(plain))

guard.protect(shop, require("shop:enter"))
guard.protect(open_desk, public("the front desk"))
shop.register_blueprint(inner, url_prefix="/inner")
app.register_blueprint(shop, url_prefix="/shop")
app.register_blueprint(open_desk, url_prefix="/desk")
