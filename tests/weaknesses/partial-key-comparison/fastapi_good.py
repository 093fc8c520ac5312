"""Warehouse doors that open to the whole key."""

import hmac
from typing import Annotated

from fastapi import Depends, FastAPI, Header, HTTPException
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    door_key: str
    admin_tokens: list[str] = []
    token_prefix: str = "wh_"


settings = Settings()
door_key = APIKeyHeader(name="X-Door-Key")
bearer = HTTPBearer()
app = FastAPI()
SCHEME = "Bearer "


def door(key: str = Depends(door_key)) -> str:
    if not key.startswith(settings.token_prefix):  # ok: partial-key-comparison
        raise HTTPException(401)
    if not hmac.compare_digest(key.encode(), settings.door_key.encode()):  # ok: partial-key-comparison
        raise HTTPException(401)
    return "door"


def admin(sent: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]) -> str:
    if sent.credentials not in settings.admin_tokens:  # ok: partial-key-comparison
        raise HTTPException(401)
    return "admin"


@app.get("/doors", dependencies=[Depends(door), Depends(admin)])
def doors(authorization: Annotated[str, Header()], name: str = ""):
    if not authorization.startswith(SCHEME):  # ok: partial-key-comparison
        raise HTTPException(401)
    given = authorization[len(SCHEME) :]
    if given == settings.door_key:  # ok: partial-key-comparison
        return [found for found in ("north", "south") if name in found]  # ok: partial-key-comparison
    raise HTTPException(401)
