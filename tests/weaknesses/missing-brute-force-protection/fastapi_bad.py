"""Three ways in, none of them counted."""

from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Form, HTTPException
from fastapi.security import OAuth2PasswordRequestForm
from passlib.context import CryptContext
from pydantic import BaseModel

pwd_context = CryptContext(schemes=["argon2"])
router = APIRouter(prefix="/auth")
app = FastAPI()


class Login(BaseModel):
    email: str
    password: str


@router.post("/token")
def token(form: Annotated[OAuth2PasswordRequestForm, Depends()]):  # expect: missing-brute-force-protection
    user = app.state.users.authenticate(form.username, form.password)
    if user is None:
        raise HTTPException(401)
    return {"access_token": user.issue(), "token_type": "bearer"}


@router.post("/login")
def login(body: Login):  # expect: missing-brute-force-protection
    user = app.state.users.get(body.email)
    if user is None or not pwd_context.verify(body.password, user.password_hash):
        raise HTTPException(401)
    return {"token": user.issue()}


@router.post("/mfa")
def second_factor(code: str = Form(), email: str = Form()):  # expect: missing-brute-force-protection
    if not app.state.users.verify_totp(email, code):
        raise HTTPException(401)
    return {"ok": True}


app.include_router(router)
