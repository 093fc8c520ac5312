"""Orders of a bookshop; some routes were added later."""

from functools import wraps

from flask import Blueprint, Flask, abort, g, jsonify, request

app = Flask(__name__)
admin = Blueprint("admin", __name__, url_prefix="/admin")


def key_required(view):
    @wraps(view)
    def wrapper(*args, **kwargs):
        g.reader = app.keys.verify(request.headers.get("X-API-Key", ""))
        if g.reader is None:
            abort(401)
        return view(*args, **kwargs)

    return wrapper


@app.get("/orders")
@key_required
def orders():
    return jsonify(app.shop.orders_of(g.reader))


@app.get("/orders/<int:order_id>")
def order(order_id):  # expect: missing-authentication
    return jsonify(app.shop.order(order_id))


@app.delete("/orders/<int:order_id>")
def delete(order_id):  # expect: missing-authentication
    app.shop.delete(order_id)
    return "", 204


@admin.route("/prices", methods=["PUT"])
def prices():  # expect: missing-authentication
    app.shop.set_prices(request.get_json())
    return "", 204


@admin.get("/customers")
@key_required
def customers():
    return jsonify(app.shop.customers())


app.register_blueprint(admin)
