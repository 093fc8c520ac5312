"""Orders of a bookshop; some routes were added later."""

from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, HTTPException
from fastapi.security import OAuth2PasswordBearer
from jose import JWTError, jwt

oauth2 = OAuth2PasswordBearer(tokenUrl="token")
router = APIRouter(prefix="/orders")
app = FastAPI()


def current_user(token: Annotated[str, Depends(oauth2)]) -> str:
    try:
        return jwt.decode(token, app.state.key, algorithms=["HS256"])["sub"]
    except JWTError:
        raise HTTPException(401) from None


@router.get("")
def orders(user: Annotated[str, Depends(current_user)]):
    return app.state.shop.orders_of(user)


@router.get("/{order_id}")
def order(order_id: int):  # expect: missing-authentication
    return app.state.shop.order(order_id)


@router.delete("/{order_id}")
def delete(order_id: int):  # expect: missing-authentication
    app.state.shop.delete(order_id)
    return {"deleted": True}


@app.put("/admin/prices")
def prices(body: dict):  # expect: missing-authentication
    app.state.shop.set_prices(body)
    return {"stored": True}


app.include_router(router)
