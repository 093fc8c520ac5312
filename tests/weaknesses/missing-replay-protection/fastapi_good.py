"""Smart locks that open once."""

import hashlib
import hmac
import os
import time

from fastapi import Depends, FastAPI, Header, HTTPException, Request

app = FastAPI()
KEY = os.environ["LOCK_KEY"].encode()
SEEN: dict[str, float] = {}


def remember(nonce: str) -> None:
    if nonce in SEEN:
        raise HTTPException(401)
    SEEN[nonce] = time.time()


async def signed(request: Request, x_nonce: str = Header(), x_signature: str = Header()) -> None:
    message = b"\n".join([request.method.encode(), str(request.url).encode(), x_nonce.encode(), await request.body()])
    expected = hmac.new(KEY, message, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, x_signature):  # ok: missing-replay-protection
        raise HTTPException(401)
    remember(x_nonce)


async def timed(request: Request, x_timestamp: int = Header(), x_signature: str = Header()) -> None:
    now = int(time.time())
    if x_timestamp < now - 120 or x_timestamp > now + 120:  # ok: missing-replay-protection
        raise HTTPException(401)
    message = f"{x_timestamp}.".encode() + await request.body()
    if not hmac.compare_digest(hmac.new(KEY, message, "sha256").hexdigest(), x_signature):  # ok: missing-replay-protection
        raise HTTPException(401)


@app.post("/open", dependencies=[Depends(signed)])
def unlock():
    return {"open": True}


@app.post("/close", dependencies=[Depends(timed)])
def lock():
    return {"open": False}
