"""Login, back office, partners."""

import logging
from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Request

from app import data
from app.security import customers_only, issue_token, staff_only, unauthorized
from ostiary.fastapi import public, require

logger = logging.getLogger(__name__)
router = APIRouter()
admin = APIRouter(prefix="/admin", dependencies=[Depends(staff_only)])
partners = APIRouter(prefix="/partners")


@router.post("/login")
@public("a password becomes a token here", limits="5 per minute")
def login(
    request: Request,
    username: Annotated[str, Form(max_length=64)],
    password: Annotated[str, Form(max_length=256)],
) -> dict[str, str]:
    user = data.user_with_password(username, password)
    if user is None:
        logger.warning("login refused", extra={"address": request.client and request.client.host})
        raise unauthorized()
    logger.info("login of %s", user.name)
    return {"access_token": issue_token(user), "token_type": "bearer"}


@admin.get("/orders")
@customers_only
def all_orders() -> list[data.Order]:
    return data.orders()


@partners.get("/prices")
@require("prices:read", limits="5 per minute")
def prices() -> dict[int, float]:
    return {item.id: item.price for item in data.ITEMS.values()}


@partners.put("/prices/{item_id}")
@require("prices:write")
def set_price(item_id: int, new: data.NewPrice) -> data.Item:
    if item_id not in data.ITEMS:
        raise HTTPException(404, "Not Found")
    data.ITEMS[item_id].price = new.price
    return data.ITEMS[item_id]
