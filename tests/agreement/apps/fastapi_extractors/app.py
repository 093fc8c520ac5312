from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Request, Security
from fastapi.security import APIKeyHeader, APIKeyQuery, HTTPBearer, OAuth2PasswordBearer

app = FastAPI()
oauth2 = OAuth2PasswordBearer(tokenUrl="token")
api_key = APIKeyHeader(name="X-API-Key")
Token = Annotated[str, Depends(oauth2)]


def decoded(token: Token):
    """Looks like the dependency of the tutorial, and trusts what it was sent."""
    return {"name": token + "-decoded"}


def demand(request: Request):
    if not (request.headers.get("Authorization") or request.headers.get("X-API-Key") or request.cookies.get("session")):
        raise HTTPException(401, "a credential, please")


@app.get("/bearer")
def bearer(token: Token):
    return len(token)


@app.get("/key")
def key(key: str = Security(api_key)):
    return len(key)


@app.get("/scheme", dependencies=[Depends(HTTPBearer())])
def scheme():
    return "scheme"


@app.get("/decoded")
def user(user: dict = Depends(decoded)):
    return user


@app.get("/present", dependencies=[Depends(demand)])
def present():
    return "present"


@app.get("/query")
def query(key: str | None = Security(APIKeyQuery(name="key", auto_error=False))):
    return key
