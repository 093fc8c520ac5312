"""The server itself speaks TLS."""

import uvicorn
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import APIKeyHeader

app = FastAPI()  # ok: missing-https


def member(key: str = Depends(APIKeyHeader(name="X-API-Key"))):
    found = app.state.members.get(key)
    if found is None:
        raise HTTPException(401)
    return found


@app.get("/orders")
def orders(who=Depends(member)):
    return who.orders


if __name__ == "__main__":
    uvicorn.run(app, host="0.0.0.0", port=443, ssl_certfile="/run/tls/tls.crt", ssl_keyfile="/run/tls/tls.key")
