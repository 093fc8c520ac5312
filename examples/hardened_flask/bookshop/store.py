"""Books, orders and customers. In memory here; the functions are what a database module would offer."""

import json
from itertools import count
from pathlib import Path
from typing import Any

from werkzeug.security import check_password_hash, generate_password_hash

BOOKS = {
    1: {"id": 1, "title": "The Left Hand of Darkness", "price": 9.5, "stock": 12},
    2: {"id": 2, "title": "Invisible Cities", "price": 8.0, "stock": 3},
}
_orders: dict[int, dict[str, Any]] = {}
_customers: dict[str, dict[str, Any]] = {}
_order_ids = count(1)
# Checked when the name is unknown, so that the answer takes as long as for a known one.
_NOBODY = generate_password_hash("nobody has this one")


def load_customers(file: str) -> None:
    """A JSON list of customers: name, password_hash (by werkzeug) and staff."""
    _customers.update({customer["name"]: customer for customer in json.loads(Path(file).read_text())})


def customer_with_password(name: str, password: str) -> dict[str, Any] | None:
    customer = _customers.get(name)
    matches = check_password_hash(customer["password_hash"] if customer else _NOBODY, password)
    return customer if matches else None


def add_order(customer: str, book: int, quantity: int) -> dict[str, Any]:
    order = {"id": next(_order_ids), "customer": customer, "book": book, "quantity": quantity, "status": "new"}
    _orders[order["id"]] = order
    return order


def orders(customer: str | None = None) -> list[dict[str, Any]]:
    return [order for order in _orders.values() if customer in (None, order["customer"])]


def order_of(customer: str, order_id: int) -> dict[str, Any] | None:
    """The order, if it is this customer's. A stranger's order and no order look the same."""
    order = _orders.get(order_id)
    return order if order and order["customer"] == customer else None


def remove_order(order_id: int) -> None:
    _orders.pop(order_id, None)
