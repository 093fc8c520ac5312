from flask import Blueprint

from .guard import key_required

# The prefix of the registration replaces this one.
orders = Blueprint("orders", __name__, url_prefix="/never")
items = Blueprint("items", __name__, url_prefix="/<int:order_id>/items")


@orders.route("", methods=["GET", "POST"])
@key_required
def collection():
    return {"orders": []}


@items.get("/")
@key_required
def list_items(order_id):
    return {"items": []}


@items.delete("/<name>")
def drop_item(order_id, name):
    return {"dropped": name}


orders.register_blueprint(items)
