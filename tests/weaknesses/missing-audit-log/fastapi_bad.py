"""Two logins that keep what they refuse to themselves."""

from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import OAuth2PasswordRequestForm
from passlib.context import CryptContext
from pydantic import BaseModel

pwd_context = CryptContext(schemes=["argon2"])
app = FastAPI()


class Login(BaseModel):
    email: str
    password: str


def authenticate_user(name, password):
    user = app.state.users.get(name)
    return user if user and pwd_context.verify(password, user.password_hash) else None


@app.post("/token")
def token(form: Annotated[OAuth2PasswordRequestForm, Depends()]):  # expect: missing-audit-log
    user = authenticate_user(form.username, form.password)
    if user is None:
        raise HTTPException(401)
    return {"access_token": user.issue(), "token_type": "bearer"}


@app.post("/login")
def login(body: Login):  # expect: missing-audit-log
    user = authenticate_user(body.email, body.password)
    if user is None:
        raise HTTPException(401)
    return {"token": user.issue_token()}
