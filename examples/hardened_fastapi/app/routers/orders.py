"""The catalogue, which everybody may read, and orders, which belong to their user."""

from fastapi import APIRouter, HTTPException

from app import data
from app.security import CurrentUser, customers_only
from ostiary.fastapi import limit, public

router = APIRouter()


@router.get("/items")
@public("the catalogue is our shop window")
def list_items() -> list[data.Item]:
    return list(data.ITEMS.values())


@router.get("/orders")
@customers_only
def list_orders(user: CurrentUser) -> list[data.Order]:
    return data.orders(user.name)


@router.post("/orders", status_code=201)
@customers_only
@limit("20 per minute")
def create_order(order: data.NewOrder, user: CurrentUser) -> data.Order:
    if order.item not in data.ITEMS:
        raise HTTPException(404, "Not Found")
    return data.add_order(user.name, order)


@router.get("/orders/{order_id}")
@customers_only
def read_order(order_id: int, user: CurrentUser) -> data.Order:
    order = data.order_of(user.name, order_id)
    if order is None:
        raise HTTPException(404, "Not Found")
    return order


@router.delete("/orders/{order_id}", status_code=204)
@customers_only
@limit("20 per minute")
def delete_order(order_id: int, user: CurrentUser) -> None:
    if data.order_of(user.name, order_id) is None:
        raise HTTPException(404, "Not Found")
    data.remove_order(order_id)
