"""Warehouse doors that open to a part of the key."""

import os
import re
from typing import Annotated

from fastapi import Depends, FastAPI, Header, HTTPException, Request
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    door_key: str
    admin_tokens: str = ""


settings = Settings()
door_key = APIKeyHeader(name="X-Door-Key")
bearer = HTTPBearer()
app = FastAPI()
MASTER_KEY = os.getenv("MASTER_KEY", "").strip()


def door(key: str = Depends(door_key)) -> str:
    if key in settings.door_key:  # expect: partial-key-comparison
        return "door"
    raise HTTPException(401)


def admin(sent: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]) -> str:
    if sent.credentials not in settings.admin_tokens:  # expect: partial-key-comparison
        raise HTTPException(401)
    return "admin"


def keeper(x_keeper_key: Annotated[str, Header()]) -> str:
    if settings.door_key.endswith(x_keeper_key):  # expect: partial-key-comparison
        return "keeper"
    raise HTTPException(401)


async def master(request: Request) -> str:
    given = request.headers.get("x-api-key", "")
    if given.startswith(os.environ["MASTER_KEY"]):  # expect: partial-key-comparison
        return "master"
    if re.match(given, settings.door_key):  # expect: partial-key-comparison
        return "master"
    raise HTTPException(401)


@app.post("/doors/{number}", dependencies=[Depends(door), Depends(keeper)])
def unlock(number: int):
    return {"open": number}


@app.get("/doors", dependencies=[Depends(admin), Depends(master)])
def doors(authorization: Annotated[str, Header()]):
    if authorization.split(" ")[1][:6] == settings.door_key[:6]:  # expect: partial-key-comparison
        return []
    raise HTTPException(401)
