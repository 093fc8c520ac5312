"""Items, orders and users. In memory here; the functions are what a database module would offer."""

import hashlib
import hmac
import json
from itertools import count
from pathlib import Path

from pydantic import BaseModel, Field

from app import config


class Item(BaseModel):
    id: int
    title: str
    price: float


class NewPrice(BaseModel, extra="forbid"):
    price: float = Field(gt=0, le=1_000)


class NewOrder(BaseModel, extra="forbid"):
    item: int
    quantity: int = Field(default=1, ge=1, le=100)


class Order(NewOrder):
    id: int
    owner: str
    state: str = "new"


class User(BaseModel):
    """``password_hash`` is hexadecimal scrypt of the password with ``salt``."""

    name: str
    salt: str
    password_hash: str
    staff: bool = False


ITEMS = {
    1: Item(id=1, title="A Wizard of Earthsea", price=7.5),
    2: Item(id=2, title="The Dispossessed", price=9.0),
}
USERS = {entry["name"]: User(**entry) for entry in json.loads(Path(config.USERS_FILE).read_text())}
_NOBODY = User(name="", salt="00", password_hash="00")
_orders: dict[int, Order] = {}
_order_ids = count(1)


def scrypt(password: str, salt: str) -> str:
    return hashlib.scrypt(password.encode(), salt=bytes.fromhex(salt), n=2**14, r=8, p=1).hex()


def user_with_password(name: str, password: str) -> User | None:
    """An unknown name costs the same time as a known one."""
    user = USERS.get(name, _NOBODY)
    return user if hmac.compare_digest(scrypt(password, user.salt), user.password_hash) else None


def add_order(owner: str, order: NewOrder) -> Order:
    made = Order(id=next(_order_ids), owner=owner, **order.model_dump())
    _orders[made.id] = made
    return made


def orders(owner: str | None = None) -> list[Order]:
    return [order for order in _orders.values() if owner in (None, order.owner)]


def order_of(owner: str, order_id: int) -> Order | None:
    """The order, if it is this user's. A stranger's order and no order look the same."""
    order = _orders.get(order_id)
    return order if order and order.owner == owner else None


def remove_order(order_id: int) -> None:
    _orders.pop(order_id, None)
