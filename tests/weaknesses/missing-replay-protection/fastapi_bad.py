"""Smart locks that open to a recording."""

import hashlib
import hmac
import os
from datetime import UTC, datetime, timedelta

from fastapi import Depends, FastAPI, Header, HTTPException, Request

app = FastAPI()
KEY = os.environ["LOCK_KEY"].encode()


async def signed(request: Request, x_signature: str = Header()) -> None:
    body = await request.body()
    message = f"{request.method} {request.url} ".encode() + body
    expected = hmac.new(KEY, message, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, x_signature):  # expect: missing-replay-protection
        raise HTTPException(401)


def signature(timestamp: str, body: bytes) -> str:
    return hmac.new(KEY, timestamp.encode() + b"\n" + body, "sha256").hexdigest()


async def timed(request: Request, x_timestamp: datetime = Header(), x_signature: str = Header()) -> None:
    expected = signature(x_timestamp.isoformat(), await request.body())
    if not hmac.compare_digest(expected, x_signature):
        raise HTTPException(401)
    if datetime.now(UTC) - x_timestamp > timedelta(hours=1):  # expect: missing-replay-protection
        raise HTTPException(401)


def numbered(nonce: str, body: bytes) -> str:
    return hmac.new(KEY, nonce.encode() + b"\n" + body, "sha256").hexdigest()


@app.post("/ring")
async def ring(request: Request, x_nonce: str = Header(), x_signature: str = Header()):
    if not hmac.compare_digest(numbered(x_nonce, await request.body()), x_signature):  # expect: missing-replay-protection
        raise HTTPException(401)
    return {"rang": True}


@app.post("/open", dependencies=[Depends(signed)])
def unlock():
    return {"open": True}


@app.post("/close", dependencies=[Depends(timed)])
def lock():
    return {"open": False}
