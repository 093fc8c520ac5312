"""Middleware of its own, and a list of headers, both for too short."""

from fastapi import FastAPI, Request

app = FastAPI()
HEADERS = {"X-Content-Type-Options": "nosniff", "Strict-Transport-Security": "max-age=0"}  # expect: missing-hsts
RAW = [(b"strict-transport-security", b"max-age=600; preload"), (b"x-frame-options", b"DENY")]  # expect: missing-hsts


@app.middleware("http")
async def secure(request: Request, call_next):
    response = await call_next(request)
    response.headers.update(HEADERS)
    return response


@app.get("/orders")
def orders():
    return []
