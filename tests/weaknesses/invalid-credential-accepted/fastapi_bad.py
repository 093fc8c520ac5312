"""Schemes that extract a credential, and nothing that verifies it."""

from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Security
from fastapi.security import APIKeyHeader, OAuth2PasswordBearer

oauth2 = OAuth2PasswordBearer(tokenUrl="token")
api_key = APIKeyHeader(name="X-API-Key")
router = APIRouter(prefix="/orders", dependencies=[Security(api_key)])
app = FastAPI()


def present(x_api_key: Annotated[str | None, Header()] = None) -> str:
    if not x_api_key:
        raise HTTPException(401, "send your key")
    return x_api_key


@router.get("")
def orders():  # expect: invalid-credential-accepted
    return app.state.shop.orders()


@app.delete("/carts/{cart_id}")
def delete(cart_id: int, token: Annotated[str, Depends(oauth2)]):  # expect: invalid-credential-accepted
    app.state.shop.delete(cart_id)
    return {"deleted": True}


@app.post("/refunds", dependencies=[Depends(present)])
def refund(body: dict):  # expect: invalid-credential-accepted
    return app.state.shop.refund(body)


app.include_router(router)
