"""Feeds for partners."""

import os
import secrets
from typing import Annotated

import httpx
from fastapi import Depends, FastAPI, HTTPException, Query, Request, Security
from fastapi.security import APIKeyQuery

PARTNER_KEY = os.environ["PARTNER_KEY"]
query_key = APIKeyQuery(name="api_key", auto_error=False)  # expect: key-in-query-string
app = FastAPI()


def partner(key: str = Security(query_key)) -> None:
    if not key or not secrets.compare_digest(key, PARTNER_KEY):
        raise HTTPException(401)


def reader(access_token: str) -> str:  # expect: key-in-query-string
    if not secrets.compare_digest(access_token, PARTNER_KEY):
        raise HTTPException(401)
    return "reader"


def writer(request: Request) -> None:
    token = request.query_params.get("token", "")  # expect: key-in-query-string
    if not secrets.compare_digest(token, PARTNER_KEY):
        raise HTTPException(401)


@app.get("/stock", dependencies=[Depends(partner)])
def stock(who: str = Depends(reader)):
    return []


@app.post("/stock", dependencies=[Depends(writer)])
def store(api_key: Annotated[str, Query()]):  # expect: key-in-query-string
    if not secrets.compare_digest(api_key, PARTNER_KEY):
        raise HTTPException(401)
    return {"stored": True}


@app.get("/prices")
async def prices(apikey: str):  # expect: key-in-query-string
    if apikey != PARTNER_KEY:
        raise HTTPException(401)
    async with httpx.AsyncClient() as client:
        reply = await client.get("https://prices.example.com/list?access_token=" + PARTNER_KEY)  # expect: key-in-query-string
    return reply.json()
