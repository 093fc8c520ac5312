"""A charging network's API that logs too much."""

import logging
from typing import Annotated

import structlog
from fastapi import Depends, FastAPI, Form, Header, HTTPException, Request
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer, OAuth2PasswordRequestForm
from loguru import logger as fancy
from pydantic import BaseModel
from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    grid_api_key: str


class Registration(BaseModel):
    name: str
    password: str


settings = Settings()
logger = logging.getLogger(__name__)
log = structlog.get_logger()
station_key = APIKeyHeader(name="X-Station-Key")
app = FastAPI()


def station(key: str = Depends(station_key)) -> str:
    logger.info("station with key %s", key)  # expect: key-logged
    return key


def driver(sent: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]) -> str:
    fancy.debug("bearer {}", sent.credentials)  # expect: key-logged
    return sent.credentials


@app.middleware("http")
async def trace(request: Request, call_next):
    log.info("request", path=request.url.path, headers=dict(request.headers))  # expect: key-logged
    return await call_next(request)


@app.post("/token")
def token(form: Annotated[OAuth2PasswordRequestForm, Depends()]):
    logger.info(f"login {form.username} / {form.password}")  # expect: key-logged
    return {}


@app.post("/drivers")
def register(new: Registration, x_admin_token: Annotated[str | None, Header()] = None, secret: str = Form("")):
    log.warning("registration", name=new.name, password=new.password)  # expect: key-logged
    print(f"grid key is {settings.grid_api_key}")  # expect: key-logged
    if not x_admin_token:
        logger.error("bad token: %r" % x_admin_token)  # expect: key-logged
        raise HTTPException(403)
    return {"key": secret}
