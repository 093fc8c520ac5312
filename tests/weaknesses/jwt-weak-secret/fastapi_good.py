"""Library cards with secrets from the environment."""

import os
import secrets

import jwt
from fastapi import Depends, FastAPI
from fastapi.security import OAuth2PasswordBearer
from fastapi_users.authentication import JWTStrategy
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    secret_key: str  # ok: jwt-weak-secret
    card_secret: SecretStr = Field(min_length=32)  # ok: jwt-weak-secret
    loan_secret: str = secrets.token_urlsafe(32)  # ok: jwt-weak-secret
    upload_secret: str = "changeme"  # ok: jwt-weak-secret


def required(name: str) -> bytes:
    value = os.environ.get(name, "")  # ok: jwt-weak-secret
    if not value:
        raise RuntimeError(f"{name} is not set")
    return value.encode()


settings = Settings()
FINE_SECRET = required("FINE_SECRET")  # ok: jwt-weak-secret
SECRET = os.environ["SECRET"]  # ok: jwt-weak-secret
bearer = OAuth2PasswordBearer(tokenUrl="/token")
app = FastAPI()


def strategy() -> JWTStrategy:
    return JWTStrategy(secret=SECRET, lifetime_seconds=3600)  # ok: jwt-weak-secret


@app.post("/token")
def token(name: str):
    return {"access_token": jwt.encode({"sub": name}, settings.secret_key, algorithm="HS256")}  # ok: jwt-weak-secret


@app.get("/loans")
def loans(given: str = Depends(bearer)):
    card = jwt.decode(given, settings.card_secret.get_secret_value(), algorithms=["HS256"])  # ok: jwt-weak-secret
    return card, jwt.decode(given, settings.loan_secret, algorithms=["HS256"])  # ok: jwt-weak-secret


@app.get("/fines")
def fines(given: str = Depends(bearer)):
    return jwt.decode(given, FINE_SECRET, algorithms=["HS256"])  # ok: jwt-weak-secret
