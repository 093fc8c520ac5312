"""Feeds for partners."""

import os
import secrets
from typing import Annotated

import httpx
from fastapi import Depends, FastAPI, Header, HTTPException, Query, Security
from fastapi.security import APIKeyHeader

PARTNER_KEY = os.environ["PARTNER_KEY"]
header_key = APIKeyHeader(name="X-API-Key")  # ok: key-in-query-string
app = FastAPI()


def partner(key: str = Security(header_key)) -> None:  # ok: key-in-query-string
    if not secrets.compare_digest(key, PARTNER_KEY):
        raise HTTPException(401)


def reader(access_token: Annotated[str, Header()]) -> str:  # ok: key-in-query-string
    if not secrets.compare_digest(access_token, PARTNER_KEY):
        raise HTTPException(401)
    return "reader"


@app.get("/stock", dependencies=[Depends(partner)])
def stock(token: str | None = Query(None, description="where the next page begins"), who: str = Depends(reader)):  # ok: key-in-query-string
    return {"who": who, "next": token}


@app.get("/settings/{key}")
def setting(key: str):  # ok: key-in-query-string
    return {key: app.state.settings[key]}


@app.get("/verify-email")
def verify_email(token: str):  # ok: key-in-query-string
    return app.state.members.verify(token)


@app.get("/recipes/{slug}/zip")
async def recipe_as_zip(slug: str, token: str):  # ok: key-in-query-string
    opened = app.state.links.validate_token(token)
    if opened != slug:
        raise HTTPException(400)
    return app.state.recipes.zip(slug)


@app.get("/prices")
async def prices():
    async with httpx.AsyncClient() as client:
        reply = await client.get("https://prices.example.com/list", headers={"X-API-Key": PARTNER_KEY})  # ok: key-in-query-string
    return reply.json()
