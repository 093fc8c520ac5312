"""HTTPS is demanded by middleware."""

from fastapi import Depends, FastAPI, HTTPException
from fastapi.middleware.httpsredirect import HTTPSRedirectMiddleware
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

app = FastAPI()  # ok: missing-https
app.add_middleware(HTTPSRedirectMiddleware)
bearer = HTTPBearer()


def member(credentials: HTTPAuthorizationCredentials = Depends(bearer)):
    found = app.state.members.get(credentials.credentials)
    if found is None:
        raise HTTPException(401)
    return found


@app.get("/orders")
def orders(who=Depends(member)):
    return who.orders
