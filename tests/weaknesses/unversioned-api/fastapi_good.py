"""A version in the path, and one in a header."""

from typing import Annotated

from fastapi import APIRouter, FastAPI, Header

app = FastAPI(title="Shop")  # ok: unversioned-api
router = APIRouter(prefix="/orders")


@router.get("")
def orders():
    return []


@router.post("")
def add(body: dict):
    return body


@router.get("/{order_id}")
def order(order_id: int, x_api_version: Annotated[str, Header()] = "2024-11-01"):
    return {"id": order_id, "version": x_api_version}


app.include_router(router, prefix="/v2")
small = FastAPI(title="Two routes")  # ok: unversioned-api


@small.get("/ping")
def ping():
    return {"ok": True}


@small.get("/time")
def time():
    return {"now": 0}


app.mount("/small", small)
