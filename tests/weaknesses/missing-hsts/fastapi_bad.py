"""Takes keys and never tells browsers to stay with HTTPS."""

from fastapi import Depends, FastAPI, HTTPException
from fastapi.middleware.httpsredirect import HTTPSRedirectMiddleware
from fastapi.security import APIKeyHeader

app = FastAPI()  # expect: missing-hsts
app.add_middleware(HTTPSRedirectMiddleware)


def member(key: str = Depends(APIKeyHeader(name="X-API-Key"))):
    found = app.state.members.get(key)
    if found is None:
        raise HTTPException(401)
    return found


@app.get("/orders")
def orders(who=Depends(member)):
    return who.orders
