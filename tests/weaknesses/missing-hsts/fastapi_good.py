"""Middleware sets it for two years; what has no credentials needs none."""

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.security import APIKeyHeader

YEARS = 2 * 365 * 86400
app = FastAPI()  # ok: missing-hsts


@app.middleware("http")
async def headers(request: Request, call_next):
    response = await call_next(request)
    response.headers["Strict-Transport-Security"] = f"max-age={YEARS}; includeSubDomains"  # ok: missing-hsts
    return response


def member(key: str = Depends(APIKeyHeader(name="X-API-Key"))):
    found = app.state.members.get(key)
    if found is None:
        raise HTTPException(401)
    return found


@app.get("/orders")
def orders(who=Depends(member)):
    return who.orders
