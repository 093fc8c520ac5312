"""Every refusal is written down by one handler."""

import logging

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from fastapi.security import APIKeyHeader
from passlib.context import CryptContext
from pydantic import BaseModel

logger = logging.getLogger("shop.audit")
pwd_context = CryptContext(schemes=["argon2"])
app = FastAPI()  # ok: missing-audit-log


class Login(BaseModel):
    email: str
    password: str


@app.exception_handler(HTTPException)
async def refused(request: Request, exc: HTTPException):
    if exc.status_code in (401, 403):
        logger.warning("%s %s refused for %s", request.method, request.url.path, request.client.host)
    return JSONResponse({"detail": exc.detail}, exc.status_code)


def member(key: str = Depends(APIKeyHeader(name="X-API-Key"))):
    found = app.state.members.get(key)
    if found is None:
        raise HTTPException(401)
    return found


@app.post("/login")
def login(body: Login):  # ok: missing-audit-log
    user = app.state.users.get(body.email)
    if user is None or not pwd_context.verify(body.password, user.password_hash):
        raise HTTPException(401)
    return {"token": user.issue_token()}


@app.get("/orders")
def orders(who=Depends(member)):
    return who.orders
