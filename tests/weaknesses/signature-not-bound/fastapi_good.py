"""Freight orders whose signatures are good for one request."""

import hashlib
import hmac
import os
import time

from fastapi import Depends, FastAPI, Header, HTTPException, Request

app = FastAPI()
KEY = os.environ["FREIGHT_KEY"].encode()


async def require_signature(request: Request, x_timestamp: int = Header(), x_signature: str = Header()) -> None:
    if abs(time.time() - x_timestamp) > 300:
        raise HTTPException(401)
    body = await request.body()
    message = f"{request.method}\n{request.url}\n{x_timestamp}\n{hashlib.sha256(body).hexdigest()}"
    expected = hmac.new(KEY, message.encode(), hashlib.sha256).hexdigest()  # ok: signature-not-bound
    if not hmac.compare_digest(expected, x_signature):
        raise HTTPException(401)


@app.post("/orders", dependencies=[Depends(require_signature)])
def order():
    return {"ordered": True}


@app.post("/webhooks/payments")
async def paid(request: Request, x_payment_signature: str = Header()):
    expected = hmac.new(KEY, await request.body(), hashlib.sha256).hexdigest()  # ok: signature-not-bound
    if not hmac.compare_digest(expected, x_payment_signature):
        raise HTTPException(401)
    return {"ok": True}


def etag(content: bytes) -> str:
    return hmac.new(KEY, content, hashlib.sha256).hexdigest()  # ok: signature-not-bound
