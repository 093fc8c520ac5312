"""Weather stations that report with a key, compared in constant time."""

import hashlib
import secrets
from typing import Annotated

from fastapi import Depends, FastAPI, Header, HTTPException
from fastapi.security import APIKeyHeader, HTTPBasic, HTTPBasicCredentials
from pydantic import BaseModel
from pydantic_settings import BaseSettings
from sqlmodel import Session, select

from weather.models import Owner, open_session


class Settings(BaseSettings):
    station_key: str
    key_digest: str
    admin_password: str


class Change(BaseModel):
    password: str
    password_confirm: str
    token_kind: str


settings = Settings()
station_key = APIKeyHeader(name="X-Station-Key", auto_error=False)
app = FastAPI()


def station(key: str | None = Depends(station_key)) -> str:
    if key is None:  # ok: timing-unsafe-comparison
        raise HTTPException(401)
    if not secrets.compare_digest(key, settings.station_key):  # ok: timing-unsafe-comparison
        raise HTTPException(401)
    return "station"


def partner(key: str = Depends(station_key)) -> str:
    if hashlib.sha256(key.encode()).hexdigest() == settings.key_digest:  # ok: timing-unsafe-comparison
        return "partner"
    raise HTTPException(401)


def operator(sent: Annotated[HTTPBasicCredentials, Depends(HTTPBasic())]) -> str:
    if sent.username == "operator" and secrets.compare_digest(sent.password, settings.admin_password):  # ok: timing-unsafe-comparison
        return sent.username
    raise HTTPException(401)


def owner(key: str = Depends(station_key), session: Session = Depends(open_session)) -> Owner:
    found = session.exec(select(Owner).where(Owner.api_key == key, Owner.active)).first()  # ok: timing-unsafe-comparison
    if found is None:
        raise HTTPException(401)
    return found


@app.put("/password", dependencies=[Depends(operator)])
def change(new: Change, authorization: str = Header("")):
    if new.password != new.password_confirm:  # ok: timing-unsafe-comparison
        raise HTTPException(422)
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or token == "":  # ok: timing-unsafe-comparison
        raise HTTPException(401)
    return {"kind": new.token_kind == "session"}  # ok: timing-unsafe-comparison
