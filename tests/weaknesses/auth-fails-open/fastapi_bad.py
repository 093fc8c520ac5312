"""Ingest API of a telemetry service."""

import os
import secrets
from typing import Annotated

import jwt
from fastapi import Depends, FastAPI, Header, HTTPException, Request
from fastapi.security import APIKeyHeader
from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    ingest_key: str | None = None
    admin_key: str = ""
    jwt_key: str


settings = Settings()
INTERNAL_TOKEN = os.environ.get("INTERNAL_TOKEN")
ingest_header = APIKeyHeader(name="X-Ingest-Key", auto_error=False)
app = FastAPI()


def ingest(key: str | None = Depends(ingest_header)) -> None:
    if key != settings.ingest_key:  # expect: auth-fails-open
        raise HTTPException(401)


def admin(x_admin_key: Annotated[str, Header()] = "") -> None:
    if not secrets.compare_digest(x_admin_key, settings.admin_key):  # expect: auth-fails-open
        raise HTTPException(403)


async def internal(request: Request) -> None:
    if INTERNAL_TOKEN and request.headers.get("X-Internal-Token") != INTERNAL_TOKEN:  # expect: auth-fails-open
        raise HTTPException(401)


def partner(authorization: Annotated[str, Header()]) -> None:
    if authorization != f"Bearer {INTERNAL_TOKEN}":  # expect: auth-fails-open
        raise HTTPException(401)


def is_valid_token(token: str) -> bool:
    try:
        jwt.decode(token, settings.jwt_key, algorithms=["HS256"])
        return True
    except jwt.InvalidSignatureError:
        return False
    except Exception:  # expect: auth-fails-open
        return True


@app.post("/events", dependencies=[Depends(ingest)])
def store():
    return {"stored": True}


@app.delete("/events", dependencies=[Depends(admin), Depends(partner)])
def clear():
    return {"deleted": True}


@app.get("/events", dependencies=[Depends(internal)])
def events(authorization: str = Header()):
    if not is_valid_token(authorization.removeprefix("Bearer ")):
        raise HTTPException(401)
    return []
