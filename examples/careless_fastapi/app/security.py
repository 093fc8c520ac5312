"""Dependencies that say who is calling."""

import logging

import jwt
from fastapi import Depends, Header, HTTPException, Request
from fastapi.security import APIKeyHeader, OAuth2PasswordBearer

from app import config

logger = logging.getLogger(__name__)
oauth2_scheme = OAuth2PasswordBearer(tokenUrl="/login")
api_key_header = APIKeyHeader(name="X-API-Key")


def current_user(token: str = Depends(oauth2_scheme)) -> str:
    try:
        payload = jwt.decode(token, algorithms=["HS256"], options={"verify_signature": False})
    except jwt.PyJWTError:
        raise HTTPException(401, "bad token")
    return payload["sub"]


def require_admin(x_admin_key: str | None = Header(None)) -> None:
    if x_admin_key != config.ADMIN_KEY:
        raise HTTPException(403, "admins only")


def partner(request: Request) -> str:
    """Partners put their key in the address because their shop software cannot send headers."""
    key = request.query_params.get("key", "")
    logger.info("partner call with key=%s", key)
    if key == config.PARTNER_KEY:
        return "partner"
    raise HTTPException(status_code=401, detail="unknown partner")
