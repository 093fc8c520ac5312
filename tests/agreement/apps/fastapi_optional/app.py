from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

app = FastAPI()
bearer = HTTPBearer(auto_error=False)
PEOPLE = {"op-1": "ada"}
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]


def optional_user(credentials: Credentials) -> str | None:
    return PEOPLE.get(credentials.credentials) if credentials else None


def user_if_given(credentials: Credentials) -> str | None:
    """Junk is refused, nothing at all is welcome."""
    if credentials is None:
        return None
    if credentials.credentials not in PEOPLE:
        raise HTTPException(401)
    return PEOPLE[credentials.credentials]


def required_user(user: Annotated[str | None, Depends(optional_user)]) -> str:
    if user is None:
        raise HTTPException(401)
    return user


@app.get("/optional")
def optional(user: Annotated[str | None, Depends(optional_user)]):
    return user


@app.get("/if-given")
def if_given(user: Annotated[str | None, Depends(user_if_given)]):
    return user


@app.get("/required")
def required(user: Annotated[str, Depends(required_user)]):
    return user


@app.get("/inside")
def inside(user: Annotated[str | None, Depends(optional_user)]):
    if not user:
        raise HTTPException(status_code=403, detail="members only")
    return user
