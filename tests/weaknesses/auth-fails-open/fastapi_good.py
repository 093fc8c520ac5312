"""Ingest API of a telemetry service whose secrets must be there."""

import os
import secrets
from typing import Annotated

import jwt
from fastapi import Depends, FastAPI, Header, HTTPException, Request
from fastapi.security import APIKeyHeader
from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    ingest_key: str
    admin_key: str
    partner_key: str | None = None
    jwt_key: str


settings = Settings()
INTERNAL_TOKEN = os.environ.get("INTERNAL_TOKEN")
ingest_header = APIKeyHeader(name="X-Ingest-Key", auto_error=False)
partner_header = APIKeyHeader(name="X-Partner-Key")
app = FastAPI()


def ingest(key: str | None = Depends(ingest_header)) -> None:
    if key != settings.ingest_key:  # ok: auth-fails-open
        raise HTTPException(401)


def admin(x_admin_key: Annotated[str, Header()] = "") -> None:
    if not secrets.compare_digest(x_admin_key, settings.admin_key):  # ok: auth-fails-open
        raise HTTPException(403)


def partner(key: str = Depends(partner_header)) -> None:
    if key != settings.partner_key:  # ok: auth-fails-open
        raise HTTPException(401)


async def internal(request: Request) -> None:
    given = request.headers.get("X-Internal-Token")
    if given is None or INTERNAL_TOKEN is None or not secrets.compare_digest(given, INTERNAL_TOKEN):  # ok: auth-fails-open
        raise HTTPException(401)


def is_valid_token(token: str) -> bool:
    try:
        jwt.decode(token, settings.jwt_key, algorithms=["HS256"])
    except Exception:  # ok: auth-fails-open
        return False
    return True


@app.post("/events", dependencies=[Depends(ingest), Depends(partner)])
def store():
    return {"stored": True}


@app.delete("/events", dependencies=[Depends(admin), Depends(internal)])
def clear(authorization: str = Header()):
    if not is_valid_token(authorization.removeprefix("Bearer ")):
        raise HTTPException(401)
    return {"deleted": True}
