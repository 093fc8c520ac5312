from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from verifier import Verifier

app = FastAPI()
verifier = Verifier({"tb-1": {"name": "ada", "admin": True}})


class Admins(HTTPBearer):
    """The scheme itself verifies."""

    async def __call__(self, request: Request):
        credentials = await super().__call__(request)
        if credentials is None or not verifier.admin(credentials.credentials):
            raise HTTPException(403)
        return credentials


def caller(credentials: HTTPAuthorizationCredentials = Depends(HTTPBearer())):
    return verifier.verify(credentials.credentials)


@app.get("/me")
def me(person: dict = Depends(caller)):
    return person


@app.get("/admin", dependencies=[Depends(Admins())])
def admin():
    return "admin"
