"""Freight orders whose signatures are good for more than one request."""

import hashlib
import hmac
import os
from typing import Annotated

from fastapi import Depends, FastAPI, Header, HTTPException, Request

app = FastAPI()
KEY = os.environ["FREIGHT_KEY"].encode()


async def any_address(request: Request, x_signature: Annotated[str, Header()]) -> None:
    timestamp = request.headers["x-timestamp"]
    body = await request.body()
    message = b"%s.%s.%s" % (timestamp.encode(), request.url.path.encode(), body)
    expected = hmac.new(KEY, message, hashlib.sha256).hexdigest()  # expect: signature-not-bound
    if not hmac.compare_digest(expected, x_signature):
        raise HTTPException(401)


class Verifier:
    def sign(self, method: str, path: str, timestamp: str) -> str:
        mac = hmac.new(KEY, digestmod=hashlib.sha256)  # expect: signature-not-bound
        mac.update(method.encode())
        mac.update(b"|")
        mac.update(path.encode())
        mac.update(b"|")
        mac.update(timestamp.encode())
        return mac.hexdigest()

    async def __call__(self, request: Request) -> None:
        expected = self.sign(request.method, request.url.path, request.headers["x-timestamp"])
        if not hmac.compare_digest(expected, request.headers["x-signature"]):
            raise HTTPException(401)


@app.post("/orders", dependencies=[Depends(any_address)])
def order():
    return {"ordered": True}


@app.post("/cancellations", dependencies=[Depends(Verifier())])
def cancel():
    return {"cancelled": True}


@app.post("/comments")
async def comment(request: Request):
    text = (await request.body()).decode("utf-8", errors="ignore")
    expected = hmac.new(KEY, text.encode(), "sha256").hexdigest()  # expect: signature-not-bound
    if request.headers["x-signature"] != expected:
        raise HTTPException(401)
    return {"stored": True}
