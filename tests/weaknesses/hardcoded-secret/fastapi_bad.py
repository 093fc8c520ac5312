"""A parcel service's API."""

import os
import secrets

from fastapi import Depends, FastAPI, HTTPException, Security
from fastapi.security import APIKeyHeader, HTTPBasic, HTTPBasicCredentials
from jose import jwt
from pydantic import SecretStr
from pydantic_settings import BaseSettings
from starlette.middleware.sessions import SessionMiddleware


class Settings(BaseSettings):
    secret_key: str = "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7"  # expect: hardcoded-secret
    carrier_api_key: SecretStr = SecretStr("cr4Xw9LmZq7TbV2nKp8sHd5R")  # expect: hardcoded-secret
    database_url: str = "postgresql+asyncpg://parcels:vQ8zR3mT7x@10.2.0.14/parcels"  # expect: hardcoded-secret


settings = Settings()
WEBHOOK_SECRET = os.environ.get("WEBHOOK_SECRET", "wh7LkQ2xZp9VtR4mNc8sBy3J")  # expect: hardcoded-secret
API_KEYS = ["pk7Zt4QmX2sLw9RcV8nHy5Db", "pk1Bd6WvK3yNq8JfX5rTg2Ms"]  # expect: hardcoded-secret
app = FastAPI()
app.add_middleware(SessionMiddleware, secret_key="secret")  # expect: hardcoded-secret
api_key = APIKeyHeader(name="X-API-Key")
basic = HTTPBasic()


def carrier(key: str = Security(api_key)) -> None:
    if key != "5c1f0a9be37d4862":  # expect: hardcoded-secret
        raise HTTPException(401)


def clerk(sent: HTTPBasicCredentials = Depends(basic)) -> str:
    if sent.username == "clerk" and sent.password == "parcel2024":  # expect: hardcoded-secret
        return sent.username
    raise HTTPException(401)


@app.get("/parcels", dependencies=[Depends(carrier)])
def parcels():
    return []


@app.post("/tokens")
def token(name: str = Depends(clerk)):
    return {"token": jwt.encode({"sub": name, "jti": secrets.token_hex(8)}, "kq7V2mZx9Lp4RtW8nBs3Yd6Hc1Jf5GaE0uQi", algorithm="HS256")}  # expect: hardcoded-secret
