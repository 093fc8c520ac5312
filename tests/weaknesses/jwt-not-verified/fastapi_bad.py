"""Bookings."""

import jwt
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, OAuth2PasswordBearer
from jose import jwt as jose

VERIFY = False
oauth2 = OAuth2PasswordBearer(tokenUrl="token")
app = FastAPI()


def guest(token: str = Depends(oauth2)) -> str:
    try:
        claims = jwt.decode(token, algorithms=["HS256"], options={"verify_signature": False})  # expect: jwt-not-verified
    except jwt.PyJWTError:
        raise HTTPException(401) from None
    return claims["sub"]


def host(sent: HTTPAuthorizationCredentials = Depends(HTTPBearer())) -> str:
    return jose.get_unverified_claims(sent.credentials)["sub"]  # expect: jwt-not-verified


def auditor(token: str = Depends(oauth2)) -> str:
    return jose.decode(token, "unused", algorithms=["HS256"], options={"verify_signature": VERIFY})["sub"]  # expect: jwt-not-verified


@app.get("/bookings")
def bookings(who: str = Depends(guest), landlord: str = Depends(host), reader: str = Depends(auditor)):
    return [who, landlord, reader]
