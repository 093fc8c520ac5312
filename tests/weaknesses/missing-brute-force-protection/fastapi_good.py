"""Three ways in, all of them counted."""

from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from fastapi.security import OAuth2PasswordRequestForm
from fastapi_limiter.depends import RateLimiter
from passlib.context import CryptContext
from pydantic import BaseModel

pwd_context = CryptContext(schemes=["argon2"])
router = APIRouter(prefix="/auth", dependencies=[Depends(RateLimiter(times=5, minutes=1))])
app = FastAPI()


class Login(BaseModel):
    email: str
    password: str


def few_tries(request: Request) -> None:
    if app.state.tries.count(request.client.host) > 5:
        raise HTTPException(429)


@router.post("/token")
def token(form: Annotated[OAuth2PasswordRequestForm, Depends()]):  # ok: missing-brute-force-protection
    user = app.state.users.authenticate(form.username, form.password)
    if user is None:
        raise HTTPException(401)
    return {"access_token": user.issue(), "token_type": "bearer"}


@app.post("/login", dependencies=[Depends(few_tries)])
def login(body: Login):  # ok: missing-brute-force-protection
    user = app.state.users.get(body.email)
    if user is None or not pwd_context.verify(body.password, user.password_hash):
        raise HTTPException(401)
    return {"token": user.issue()}


@app.post("/members")
def register(body: Login):  # ok: missing-brute-force-protection
    app.state.users.add(body.email, pwd_context.hash(body.password))
    return {"ok": True}


app.include_router(router)
