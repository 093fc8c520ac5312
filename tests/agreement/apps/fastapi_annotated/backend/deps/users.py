from typing import Annotated

import jwt
from fastapi import Depends, HTTPException, status
from fastapi.security import OAuth2PasswordBearer

SECRET = "an example that is long enough for HS256"
TokenDep = Annotated[str, Depends(OAuth2PasswordBearer(tokenUrl="login"))]
MaybeTokenDep = Annotated[str | None, Depends(OAuth2PasswordBearer(tokenUrl="login", auto_error=False))]


def get_current_user(token: TokenDep) -> str:
    try:
        claims = jwt.decode(token, SECRET, algorithms=["HS256"])
    except jwt.InvalidTokenError:
        raise HTTPException(status_code=status.HTTP_401_UNAUTHORIZED) from None
    return claims["sub"]


def maybe_user(token: MaybeTokenDep) -> str | None:
    if token is None:
        return None
    try:
        return jwt.decode(token, SECRET, algorithms=["HS256"])["sub"]
    except jwt.InvalidTokenError:
        return None


CurrentUser = Annotated[str, Depends(get_current_user)]
MaybeUser = Annotated[str | None, Depends(maybe_user)]


def staff_user(user: CurrentUser) -> str:
    if user != "ada":
        raise HTTPException(403, "staff only")
    return user


Staff = Annotated[str, Depends(staff_user)]
