"""Two applications without a limiter, and one whose limiter forgets some routes."""

from fastapi import Depends, FastAPI
from fastapi_limiter.depends import RateLimiter

shop = FastAPI()  # expect: missing-rate-limit
feeds = FastAPI(title="Feeds")  # expect: missing-rate-limit
status = FastAPI()


@shop.get("/orders")
def orders():
    return []


@feeds.get("/feed")
def feed():
    return []


@status.get("/status", dependencies=[Depends(RateLimiter(times=60, minutes=1))])
def show():
    return {"ok": True}


@status.post("/incidents")
def report(body: dict):  # expect: missing-rate-limit
    return body
