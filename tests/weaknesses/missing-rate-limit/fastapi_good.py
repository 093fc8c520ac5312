"""Limits as dependencies of the whole application, or by middleware."""

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from fastapi_limiter.depends import RateLimiter
from starlette.middleware.base import BaseHTTPMiddleware

shop = FastAPI(dependencies=[Depends(RateLimiter(times=300, minutes=1))])  # ok: missing-rate-limit
feeds = FastAPI()  # ok: missing-rate-limit
status = FastAPI()  # ok: missing-rate-limit


class RateLimit(BaseHTTPMiddleware):
    async def dispatch(self, request: Request, call_next):
        if not self.app.state.counter.hit(request.client.host):
            return JSONResponse({"detail": "slow down"}, 429)
        return await call_next(request)


feeds.add_middleware(RateLimit)


def throttle(request: Request) -> None:
    if not status.state.counter.hit(request.client.host):
        raise HTTPException(429)


@shop.get("/orders")
def orders():  # ok: missing-rate-limit
    return []


@feeds.get("/feed")
def feed():  # ok: missing-rate-limit
    return []


@status.post("/incidents", dependencies=[Depends(throttle)])
def report(body: dict):  # ok: missing-rate-limit
    return body
