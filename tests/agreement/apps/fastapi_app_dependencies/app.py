import hashlib
import hmac

from fastapi import APIRouter, Depends, FastAPI, Security
from fastapi.exceptions import HTTPException
from fastapi.security import APIKeyCookie, APIKeyHeader

header = APIKeyHeader(name="X-API-Key", auto_error=False)
cookie = APIKeyCookie(name="session", auto_error=False)
DIGEST = hashlib.sha256(b"an example of a key").hexdigest()


async def any_credential(key: str | None = Security(header), session: str | None = Security(cookie)) -> str:
    for given in (key, session):
        if given and hmac.compare_digest(hashlib.sha256(given.encode()).hexdigest(), DIGEST):
            return given
    raise HTTPException(status_code=401, detail="no credential")


app = FastAPI(dependencies=[Depends(any_credential)])
router = APIRouter()


@router.get("/inner/{number}")
def inner(number: int):
    return number


@app.get("/outer")
async def outer():
    return "outer"


app.include_router(router, prefix="/r")
app.mount("/aside", aside := FastAPI())


@aside.get("/open")
def beside():
    """Dependencies of an app do not reach the apps mounted in it."""
    return "beside"
