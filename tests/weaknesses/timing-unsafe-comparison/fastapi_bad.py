"""Weather stations that report with a key."""

import os
from typing import Annotated

from fastapi import Depends, FastAPI, Header, HTTPException, Query, Request
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBasic, HTTPBasicCredentials, HTTPBearer
from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    station_key: str
    admin_password: str


settings = Settings()
STATION_TOKENS = {os.environ["NORTH_TOKEN"], os.environ["SOUTH_TOKEN"]}
station_key = APIKeyHeader(name="X-Station-Key")
bearer = HTTPBearer()
app = FastAPI()


def station(key: str = Depends(station_key)) -> str:
    if key != settings.station_key:  # expect: timing-unsafe-comparison
        raise HTTPException(401)
    return "station"


def operator(sent: Annotated[HTTPBasicCredentials, Depends(HTTPBasic())]) -> str:
    if sent.password == settings.admin_password:  # expect: timing-unsafe-comparison
        return sent.username
    raise HTTPException(401)


def reader(sent: HTTPAuthorizationCredentials = Depends(bearer)) -> str:
    if sent.credentials not in STATION_TOKENS:  # expect: timing-unsafe-comparison
        raise HTTPException(401)
    return "reader"


def writer(authorization: Annotated[str, Header()]) -> str:
    if authorization != f"Bearer {settings.station_key}":  # expect: timing-unsafe-comparison
        raise HTTPException(401)
    return "writer"


@app.post("/readings", dependencies=[Depends(station), Depends(writer)])
def report():
    return {"stored": True}


@app.get("/readings")
def readings(x_reader_token: Annotated[str, Header()], who: str = Depends(reader)):
    if x_reader_token != os.environ["READER_TOKEN"]:  # expect: timing-unsafe-comparison
        raise HTTPException(401)
    return []


@app.delete("/readings")
async def clear(request: Request, api_key: str = Query()):
    if api_key == settings.station_key and request.headers["x-api-token"] == settings.admin_password:  # expect: timing-unsafe-comparison
        return {"deleted": True}
    raise HTTPException(403)
