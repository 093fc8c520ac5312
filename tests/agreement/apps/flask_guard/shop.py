from flask import Blueprint

from ostiary.flask import limit, public

shop = Blueprint("shop", __name__)
inner = Blueprint("inner", __name__)
open_desk = Blueprint("open_desk", __name__)


@shop.get("/items")
def items():
    return "items"


@shop.get("/window")
@public("a shop window")
def window():
    return "window"


@inner.get("/items")
@limit("2 per minute")
def inner_items():
    return "items"


@open_desk.get("/hello")
def hello():
    return "hello"
