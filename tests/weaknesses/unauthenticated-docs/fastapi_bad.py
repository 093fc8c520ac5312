"""Orders behind a key, and what they look like for everybody."""

from fastapi import Depends, FastAPI, HTTPException
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.security import APIKeyHeader

shop = FastAPI(title="Shop")  # expect: unauthenticated-docs
feeds = FastAPI(docs_url=None, redoc_url=None)  # expect: unauthenticated-docs
partners = FastAPI(openapi_url=None)


def member(key: str = Depends(APIKeyHeader(name="X-API-Key"))):
    found = shop.state.members.get(key)
    if found is None:
        raise HTTPException(401)
    return found


@shop.get("/orders")
def orders(who=Depends(member)):
    return who.orders


@feeds.get("/feed")
def feed(who=Depends(member)):
    return who.feed


@partners.get("/prices")
def prices(who=Depends(member)):
    return who.prices


@partners.get("/help", include_in_schema=False)
def explained():  # expect: unauthenticated-docs
    return get_swagger_ui_html(openapi_url="/static/openapi.json", title="Partners")
