"""Dependencies that say which customer is calling. Partners show a key, which the guard checks."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import jwt
from fastapi import Depends, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from app import config, data
from ostiary.fastapi import delegated

ISSUER = "orders"
LIFETIME = timedelta(minutes=30)

bearer = HTTPBearer()


def unauthorized() -> HTTPException:
    return HTTPException(401, "Unauthorized", {"WWW-Authenticate": "Bearer"})


def issue_token(user: data.User) -> str:
    now = datetime.now(UTC)
    claims = {"sub": user.name, "iss": ISSUER, "aud": ISSUER, "iat": now, "exp": now + LIFETIME}
    return jwt.encode(claims, config.TOKEN_SECRET, algorithm="HS256")


def current_user(credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]) -> data.User:
    try:
        claims = jwt.decode(
            credentials.credentials,
            config.TOKEN_SECRET,
            algorithms=["HS256"],
            audience=ISSUER,
            issuer=ISSUER,
            options={"require": ["exp", "sub"]},
        )
    except jwt.InvalidTokenError:
        raise unauthorized() from None
    user = data.USERS.get(claims["sub"])
    if user is None:
        raise unauthorized()
    return user


CurrentUser = Annotated[data.User, Depends(current_user)]


def staff_only(user: CurrentUser) -> None:
    if not user.staff:
        raise HTTPException(403, "Forbidden")


def name_of(user: data.User) -> str:
    """For the guard's limits and records."""
    return user.name


customers_only = delegated(current_user, name_of)
