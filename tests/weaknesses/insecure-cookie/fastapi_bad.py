"""Cookies that open the account, each open to somebody."""

import secrets

from fastapi import FastAPI, Response
from fastapi_users.authentication import CookieTransport
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware

SECRET = open("/run/secrets/session").read()
app = FastAPI()
app.add_middleware(SessionMiddleware, secret_key=SECRET)  # expect: insecure-cookie
admin = FastAPI(middleware=[Middleware(SessionMiddleware, secret_key=SECRET, https_only=False)])  # expect: insecure-cookie
transport = CookieTransport(cookie_max_age=3600, cookie_secure=False)  # expect: insecure-cookie


@app.post("/login")
def login(response: Response, name: str, password: str):
    member = app.state.members.authenticate(name, password)
    response.set_cookie(key="auth", value=member.issue(), httponly=True)  # expect: insecure-cookie
    response.set_cookie("sid", member.session, secure=True, httponly=True, samesite="none")  # expect: insecure-cookie
    response.set_cookie("member", secrets.token_urlsafe(32), secure=True)  # expect: insecure-cookie
    response.set_cookie("jwt", member.issue(), 3600, None, "/", None, True, False)  # expect: insecure-cookie
    return {"ok": True}


app.mount("/admin", admin)
