"""The catalogue, which everybody may read, and orders, which belong to their user."""

from fastapi import APIRouter, HTTPException, Request

from app import data
from app.security import CurrentUser, limiter

router = APIRouter()


# ostiary: public the catalogue is our shop window
@router.get("/items")
@limiter.limit("60/minute")
def list_items(request: Request) -> list[data.Item]:
    return list(data.ITEMS.values())


@router.get("/orders")
@limiter.limit("60/minute")
def list_orders(request: Request, user: CurrentUser) -> list[data.Order]:
    return data.orders(user.name)


@router.post("/orders", status_code=201)
@limiter.limit("20/minute")
def create_order(request: Request, order: data.NewOrder, user: CurrentUser) -> data.Order:
    if order.item not in data.ITEMS:
        raise HTTPException(404, "Not Found")
    return data.add_order(user.name, order)


@router.get("/orders/{order_id}")
@limiter.limit("60/minute")
def read_order(request: Request, order_id: int, user: CurrentUser) -> data.Order:
    order = data.order_of(user.name, order_id)
    if order is None:
        raise HTTPException(404, "Not Found")
    return order


@router.delete("/orders/{order_id}", status_code=204)
@limiter.limit("20/minute")
def delete_order(request: Request, order_id: int, user: CurrentUser) -> None:
    if data.order_of(user.name, order_id) is None:
        raise HTTPException(404, "Not Found")
    data.remove_order(order_id)
