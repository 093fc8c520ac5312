"""Off, decided by the environment, behind the same key, or of an API that is open altogether."""

import os

from fastapi import Depends, FastAPI, HTTPException
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from fastapi.security import APIKeyHeader

shop = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)  # ok: unauthenticated-docs
feeds = FastAPI(openapi_url=None)  # ok: unauthenticated-docs
status = FastAPI(title="Status")  # ok: unauthenticated-docs
prices = FastAPI(openapi_url="/openapi.json" if os.getenv("ENVIRONMENT") == "development" else None)  # ok: unauthenticated-docs
options = {"title": "Stock"}
if os.getenv("ENVIRONMENT") != "development":
    options["openapi_url"] = None
stock = FastAPI(**options)  # ok: unauthenticated-docs


def member(key: str = Depends(APIKeyHeader(name="X-API-Key"))):
    found = shop.state.members.get(key)
    if found is None:
        raise HTTPException(401)
    return found


@shop.get("/orders")
def orders(who=Depends(member)):
    return who.orders


@shop.get("/openapi.json", include_in_schema=False, dependencies=[Depends(member)])
def schema():  # ok: unauthenticated-docs
    return get_openapi(title="Shop", version="1", routes=shop.routes)


@shop.get("/docs", include_in_schema=False, dependencies=[Depends(member)])
def docs():  # ok: unauthenticated-docs
    return get_swagger_ui_html(openapi_url="/openapi.json", title="Shop")


@feeds.get("/feed")
def feed(who=Depends(member)):
    return who.feed


@status.get("/status")
def show():
    return {"ok": True}


@prices.get("/prices")
def price_list(who=Depends(member)):
    return who.prices


@stock.get("/stock")
def levels(who=Depends(member)):
    return who.stock
