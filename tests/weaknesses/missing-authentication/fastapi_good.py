"""Orders of a bookshop: nothing answers strangers but what is meant to."""

from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from fastapi.security import OAuth2PasswordBearer
from jose import JWTError, jwt

oauth2 = OAuth2PasswordBearer(tokenUrl="token")
app = FastAPI()


def current_user(token: Annotated[str, Depends(oauth2)]) -> str:
    try:
        return jwt.decode(token, app.state.key, algorithms=["HS256"])["sub"]
    except JWTError:
        raise HTTPException(401) from None


CurrentUser = Annotated[str, Depends(current_user)]
router = APIRouter(prefix="/orders")
admin = APIRouter(prefix="/admin", dependencies=[Depends(current_user)])


@router.get("")
def orders(user: CurrentUser):  # ok: missing-authentication
    return app.state.shop.orders_of(user)


@router.get("/{order_id}", dependencies=[Depends(current_user)])
def order(order_id: int):  # ok: missing-authentication
    return app.state.shop.order(order_id)


@admin.put("/prices")
def prices(body: dict):  # ok: missing-authentication
    app.state.shop.set_prices(body)
    return {"stored": True}


@app.delete("/carts/{cart_id}")
def delete(cart_id: int, request: Request):  # ok: missing-authentication
    if app.state.keys.verify(request.headers.get("X-API-Key", "")) is None:
        raise HTTPException(401)
    return {"deleted": True}


@app.get("/health")
def health():  # ok: missing-authentication
    return {"ok": True}


app.include_router(router)
app.include_router(admin)
