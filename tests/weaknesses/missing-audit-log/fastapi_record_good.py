"""The login's own record, and a dependency that logs what it refuses."""

import structlog
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import APIKeyHeader
from passlib.context import CryptContext
from pydantic import BaseModel

pwd_context = CryptContext(schemes=["argon2"])
app = FastAPI()  # ok: missing-audit-log


class Login(BaseModel):
    email: str
    password: str


def member(key: str = Depends(APIKeyHeader(name="X-API-Key"))):
    found = app.state.members.get(key)
    if found is None:
        structlog.get_logger().warning("key refused")
        raise HTTPException(401)
    return found


@app.post("/login")
def login(body: Login):  # ok: missing-audit-log
    user = app.state.users.get(body.email)
    if user is None or not pwd_context.verify(body.password, user.password_hash):
        app.state.audit.refused(body.email)
        raise HTTPException(401)
    return {"token": user.issue_token()}


@app.get("/orders")
def orders(who=Depends(member)):
    return who.orders
