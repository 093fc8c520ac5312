"""Schemes that extract a credential, and something that verifies it."""

import secrets
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Security
from fastapi.security import APIKeyHeader, HTTPBasic, HTTPBasicCredentials, OAuth2PasswordBearer
from jose import JWTError, jwt

oauth2 = OAuth2PasswordBearer(tokenUrl="token")
api_key = APIKeyHeader(name="X-API-Key")
app = FastAPI()


def partner(key: str = Security(api_key)) -> str:
    if not secrets.compare_digest(key, app.state.partner_key):
        raise HTTPException(401)
    return "partner"


def user(token: Annotated[str, Depends(oauth2)]) -> str:
    try:
        return jwt.decode(token, app.state.key, algorithms=["HS256"])["sub"]
    except JWTError as error:
        raise HTTPException(401) from error


def clerk(sent: HTTPBasicCredentials = Depends(HTTPBasic())) -> str:
    if not app.state.clerks.check(sent.username, sent.password):
        raise HTTPException(401)
    return sent.username


router = APIRouter(prefix="/orders", dependencies=[Depends(partner)])


@router.get("")
def orders():  # ok: invalid-credential-accepted
    return app.state.shop.orders()


@app.delete("/carts/{cart_id}")
def delete(cart_id: int, who: Annotated[str, Depends(user)]):  # ok: invalid-credential-accepted
    app.state.shop.delete(cart_id, who)
    return {"deleted": True}


@app.post("/refunds", dependencies=[Depends(clerk)])
def refund(body: dict):  # ok: invalid-credential-accepted
    return app.state.shop.refund(body)


app.include_router(router)
