"""Login, back office, partners."""

import logging
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request

from app import data
from app.security import current_partner, issue_token, limiter, staff_only, unauthorized

logger = logging.getLogger(__name__)
router = APIRouter()
admin = APIRouter(prefix="/admin", dependencies=[Depends(staff_only)])
partners = APIRouter(prefix="/partners")


@router.post("/login")
@limiter.limit("5/minute")
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
@limiter.limit("60/minute")
def all_orders(request: Request) -> list[data.Order]:
    return data.orders()


@partners.get("/prices", dependencies=[Depends(current_partner)])
@limiter.limit("60/minute")
def prices(request: Request) -> dict[int, float]:
    return {item.id: item.price for item in data.ITEMS.values()}
