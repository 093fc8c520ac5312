"""Orders of a bookshop: nothing answers strangers but what is meant to."""

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


@admin.before_request
def only_staff():
    if app.keys.staff(request.headers.get("Authorization", "")) is None:
        abort(403)


@app.get("/orders")
@key_required
def orders():  # ok: missing-authentication
    return jsonify(app.shop.orders_of(g.reader))


@app.get("/orders/<int:order_id>")
def order(order_id):  # ok: missing-authentication
    reader = app.keys.verify(request.headers.get("X-API-Key", ""))
    if reader is None:
        abort(401)
    return jsonify(app.shop.order(order_id, reader))


@app.get("/health")
def health():  # ok: missing-authentication
    return jsonify(ok=True)


# ostiary: public the catalogue is what we sell
@app.get("/catalogue")
def catalogue():  # ok: missing-authentication
    return jsonify(app.shop.catalogue())


@admin.route("/prices", methods=["PUT"])
def prices():  # ok: missing-authentication
    app.shop.set_prices(request.get_json())
    return "", 204


app.register_blueprint(admin)
