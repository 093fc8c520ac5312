"""A charging network's API that logs who, not with what."""

import logging
from typing import Annotated

import structlog
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.security import APIKeyHeader, OAuth2PasswordRequestForm
from pydantic import BaseModel, SecretStr
from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    grid_api_key: SecretStr
    password_min_length: int = 12


class Registration(BaseModel):
    name: str
    password: SecretStr


settings = Settings()
logger = logging.getLogger(__name__)
log = structlog.get_logger()
station_key = APIKeyHeader(name="X-Station-Key")
app = FastAPI()


def station(key: str = Depends(station_key)) -> str:
    found = app.state.stations.of_key(key)
    if found is None:
        logger.info("unknown key of %s characters", len(key))  # ok: key-logged
        raise HTTPException(401)
    logger.info("station %s", found.name)  # ok: key-logged
    return found.name


@app.middleware("http")
async def trace(request: Request, call_next):
    log.info("request", path=request.url.path, agent=request.headers.get("user-agent"), trace=request.headers["x-trace-id"])  # ok: key-logged
    return await call_next(request)


@app.post("/token")
def token(form: Annotated[OAuth2PasswordRequestForm, Depends()]):
    logger.info("login of %s", form.username)  # ok: key-logged
    return {}


@app.post("/stations", dependencies=[Depends(station)])
def register(new: Registration):
    log.warning("registration", name=new.name, has_password=bool(new.password))  # ok: key-logged
    logger.info("passwords have %d characters or more", settings.password_min_length)  # ok: key-logged
    logger.debug("grid key %s", settings.grid_api_key)  # ok: key-logged
    return {}
