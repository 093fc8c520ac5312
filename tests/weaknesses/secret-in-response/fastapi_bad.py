"""A warehouse service that answers too much."""

import os

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from fastapi.security import APIKeyHeader, OAuth2PasswordBearer
from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    warehouse_api_key: str
    jwt_secret: str
    region: str = "north"


settings = Settings()
oauth2 = OAuth2PasswordBearer(tokenUrl="token")
station_key = APIKeyHeader(name="X-Station-Key")
app = FastAPI()


@app.get("/admin/settings")
def show_settings():
    return {"region": settings.region, "warehouse_key": settings.warehouse_api_key}  # expect: secret-in-response


@app.get("/debug/settings")
def dump_settings():
    return settings.model_dump()  # expect: secret-in-response


@app.get("/debug/env")
def dump_environment():
    return JSONResponse({"database_password": os.getenv("DATABASE_PASSWORD")})  # expect: secret-in-response


@app.get("/me")
def me(token: str = Depends(oauth2)):
    return {"name": "ada", "token": token}  # expect: secret-in-response


@app.get("/headers")
async def headers(request: Request):
    return dict(request.headers)  # expect: secret-in-response


@app.post("/picks")
def pick(key: str = Depends(station_key)):
    if not key.startswith("st-"):
        raise HTTPException(401, detail=f"{key} is not a station's key")  # expect: secret-in-response
    return {"picked": True}
