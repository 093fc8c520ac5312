"""An API that can never change."""

from flask import Blueprint, Flask, jsonify, request

app = Flask(__name__)  # expect: unversioned-api
orders = Blueprint("orders", __name__, url_prefix="/orders")


@orders.get("")
def show():
    return jsonify([])


@orders.post("")
def add():
    return jsonify(request.get_json()), 201


@app.get("/customers")
def customers():
    return {"customers": []}


app.register_blueprint(orders)
