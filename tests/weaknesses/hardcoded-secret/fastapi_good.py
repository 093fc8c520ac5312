"""The same API, with its secrets in the environment."""

import os
import secrets
from enum import StrEnum

from fastapi import Depends, FastAPI, Header, HTTPException
from fastapi.security import APIKeyHeader, OAuth2PasswordBearer
from pydantic import BaseModel, Field, SecretStr
from pydantic_settings import BaseSettings
from starlette.middleware.sessions import SessionMiddleware


class GrantType(StrEnum):
    password = "password"  # ok: hardcoded-secret
    refresh_token = "refresh_token"  # ok: hardcoded-secret


class Settings(BaseSettings):
    secret_key: SecretStr  # ok: hardcoded-secret
    jwt_secret: str = Field(default_factory=lambda: secrets.token_urlsafe(32))  # ok: hardcoded-secret
    smtp_password: str | None = None  # ok: hardcoded-secret
    token_url: str = "/api/v1/login/access-token"  # ok: hardcoded-secret
    database_url: str = "postgresql://localhost/parcels"  # ok: hardcoded-secret


class NewUser(BaseModel):
    password: str = Field(min_length=12, description="Long is good", examples=["correct horse battery staple"])  # ok: hardcoded-secret
    model_config = {"json_schema_extra": {"example": {"password": "Tr0ub4dor&3xyz9Q"}}}  # ok: hardcoded-secret


settings = Settings()
WEBHOOK_SECRET = os.environ["WEBHOOK_SECRET"]  # ok: hardcoded-secret
app = FastAPI()
app.add_middleware(SessionMiddleware, secret_key=settings.jwt_secret)  # ok: hardcoded-secret
api_key = APIKeyHeader(name="X-API-Key", description="Ask your account manager")  # ok: hardcoded-secret
oauth2 = OAuth2PasswordBearer(tokenUrl="token", scopes={"parcels": "Read parcels"})  # ok: hardcoded-secret


@app.post("/token")
def token(grant_type: str, authorization: str = Header()):
    if grant_type != GrantType.password:
        raise HTTPException(400, "unsupported grant type")
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() != "bearer" or value == "undefined":  # ok: hardcoded-secret
        raise HTTPException(401, "Missing token")
    return {"access_token": value, "token_type": "bearer"}  # ok: hardcoded-secret


@app.get("/parcels")
def parcels(key: str = Depends(api_key)):
    if not secrets.compare_digest(key, os.environ["PARCELS_KEY"]):  # ok: hardcoded-secret
        raise HTTPException(401)
    return []
