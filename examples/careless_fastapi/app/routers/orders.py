"""Orders."""

import traceback

from fastapi import APIRouter, Depends, HTTPException, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from app import data
from app.security import api_key_header, current_user

router = APIRouter(prefix="/orders", tags=["orders"])


class NewOrder(BaseModel):
    item: int
    quantity: int = 1


@router.get("")
def list_orders(key: str = Depends(api_key_header)):
    return list(data.ORDERS.values())


@router.post("", status_code=201)
def create_order(order: NewOrder, user: str = Depends(current_user)):
    try:
        number = next(data.order_ids)
        price = data.ITEMS[order.item]["price"] * order.quantity
        data.ORDERS[number] = {"id": number, "owner": user, "state": "new", "total": price, **order.model_dump()}
        return data.ORDERS[number]
    except Exception as exc:
        return JSONResponse({"error": str(exc), "trace": traceback.format_exc()}, status_code=500)


@router.get("/{order_id}")
def read_order(order_id: int):
    if order_id not in data.ORDERS:
        raise HTTPException(404, "no such order")
    return data.ORDERS[order_id]


@router.patch("/{order_id}")
def change_state(order_id: int, state: str):
    if order_id not in data.ORDERS:
        raise HTTPException(404, "no such order")
    data.ORDERS[order_id]["state"] = state
    return data.ORDERS[order_id]


@router.delete("/{order_id}")
def delete_order(order_id: int):
    data.ORDERS.pop(order_id, None)
    return Response(status_code=204)
