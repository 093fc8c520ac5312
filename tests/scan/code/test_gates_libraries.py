"""Well-known libraries: the same name is a gate, an extractor or nothing by how it is set up."""

from __future__ import annotations

import pytest

from tests.scan.code.gatekit import judge

DECORATORS = {
    "flask_login": ("gate", "from flask_login import login_required as gate"),
    "flask_login fresh": ("gate", "from flask_login import fresh_login_required as gate"),
    "jwt_required()": ("gate", "from flask_jwt_extended import jwt_required\ngate = jwt_required()"),
    "jwt_required, the old way": ("gate", "from flask_jwt_extended import jwt_required as gate"),
    "jwt_required(optional=True)": ("optional", "from flask_jwt_extended import jwt_required\ngate = jwt_required(optional=True)"),
    "jwt_required(refresh=True)": ("gate", "from flask_jwt_extended import jwt_required\ngate = jwt_required(refresh=True)"),
    "flask_security auth_required": ("gate", "from flask_security import auth_required\ngate = auth_required('token')"),
    "flask_security roles_required": ("gate", "from flask_security import roles_required\ngate = roles_required('admin')"),
    "flask_security.decorators": ("gate", "from flask_security.decorators import permissions_required\ngate = permissions_required('x')"),
    "flask_allows decides by permissions": ("unknown", "from flask_allows2 import Allows\nallows = Allows()\ngate = allows.requires(CanPost)"),
    "starlette requires": ("gate", "from starlette.authentication import requires\ngate = requires('authenticated')"),
    "quart_auth": ("gate", "from quart_auth import login_required as gate"),
    "flask_oidc": ("gate", "from flask_oidc import OpenIDConnect\noidc = OpenIDConnect()\ngate = oidc.require_login"),
    "authlib ResourceProtector": ("gate", "from authlib.integrations.flask_oauth2 import ResourceProtector\nr = ResourceProtector()\ngate = r('profile')"),
    "authlib optional": ("optional", "from authlib.integrations.flask_oauth2 import ResourceProtector\nr = ResourceProtector()\ngate = r(optional=True)"),
    "flask_principal": ("gate", "from flask_principal import Permission, RoleNeed\np = Permission(RoleNeed('a'))\ngate = p.require(403)"),
    "flask_httpauth with a verifier": ("gate", """
from flask_httpauth import HTTPTokenAuth
auth = HTTPTokenAuth()
@auth.verify_token
def verify(token): return find(token)
gate = auth.login_required
"""),
    "flask_httpauth with a role": ("gate", """
from flask_httpauth import HTTPBasicAuth
auth = HTTPBasicAuth()
@auth.verify_password
def verify(u, p): return check(u, p)
gate = auth.login_required(role="admin")
"""),
    "flask_httpauth with get_password": ("gate", """
from flask_httpauth import HTTPDigestAuth
auth = HTTPDigestAuth()
@auth.get_password
def get_pw(u): return users.get(u)
gate = auth.login_required
"""),
    "flask_httpauth without one": ("extractor", "from flask_httpauth import HTTPTokenAuth\nauth = HTTPTokenAuth()\ngate = auth.login_required"),
    "flask_httpauth optional": ("optional", """
from flask_httpauth import HTTPTokenAuth
auth = HTTPTokenAuth()
@auth.verify_token
def verify(token): return find(token)
gate = auth.login_required(optional=True)
"""),
    "flask_httpauth multi": ("gate", """
from flask_httpauth import HTTPBasicAuth, HTTPTokenAuth, MultiAuth
basic = HTTPBasicAuth()
token = HTTPTokenAuth()
multi = MultiAuth(basic, token)
@token.verify_token
def verify(token): return find(token)
gate = multi.login_required
"""),
    "apiflask": ("gate", """
from apiflask import APIFlask, HTTPTokenAuth
app = APIFlask(__name__)
auth = HTTPTokenAuth()
@auth.verify_token
def verify(token): return find(token)
gate = app.auth_required(auth)
"""),
    "apifairy": ("gate", """
from apifairy import authenticate
from flask_httpauth import HTTPBasicAuth
basic = HTTPBasicAuth()
@basic.verify_password
def verify(u, p): return check(u, p)
gate = authenticate(basic)
"""),
    "apifairy without a verifier": ("extractor", """
from apifairy import authenticate
from flask_httpauth import HTTPBasicAuth
gate = authenticate(HTTPBasicAuth())
"""),
    "a CSRF library": ("none", "from flask_wtf import CSRFProtect\ncsrf = CSRFProtect()\ngate = csrf.exempt"),
    "a limiter": ("none", "from flask_limiter import Limiter\nlimiter = Limiter()\ngate = limiter.limit('5/minute')"),
    "a cache": ("none", "from flask_caching import Cache\ncache = Cache()\ngate = cache.cached(60)"),
    "a documentation decorator": ("none", "from flasgger import swag_from\ngate = swag_from('x.yml')"),
    "an unknown library's auth": ("unknown", "from acme_flask import require_login as gate"),
    "an unknown library's anything": ("none", "from acme_flask import timed as gate"),
}  # fmt: skip
DEPENDENCIES = {
    "fastapi_users": ("gate", "from fastapi_users import FastAPIUsers\nu = FastAPIUsers(m, [b])\ngate = u.current_user(active=True)"),
    "fastapi_users optional": ("optional", "from fastapi_users import FastAPIUsers\nu = FastAPIUsers(m, [b])\ngate = u.current_user(optional=True)"),
    "fastapi_login": ("gate", "from fastapi_login import LoginManager\ngate = LoginManager('s', '/login')"),
    "authx": ("gate", "from authx import AuthX\nauth = AuthX()\ngate = auth.access_token_required"),
    "fastapi_azure_auth": ("gate", "from fastapi_azure_auth import SingleTenantAzureAuthorizationCodeBearer\ngate = SingleTenantAzureAuthorizationCodeBearer(app_client_id='x')"),
    "fastapi_azure_auth soft": ("optional", "from fastapi_azure_auth import SingleTenantAzureAuthorizationCodeBearer\ngate = SingleTenantAzureAuthorizationCodeBearer(auto_error=False)"),
    "fief": ("gate", "from fief_client.integrations.fastapi import FiefAuth\nauth = FiefAuth(f, s)\ngate = auth.authenticated()"),
    "fief optional": ("optional", "from fief_client.integrations.fastapi import FiefAuth\nauth = FiefAuth(f, s)\ngate = auth.authenticated(optional=True)"),
    "fastapi_jwt": ("gate", "from fastapi_jwt import JwtAccessBearer\ngate = JwtAccessBearer(secret_key='x')"),
    "AuthJWT that is enforced": ("gate", """
from fastapi import Depends
from fastapi_jwt_auth import AuthJWT
def gate(Authorize: AuthJWT = Depends()):
    Authorize.jwt_required()
    return Authorize.get_jwt_subject()
"""),
    "AuthJWT that is optional": ("optional", """
from fastapi import Depends
from fastapi_jwt_auth import AuthJWT
def gate(Authorize: AuthJWT = Depends()):
    Authorize.jwt_optional()
    return Authorize.get_jwt_subject()
"""),
    "AuthJWT that nobody calls": ("none", """
from fastapi import Depends
from fastapi_jwt_auth import AuthJWT
def gate(Authorize: AuthJWT = Depends()):
    return Authorize
"""),
    "OAuth2PasswordRequestForm": ("none", "from fastapi.security import OAuth2PasswordRequestForm as gate"),
    "the authenticator of a company": ("unknown", "from acme.auth import Authenticator\ngate = Authenticator()"),
    "OpenIdConnect": ("extractor", "from fastapi.security import OpenIdConnect\ngate = OpenIdConnect(openIdConnectUrl='x')"),
    "a helper that checks a Google token": ("gate", """
from fastapi import Header, HTTPException
from google.oauth2 import id_token
def gate(authorization: str = Header()):
    try:
        return id_token.verify_oauth2_token(authorization, requests.Request(), CLIENT)
    except ValueError:
        raise HTTPException(401)
"""),
    "itsdangerous": ("gate", """
from fastapi import Cookie, HTTPException
from itsdangerous import BadSignature, URLSafeTimedSerializer
signer = URLSafeTimedSerializer("k")
def gate(session_token: str = Cookie(None)):
    if not session_token:
        raise HTTPException(401)
    try:
        return signer.loads(session_token, max_age=60)
    except BadSignature:
        raise HTTPException(401)
"""),
    "introspection at another server": ("gate", """
import httpx
from fastapi import Header, HTTPException
async def gate(authorization: str = Header()):
    async with httpx.AsyncClient() as client:
        r = await client.get(URL, headers={"Authorization": authorization})
    if r.status_code != 200:
        raise HTTPException(401)
    return r.json()
"""),
}  # fmt: skip


@pytest.mark.parametrize("case", DECORATORS)
def test_decorator_of_a_library(case: str) -> None:
    verdict, source = DECORATORS[case]
    found = judge("decorator", source)
    assert found.verdict == verdict, found


@pytest.mark.parametrize("case", DEPENDENCIES)
def test_dependency_of_a_library(case: str) -> None:
    verdict, source = DEPENDENCIES[case]
    found = judge("dependency", source)
    assert found.verdict == verdict, found
