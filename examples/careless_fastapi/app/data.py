"""In-memory tables; the real database comes with the next release."""

from itertools import count
from typing import Any

ITEMS: dict[int, dict[str, Any]] = {
    1: {"id": 1, "title": "A Wizard of Earthsea", "price": 7.5},
    2: {"id": 2, "title": "The Dispossessed", "price": 9.0},
}
ORDERS: dict[int, dict[str, Any]] = {
    1: {"id": 1, "owner": "ada", "item": 1, "quantity": 1, "state": "paid"},
    2: {"id": 2, "owner": "grace", "item": 2, "quantity": 3, "state": "new"},
}
USERS: dict[str, dict[str, str]] = {
    "ada": {"name": "ada", "password": "engine1843", "email": "ada@bookshop.test"},
    "grace": {"name": "grace", "password": "cobol1959", "email": "grace@bookshop.test"},
}
order_ids = count(3)
