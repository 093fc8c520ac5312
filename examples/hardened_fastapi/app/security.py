"""Dependencies that say who is calling, and the limiter."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Annotated

import jwt
from fastapi import Depends, HTTPException
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from slowapi import Limiter
from slowapi.util import get_remote_address

from app import config, data

ISSUER = "orders"
LIFETIME = timedelta(minutes=30)

# Every route carries its own limit: slowapi's default_limits never reach routes of an included router.
limiter = Limiter(key_func=get_remote_address, storage_uri=config.LIMIT_STORAGE)
bearer = HTTPBearer()
partner_key = APIKeyHeader(name="X-API-Key")


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


def current_partner(given: Annotated[str, Depends(partner_key)]) -> str:
    digest = hmac.new(config.KEY_PEPPER, given.encode(), hashlib.sha256).hexdigest()
    for name, known in config.PARTNER_KEYS.items():
        if hmac.compare_digest(digest, known):
            return name
    raise unauthorized()
