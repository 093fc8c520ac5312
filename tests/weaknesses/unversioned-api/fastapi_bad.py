"""An API that can never change."""

from fastapi import APIRouter, FastAPI

app = FastAPI(title="Shop")  # expect: unversioned-api
router = APIRouter(prefix="/orders")


@router.get("")
def orders():
    return []


@router.post("")
def add(body: dict):
    return body


@router.get("/{order_id}")
def order(order_id: int):
    return {"id": order_id}


app.include_router(router)
