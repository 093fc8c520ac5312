"""The catalogue, which everybody may read, and orders, which belong to their customer."""

from flask import Blueprint, abort, g, jsonify, request
from flask.typing import ResponseReturnValue

from bookshop import store
from bookshop.auth import caller, customer_required, staff_required
from ostiary.flask import delegated, public, require

orders = Blueprint("orders", __name__)
partners = Blueprint("partners", __name__, url_prefix="/partners")

customers_only = delegated(customer_required, caller)
staff_only = delegated(staff_required, caller)


@orders.get("/books")
@public("the catalogue is our shop window")
def list_books() -> ResponseReturnValue:
    return jsonify([{"id": book["id"], "title": book["title"], "price": book["price"]} for book in store.BOOKS.values()])


@orders.get("/orders")
@customers_only
@customer_required
def list_orders() -> ResponseReturnValue:
    return jsonify(store.orders(g.customer))


@orders.post("/orders")
@customers_only
@customer_required
def create_order() -> ResponseReturnValue:
    body = request.get_json()
    book, quantity = body.get("book"), body.get("quantity", 1)
    if book not in store.BOOKS or type(quantity) is not int or not 1 <= quantity <= 100:
        abort(400)
    return jsonify(store.add_order(g.customer, book, quantity)), 201


@orders.get("/orders/<int:order_id>")
@customers_only
@customer_required
def show_order(order_id: int) -> ResponseReturnValue:
    return jsonify(store.order_of(g.customer, order_id) or abort(404))


@orders.delete("/orders/<int:order_id>")
@customers_only
@customer_required
def delete_order(order_id: int) -> ResponseReturnValue:
    order = store.order_of(g.customer, order_id) or abort(404)
    store.remove_order(order["id"])
    return "", 204


@orders.get("/admin/orders")
@staff_only
@staff_required
def all_orders() -> ResponseReturnValue:
    return jsonify(store.orders())


@partners.get("/stock")
@require("stock:read", limits="5 per minute")
def stock_feed() -> ResponseReturnValue:
    return jsonify({book["id"]: book["stock"] for book in store.BOOKS.values()})


@partners.put("/stock/<int:book_id>")
@require("stock:write")
def set_stock(book_id: int) -> ResponseReturnValue:
    stock = request.get_json().get("stock")
    if book_id not in store.BOOKS or type(stock) is not int or not 0 <= stock <= 10_000:
        abort(400)
    store.BOOKS[book_id]["stock"] = stock
    return jsonify(stock=stock)
