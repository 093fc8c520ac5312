"""Toll roads whose limits hold nobody back."""

import uvicorn
from fastapi import Depends, FastAPI, Request
from fastapi_limiter.depends import RateLimiter
from pyrate_limiter import Duration, Limiter as Rates, Rate
from slowapi import Limiter
from slowapi.util import get_ipaddr, get_remote_address

app = FastAPI()
limiter = Limiter(key_func=get_remote_address)  # expect: ineffective-rate-limit
by_header = Limiter(key_func=get_ipaddr, storage_uri="redis://counters")  # expect: ineffective-rate-limit
everywhere = Limiter(get_remote_address, default_limits=["9/minute"], storage_uri="redis://counters")  # expect: ineffective-rate-limit


def address(request: Request) -> str:
    forwarded = request.headers.get("x-forwarded-for")  # expect: ineffective-rate-limit
    return forwarded.split(",")[0] if forwarded else request.client.host


own = Limiter(key_func=lambda request: address(request), storage_uri="redis://counters")


@limiter.limit("5/minute")  # expect: ineffective-rate-limit
@app.post("/login")
async def login(request: Request):
    return {"ok": True}


@app.get("/tolls")
@by_header.limit("5/minute")
async def tolls(request: Request):
    return []


@app.get("/bridges", dependencies=[Depends(RateLimiter(limiter=Rates(Rate(2, Duration.MINUTE))))])  # expect: ineffective-rate-limit
async def bridges():
    return []


if __name__ == "__main__":
    uvicorn.run("service:app", workers=4)
