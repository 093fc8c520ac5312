"""A FastAPI dependency is a gate when a caller without a valid credential never gets what it would hand over."""

from __future__ import annotations

import pytest

from tests.scan.code.gatekit import judge

IMPORTS = """
import hmac, os, secrets
from typing import Annotated, Optional
import jwt
from fastapi import Cookie, Depends, Header, HTTPException, Query, Request, Response, Security, WebSocket, WebSocketException, status
from fastapi.responses import JSONResponse, RedirectResponse
from fastapi.security import APIKeyHeader, APIKeyQuery, HTTPAuthorizationCredentials, HTTPBasic, HTTPBasicCredentials, HTTPBearer, OAuth2PasswordBearer, SecurityScopes
from http import HTTPStatus
from pydantic_settings import BaseSettings
"""

CASES = {
    "OAuth2PasswordBearer alone": (
        "extractor",
        """
        gate = OAuth2PasswordBearer(tokenUrl="/token")
    """,
    ),
    "APIKeyHeader alone": (
        "extractor",
        """
        gate = APIKeyHeader(name="X-API-Key")
    """,
    ),
    "HTTPBearer that does not insist": (
        "optional",
        """
        gate = HTTPBearer(auto_error=False)
    """,
    ),
    "hands the token over as it came": (
        "extractor",
        """
        oauth2 = OAuth2PasswordBearer(tokenUrl="/token")
        def gate(token: str = Depends(oauth2)):
            return token
    """,
    ),
    "decodes without verifying": (
        "extractor",
        """
        oauth2 = OAuth2PasswordBearer(tokenUrl="/token")
        def gate(token: str = Depends(oauth2)):
            try:
                payload = jwt.decode(token, KEY, algorithms=["HS256"], options={"verify_signature": False})
                user = payload.get("sub")
            except jwt.PyJWTError:
                raise HTTPException(401)
            if user is None:
                raise HTTPException(401)
            return user
    """,
    ),
    "verifies a token": (
        "gate",
        """
        oauth2 = OAuth2PasswordBearer(tokenUrl="/token")
        async def gate(token: str = Depends(oauth2)):
            credentials_exception = HTTPException(status_code=status.HTTP_401_UNAUTHORIZED, detail="no")
            try:
                payload = jwt.decode(token, KEY, algorithms=["HS256"])
                username: str = payload.get("sub")
                if username is None:
                    raise credentials_exception
            except jwt.InvalidTokenError:
                raise credentials_exception
            return username
    """,
    ),
    "through Annotated aliases": (
        "gate",
        """
        oauth2 = OAuth2PasswordBearer(tokenUrl="/token")
        TokenDep = Annotated[str, Depends(oauth2)]
        SessionDep = Annotated[Session, Depends(get_db)]
        def get_db():
            with Session(engine) as session:
                yield session
        def get_current_user(session: SessionDep, token: TokenDep) -> "User":
            try:
                payload = jwt.decode(token, settings.SECRET_KEY, algorithms=[ALGORITHM])
            except (jwt.InvalidTokenError, ValueError):
                raise HTTPException(status_code=403, detail="Could not validate credentials")
            user = session.get(User, payload.sub)
            if not user:
                raise HTTPException(status_code=404, detail="User not found")
            if not user.is_active:
                raise HTTPException(status_code=400, detail="Inactive user")
            return user
        CurrentUser = Annotated[User, Depends(get_current_user)]
        def gate(current_user: CurrentUser):
            if not current_user.is_superuser:
                raise HTTPException(status_code=403, detail="not enough")
            return current_user
    """,
    ),
    "only depends on a gate": (
        "gate",
        """
        def get_user(x_token: Annotated[str, Header()]):
            if x_token != "secret-token-value":
                raise HTTPException(HTTPStatus.UNAUTHORIZED)
        def gate(user=Depends(get_user)):
            return Service(user)
    """,
    ),
    "a required header that nobody looks at": (
        "extractor",
        """
        def gate(authorization: str = Header(...)):
            return authorization
    """,
    ),
    "a header that may be absent": (
        "none",
        """
        def gate(x_request_source: str | None = Header(None)):
            return x_request_source
    """,
    ),
    "compares a header parameter with a setting": (
        "gate",
        """
        async def gate(x_api_key: str = Header(...)):
            if not secrets.compare_digest(x_api_key, os.environ["API_KEY"]):
                raise HTTPException(status_code=HTTPStatus.FORBIDDEN.value)
    """,
    ),
    "compares a query parameter": (
        "gate",
        """
        async def gate(token: str):
            if token != KEY:
                raise HTTPException(status_code=400, detail="No")
    """,
    ),
    "returns a response instead of raising": (
        "extractor",
        """
        async def gate(x_api_key: str = Header(...)):
            if x_api_key != KEY:
                return JSONResponse(status_code=401, content={})
    """,
    ),
    "optional user": (
        "optional",
        """
        bearer = HTTPBearer(auto_error=False)
        def gate(credentials: Optional[HTTPAuthorizationCredentials] = Depends(bearer)):
            if credentials is None:
                return None
            try:
                return jwt.decode(credentials.credentials, KEY, algorithms=["HS256"])
            except jwt.PyJWTError:
                return None
    """,
    ),
    "optional user swallowing the refusal": (
        "optional",
        """
        oauth2 = OAuth2PasswordBearer(tokenUrl="/t", auto_error=False)
        async def get_current_user(request: Request, token: str | None = Depends(oauth2)):
            if token is None and "app.access_token" in request.cookies:
                token = request.cookies.get("app.access_token", "")
            else:
                token = token or ""
            try:
                payload = jwt.decode(token, KEY, algorithms=["HS256"])
            except jwt.PyJWTError as e:
                raise HTTPException(401) from e
            return payload
        async def gate(request: Request, token: str = Depends(oauth2)):
            try:
                return await get_current_user(request, token)
            except Exception:
                return None
    """,
    ),
    "soft scheme and hard check": (
        "gate",
        """
        oauth2 = OAuth2PasswordBearer(tokenUrl="/t", auto_error=False)
        async def gate(request: Request, token: str | None = Depends(oauth2)):
            if token is None and "app.access_token" in request.cookies:
                token = request.cookies.get("app.access_token", "")
            else:
                token = token or ""
            try:
                payload = jwt.decode(token, KEY, algorithms=["HS256"])
                user_id = payload.get("sub")
                if payload.get("long_token") is not None:
                    return validate_long_live_token(token, payload.get("id"))
                if user_id is None:
                    raise credentials_exception
            except jwt.PyJWTError as e:
                raise credentials_exception from e
            user = repos.users.get_one(user_id)
            if user is None:
                raise credentials_exception
            return user
        def validate_long_live_token(token, user_id):
            tokens = repos.api_tokens.multi_query({"token": token, "user_id": user_id})
            try:
                return tokens[0].user
            except IndexError as e:
                raise HTTPException(status.HTTP_401_UNAUTHORIZED) from e
        credentials_exception = HTTPException(status_code=status.HTTP_401_UNAUTHORIZED)
    """,
    ),
    "a callable instance": (
        "gate",
        """
        def get_current_user(token: str = Depends(OAuth2PasswordBearer(tokenUrl="t"))):
            try:
                return jwt.decode(token, KEY, algorithms=["HS256"])
            except jwt.JWTError:
                raise HTTPException(401)
        class RoleChecker:
            def __init__(self, roles):
                self.roles = roles
            def __call__(self, user=Depends(get_current_user)):
                if user.role not in self.roles:
                    raise HTTPException(status_code=403)
                return user
        gate = RoleChecker(["admin"])
    """,
    ),
    "a callable instance that checks only the role of a forgeable token": (
        "extractor",
        """
        def get_current_user(token: str = Depends(OAuth2PasswordBearer(tokenUrl="t"))):
            return jwt.decode(token, KEY, options={"verify_signature": False})
        class RoleChecker:
            def __init__(self, roles):
                self.roles = roles
            def __call__(self, user=Depends(get_current_user)):
                return user
        gate = RoleChecker(["admin"])
    """,
    ),
    "a subclass of HTTPBearer that verifies": (
        "gate",
        """
        class JWTBearer(HTTPBearer):
            def __init__(self, auto_error: bool = True):
                super(JWTBearer, self).__init__(auto_error=auto_error)
            async def __call__(self, request: Request):
                credentials: HTTPAuthorizationCredentials = await super(JWTBearer, self).__call__(request)
                if credentials:
                    if not credentials.scheme == "Bearer":
                        raise HTTPException(status_code=403, detail="Invalid authentication scheme.")
                    if not self.verify_jwt(credentials.credentials):
                        raise HTTPException(status_code=403, detail="Invalid token or expired token.")
                    return credentials.credentials
                else:
                    raise HTTPException(status_code=403, detail="Invalid authorization code.")
            def verify_jwt(self, token: str) -> bool:
                is_token_valid = False
                try:
                    payload = jwt.decode(token, KEY, algorithms=["HS256"])
                except Exception:
                    payload = None
                if payload:
                    is_token_valid = True
                return is_token_valid
        gate = JWTBearer()
    """,
    ),
    "a subclass of HTTPBearer that adds nothing": (
        "extractor",
        """
        class MyBearer(HTTPBearer):
            pass
        gate = MyBearer()
    """,
    ),
    "a class as dependency": (
        "gate",
        """
        class CurrentContext:
            def __init__(self, request: Request, x_token: str = Header()):
                self.user = find_user(x_token)
                if self.user is None:
                    raise HTTPException(401)
        def find_user(token):
            return db.users.get(token)
        gate = CurrentContext
    """,
    ),
    "a class whose fields depend on a gate": (
        "gate",
        """
        from dataclasses import dataclass
        def get_user(x_token: str = Header()):
            if x_token != TOKEN:
                raise HTTPException(401)
            return 1
        TOKEN = os.environ["T"]
        @dataclass
        class Context:
            user: int = Depends(get_user)
        gate = Context
    """,
    ),
    "a generator dependency": (
        "gate",
        """
        async def gate(request: Request):
            if request.headers.get("x-token") != settings.TOKEN:
                raise HTTPException(401)
            try:
                yield request
            finally:
                cleanup()
    """,
    ),
    "basic credentials compared in constant time": (
        "gate",
        """
        security = HTTPBasic()
        def gate(credentials: Annotated[HTTPBasicCredentials, Depends(security)]):
            is_user = secrets.compare_digest(credentials.username.encode(), b"stanley")
            is_pass = secrets.compare_digest(credentials.password.encode(), b"swordfish")
            if not (is_user and is_pass):
                raise HTTPException(status_code=401, headers={"WWW-Authenticate": "Basic"})
            return credentials.username
    """,
    ),
    "scopes": (
        "gate",
        """
        oauth2 = OAuth2PasswordBearer(tokenUrl="t")
        async def get_current_user(security_scopes: SecurityScopes, token: Annotated[str, Depends(oauth2)]):
            try:
                payload = jwt.decode(token, KEY, algorithms=["HS256"])
            except Exception:
                raise HTTPException(status_code=401)
            for scope in security_scopes.scopes:
                if scope not in payload["scopes"]:
                    raise HTTPException(status_code=401)
            return payload
        def gate(user: Annotated[dict, Security(get_current_user, scopes=["items"])]):
            if user.disabled:
                raise HTTPException(400)
            return user
    """,
    ),
    "only the client's address": (
        "none",
        """
        def gate(request: Request):
            if request.client.host != "127.0.0.1":
                raise HTTPException(status_code=403)
    """,
    ),
    "only the environment": (
        "none",
        """
        def gate():
            if settings.ENV == "production":
                raise HTTPException(status_code=403)
    """,
    ),
    "switched off by a setting with no default": (
        "unknown",
        """
        def gate(x_api_key: str = Header(None)):
            if not settings.API_KEY:
                return
            if x_api_key != settings.API_KEY:
                raise HTTPException(401)
        from config import settings
    """,
    ),
    "a setting of pydantic's that is on by default": (
        "gate",
        """
        class Settings(BaseSettings):
            auth_enabled: bool = True
            token: str = ""
        settings = Settings()
        def gate(request: Request):
            if not settings.auth_enabled:
                return None
            if request.headers.get("x-token") != settings.token:
                raise HTTPException(401)
    """,
    ),
    "the user that a middleware put into the state": (
        "gate",
        """
        def gate(request: Request):
            user = getattr(request.state, "user", None)
            if user is None:
                raise HTTPException(401)
            return user
    """,
    ),
    "the user that the middleware may have put there": (
        "optional",
        """
        def gate(request: Request):
            return getattr(request.state, "user", None)
    """,
    ),
    "a session": (
        "gate",
        """
        def gate(request: Request):
            user = request.session.get("user")
            if not user:
                raise HTTPException(status_code=303, headers={"Location": "/login"})
            return user
    """,
    ),
    "a WebSocket is closed": (
        "gate",
        """
        async def gate(websocket: WebSocket, token: str | None = Query(default=None)):
            if token != settings.TOKEN:
                await websocket.close(code=1008)
                return
            return token
    """,
    ),
    "WebSocketException": (
        "gate",
        """
        async def gate(websocket: WebSocket, session: Annotated[str | None, Cookie()] = None, token: Annotated[str | None, Query()] = None):
            if lookup(session) is None and lookup(token) is None:
                raise WebSocketException(code=status.WS_1008_POLICY_VIOLATION)
            return session or token
    """,
    ),
    "presence of either cookie or token": (
        "extractor",
        """
        async def gate(session: Annotated[str | None, Cookie()] = None, token: Annotated[str | None, Query()] = None):
            if session is None and token is None:
                raise WebSocketException(code=status.WS_1008_POLICY_VIOLATION)
            return session or token
    """,
    ),
    "a database session is no auth": (
        "none",
        """
        def gate():
            db = SessionLocal()
            try:
                yield db
            finally:
                db.close()
    """,
    ),
    "an object that must exist": (
        "none",
        """
        def gate(item_id: int, db=Depends(get_db)):
            item = db.get(Item, item_id)
            if item is None:
                raise HTTPException(404)
            return item
        def get_db():
            yield SessionLocal()
    """,
    ),
    "a node that must be there": (
        "none",
        """
        def gate(request: Request):
            node = request.app.state.node
            if node is None:
                raise HTTPException(status_code=403, detail="no node")
            return node
    """,
    ),
    "a factory of dependencies": (
        "gate",
        """
        def require(*roles):
            def dependency(user=Depends(get_user)):
                if user.role not in roles:
                    raise HTTPException(403)
                return user
            return dependency
        def get_user(request: Request):
            return request.session.get("user")
        gate = require("admin")
    """,
    ),
    "a factory that makes it optional": (
        "optional",
        """
        def current(optional=False):
            def dependency(request: Request):
                user = request.session.get("user")
                if user is None and not optional:
                    raise HTTPException(401)
                return user
            return dependency
        gate = current(optional=True)
    """,
    ),
    "the same factory that insists": (
        "gate",
        """
        def current(optional=False):
            def dependency(request: Request):
                user = request.session.get("user")
                if user is None and not optional:
                    raise HTTPException(401)
                return user
            return dependency
        gate = current()
    """,
    ),
    "the provider depends on a setting": (
        "unknown",
        """
        from config import PROVIDER, DEFAULT_USER
        from plugins import plugins
        Invalid = HTTPException(status_code=401)
        def gate(request: Request):
            if PROVIDER_ENABLED:
                user_email = plugins.get(PROVIDER).get_current_user(request)
            else:
                user_email = os.getenv("DEFAULT_USER", "x@example.com")
            if not user_email:
                raise Invalid
            return user_email
        PROVIDER_ENABLED = os.getenv("PROVIDER_ENABLED")
    """,
    ),
    "an auth function of a library that cannot be read": (
        "unknown",
        """
        from company_auth import require_user as gate
    """,
    ),
    "a helper of a library that has nothing to do with it": (
        "none",
        """
        from company_db import get_session as gate
    """,
    ),
    "a file that cannot be parsed": (
        "unknown",
        """
        from broken import get_current_user as gate
    """,
        "def get_current_user(:\n",
    ),
    "hidden behind several calls": (
        "gate",
        """
        def gate(request: Request):
            return Auth(request).user()
        class Auth:
            def __init__(self, request):
                self.token = request.headers.get("authorization")
            def user(self):
                claims = self._claims()
                if not claims:
                    raise HTTPException(401)
                return claims
            def _claims(self):
                return verify(self.token)
        def verify(token):
            return store.lookup(token)
    """,
    ),
    "an exception of the tree named so": (
        "gate",
        """
        class NotAuthenticatedError(Exception): ...
        def gate(request: Request):
            if not store.find(request.cookies.get("session_id")):
                raise NotAuthenticatedError()
    """,
    ),
    "settings of other dependencies do not matter": (
        "gate",
        """
        from config import settings
        def db0():
            if settings.A0 and settings.B0:
                return first()
            return second()
        def db1():
            if settings.A1 and settings.B1:
                return first()
            return second()
        def db2():
            if settings.A2 and settings.B2:
                return first()
            return second()
        def db3():
            if settings.A3 and settings.B3:
                return first()
            return second()
        def db4():
            if settings.A4 and settings.B4:
                return first()
            return second()
        def db5():
            if settings.A5 and settings.B5:
                return first()
            return second()
        def gate(request: Request, a=Depends(db0), b=Depends(db1), c=Depends(db2), d=Depends(db3), e=Depends(db4), f=Depends(db5)):
            if request.headers.get("x-token") != settings.TOKEN:
                raise HTTPException(401)
    """,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_dependency(case: str) -> None:
    verdict, source, *broken = CASES[case]
    others = {"broken": broken[0]} if broken else {}
    found = judge("dependency", IMPORTS + source.replace("\n        ", "\n"), **others)
    assert found.verdict == verdict, found


def test_unknown_names_what_cannot_be_followed() -> None:
    found = judge("dependency", "from broken import get_current_user as gate", broken="def f(:\n")
    assert "broken.py could not be parsed" in found.why


def test_nothing_is_said_over_a_dependency_with_too_many_ways() -> None:
    """What stands on one that was given up is not known either: never that it lets strangers through."""
    tests = "".join(f"    if settings.f{n}:\n        seen = [{n}, *seen]\n" for n in range(8))
    source = f"""
from fastapi import Depends, HTTPException, Request
from conf import settings
def account(request: Request):
    seen = []
{tests}
    return find(seen)
def gate(who=Depends(account)):
    if who.id != settings.super_user:
        raise HTTPException(403)
    return who
"""
    assert judge("dependency", source).verdict == "unknown"


def test_the_gate_that_is_depended_on_is_named() -> None:
    found = judge("dependency", IMPORTS + CASES["only depends on a gate"][1].replace("\n        ", "\n"))
    assert [g.name for g in found.gates] == ["get_user"]


def test_a_gate_on_top_of_a_gate_names_both() -> None:
    found = judge("dependency", IMPORTS + CASES["through Annotated aliases"][1].replace("\n        ", "\n"))
    assert [g.name for g in found.gates] == ["gate", "get_current_user"]
