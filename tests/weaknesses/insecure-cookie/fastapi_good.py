"""What is said is right; Starlette itself says SameSite=Lax."""

from fastapi import FastAPI, Request, Response
from fastapi_users.authentication import CookieTransport
from pydantic_settings import BaseSettings
from starlette.middleware.sessions import SessionMiddleware


class Settings(BaseSettings):
    secret: str
    cookie_secure: bool = True


settings = Settings()
app = FastAPI()
app.add_middleware(SessionMiddleware, secret_key=settings.secret, https_only=True)  # ok: insecure-cookie
transport = CookieTransport(cookie_max_age=3600)  # ok: insecure-cookie


@app.post("/login")
def login(request: Request, response: Response, name: str, password: str):
    member = app.state.members.authenticate(name, password)
    response.set_cookie("session", member.session, secure=True, httponly=True)  # ok: insecure-cookie
    response.set_cookie("auth", member.issue(), secure=settings.cookie_secure, httponly=True)  # ok: insecure-cookie
    response.set_cookie("jwt", member.issue(), secure=request.url.scheme == "https", httponly=True)  # ok: insecure-cookie
    response.set_cookie("csrftoken", member.csrf(), secure=True)  # ok: insecure-cookie
    response.set_cookie("lang", "en")  # ok: insecure-cookie
    response.set_cookie("token_type", "bearer")  # ok: insecure-cookie
    return {"ok": True}
