"""Everything lives in memory until the database migration is finished."""

from itertools import count

BOOKS = {
    1: {"id": 1, "title": "The Left Hand of Darkness", "price": 9.5, "stock": 12},
    2: {"id": 2, "title": "Invisible Cities", "price": 8.0, "stock": 3},
}
ORDERS = {
    1: {"id": 1, "customer": "ada", "book": 1, "quantity": 2, "status": "paid"},
    2: {"id": 2, "customer": "grace", "book": 2, "quantity": 1, "status": "new"},
}
CUSTOMERS = {
    "ada": {"name": "ada", "password": "engine1843", "email": "ada@bookshop.test", "staff": True},
    "grace": {"name": "grace", "password": "cobol1959", "email": "grace@bookshop.test", "staff": False},
}
_order_ids = count(3)


def add_order(customer, book, quantity):
    order = {"id": next(_order_ids), "customer": customer, "book": book, "quantity": quantity, "status": "new"}
    ORDERS[order["id"]] = order
    return order
