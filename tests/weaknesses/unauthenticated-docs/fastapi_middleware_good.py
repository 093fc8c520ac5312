"""Middleware asks for the key before anything, the documentation included."""

import hmac
import os

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

KEY = os.environ["SHOP_KEY"]
app = FastAPI()  # ok: unauthenticated-docs


@app.middleware("http")
async def require_key(request: Request, call_next):
    if not hmac.compare_digest(request.headers.get("X-API-Key", ""), KEY):
        return JSONResponse({"detail": "Unauthorized"}, 401)
    return await call_next(request)


@app.get("/orders")
def orders():
    return []
