"""Toll roads whose limits hold."""

import os

import uvicorn
from fastapi import Depends, FastAPI, Request
from fastapi_limiter import FastAPILimiter
from fastapi_limiter.depends import RateLimiter
from slowapi import Limiter
from slowapi.middleware import SlowAPIMiddleware
from slowapi.util import get_remote_address

limiter = Limiter(get_remote_address, default_limits=["9/minute"], storage_uri=os.environ["COUNTERS"])  # ok: ineffective-rate-limit
app = FastAPI()
app.state.limiter = limiter
app.add_middleware(SlowAPIMiddleware)


async def caller(request: Request) -> str:
    return request.client.host


@app.on_event("startup")
async def connect():
    await FastAPILimiter.init(app.state.redis, identifier=caller)  # ok: ineffective-rate-limit


@app.post("/login")
@limiter.limit("5/minute")  # ok: ineffective-rate-limit
async def login(request: Request):
    return {"ok": True, "seen": request.headers.get("x-forwarded-for")}  # ok: ineffective-rate-limit


@app.get("/bridges", dependencies=[Depends(RateLimiter(times=2, seconds=60))])  # ok: ineffective-rate-limit
async def bridges():
    return []


if __name__ == "__main__":
    uvicorn.run("service:app", workers=4)
