"""Books and orders."""

import traceback

from flask import Blueprint, abort, g, jsonify, request

import store
from auth import api_key_required, customer_required

orders = Blueprint("orders", __name__)


@orders.route("/books")
def list_books():
    return jsonify(list(store.BOOKS.values()))


@orders.route("/orders")
@api_key_required
def list_orders():
    return jsonify(list(store.ORDERS.values()))


@orders.route("/orders", methods=["POST"])
@customer_required
def create_order():
    try:
        body = request.get_json(force=True)
        order = store.add_order(g.customer, body["book"], body.get("quantity", 1))
        return jsonify(order), 201
    except Exception as error:
        return jsonify({"error": str(error), "trace": traceback.format_exc()}), 500


@orders.route("/orders/<int:order_id>")
def show_order(order_id):
    order = store.ORDERS.get(order_id)
    if order is None:
        abort(404)
    return jsonify(order)


@orders.route("/orders/<int:order_id>/status", methods=["PUT"])
def change_status(order_id):
    order = store.ORDERS.get(order_id)
    if order is None:
        abort(404)
    order["status"] = request.get_json(force=True)["status"]
    return jsonify(order)


@orders.route("/orders/<int:order_id>", methods=["DELETE"])
def delete_order(order_id):
    store.ORDERS.pop(order_id, None)
    return "", 204
