"""A warehouse service that answers what is asked."""

import os

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.security import APIKeyHeader, OAuth2PasswordBearer, OAuth2PasswordRequestForm
from jose import jwt
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
    return {"region": settings.region, "ready": settings.warehouse_api_key != ""}  # ok: secret-in-response


@app.post("/token")
def token(form: OAuth2PasswordRequestForm = Depends()):
    access_token = jwt.encode({"sub": form.username}, settings.jwt_secret, algorithm="HS256")
    return {"access_token": access_token, "token_type": "bearer"}  # ok: secret-in-response


@app.get("/me")
def me(token: str = Depends(oauth2)):
    claims = jwt.decode(token, settings.jwt_secret, algorithms=["HS256"])
    return {"name": claims["sub"]}  # ok: secret-in-response


@app.get("/headers")
async def headers(request: Request):
    return {"agent": request.headers.get("user-agent"), "home": os.environ["REGION"]}  # ok: secret-in-response


@app.post("/picks")
def pick(key: str = Depends(station_key)):
    station = app.state.stations.of_key(key)
    if station is None:
        raise HTTPException(401, detail=f"a key of {len(key)} characters is no station's key")  # ok: secret-in-response
    return {"picked": True, "station": station.name}  # ok: secret-in-response
