"""Library cards with guessable signatures."""

import jwt
from fastapi import Depends, FastAPI
from fastapi.security import OAuth2PasswordBearer
from fastapi_users.authentication import JWTStrategy
from jose import jwt as jose_jwt
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    secret_key: str = "changeme"  # expect: jwt-weak-secret
    card_secret: SecretStr = SecretStr("library")  # expect: jwt-weak-secret
    loan_secret: str = Field("a-long-but-readable-loan-secret-key")  # expect: jwt-weak-secret


settings = Settings()
SECRET = "SECRET"  # expect: jwt-weak-secret
bearer = OAuth2PasswordBearer(tokenUrl="/token")
app = FastAPI()


def strategy() -> JWTStrategy:
    return JWTStrategy(secret=SECRET, lifetime_seconds=3600)


@app.post("/token")
def token(name: str):
    card = jwt.encode({"sub": name}, settings.card_secret.get_secret_value(), algorithm="HS512")
    return {"access_token": jose_jwt.encode({"sub": name}, settings.secret_key, algorithm="HS256"), "card": card}


def verified(given: str, key: str):
    return jwt.decode(given, key, algorithms=["HS256"])


@app.get("/fines")
def fines(given: str = Depends(bearer)):
    return verified(given, app.state.config.get("jwt_secret", "super-secret"))  # expect: jwt-weak-secret


@app.get("/loans")
def loans(given: str = Depends(bearer)):
    return jwt.decode(given, settings.loan_secret, algorithms=["HS256"])
