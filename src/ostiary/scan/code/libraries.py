"""What well-known libraries do with a credential, as data: names are a shortcut where the body cannot be read."""

from __future__ import annotations

import re
from functools import lru_cache

from ostiary.scan.code.things import ADDRESS, ANYBODY, REQUEST, Thing, bag, const
from ostiary.scan.lazy import Pattern

_SCHEMES = Pattern(
    r"^fastapi\.security\b.*\b(HTTPBearer|HTTPBasic|HTTPDigest|HTTPBase|OAuth2|OAuth2PasswordBearer|OAuth2AuthorizationCodeBearer|OpenIdConnect|APIKeyHeader|APIKeyCookie|APIKeyQuery)$"
)
_LOGIN_FORM = Pattern(r"^fastapi\.security\b.*\bOAuth2PasswordRequestForm(Strict)?$")

# dotted name → verdict; "optional=True" and its kin turn a gate into optional (``relaxed``)
_GATES = Pattern(
    "|".join(
        [
            r"^(flask_login|flask_security|flask_user|flask_simplelogin|flask_praetorian|quart_auth|quart_security|flask_auth|cps_login)\b.*\b"
            r"(login_required|fresh_login_required|auth_required|roles_(required|accepted)|auth_token_required|http_auth_required|"
            r"permissions_(required|accepted)|basic_auth_required|Praetorian\.auth_required|SimpleLogin\.login_required)$",
            r"^(flask_jwt_extended|flask_jwt|flask_jwt_simple|quart_jwt_extended)\b.*\b(fresh_)?(jwt_required|jwt_refresh_token_required)$",
            r"^flask_(oidc|pyoidc)\b.*\b(require_login|accept_token|require_keycloak_role|oidc_auth|token_auth|access_control)$",
            r"^flask_basicauth\.BasicAuth\.required$",
            r"^flask_principal\b.*\b(require|IdentityContext)$",
            r"^authlib\.integrations\.flask_oauth2\b.*\bResourceProtector$",
            r"^authlib\.integrations\.flask_oauth2\b.*\bResourceProtector\.(acquire_token|__call__)$",
            r"^starlette\.authentication\.requires$",
            r"^fastapi_users\b.*\b(FastAPIUsers|Authenticator)\.(current_user|current_user_token|get_current_user|get_current_active_user|current_active_user)$",
            r"^authx\b.*\bAuthX\.(\w*required|\w*REQUIRED|get_current_subject|CURRENT_SUBJECT|get_access_token_from_request)$",
            r"^fastapi_login\b.*\bLoginManager$",
            r"^fastapi_azure_auth\b.*\b\w*(AuthorizationCodeBearer|AzureAuthorizationCodeBearerBase)$",
            r"^fastapi_keycloak\b.*\bFastAPIKeycloak\.get_current_user$",
            r"^fief_client\b.*\bFiefAuth\.(authenticated|current_user)$",
            r"^fastapi_jwt\b.*\bJwt\w*(Bearer|Cookie)$",
            r"^fastapi_auth0\b.*\bAuth0\.get_user$",
            r"^fastapi_cloudauth\b.*\b(\w+CurrentUser|claim|scope)$",
            r"^supertokens_python\b.*\bverify_session$",
            r"^propelauth_\w+\b.*\b(require_user|require_org_member\w*)$",
            r"^flask_appbuilder\.security\.decorators\.(has_access|has_access_api|protect)$",
            r"^flask_cognito\b.*\bcognito_auth_required$",
            r"^flask_discord\b.*\brequires_authorization$",
            r"^fastapi_(another_|async_)?jwt_auth\.require$",
            r"^fastapi_clerk_auth\.ClerkHTTPBearer$",
        ]
    )
)
# decides by permissions that are kept elsewhere, guests' among them
_BY_PERMISSION = Pattern(r"^flask_allows\w*\b.*\brequires$")
_OPTIONAL = Pattern(
    r"^flask_jwt_extended\b.*\bjwt_optional$|^flask_jwt_extended\.jwt_optional$|^fastapi_login\b.*LoginManager\.optional$|^propelauth_\w+\b.*optional_user$|^authx\b.*AuthX\.\w*optional$"
)
HTTP_AUTH = Pattern(
    r"^(flask_httpauth|quart_httpauth|apiflask(\.security)?)\.(HTTPBasicAuth|HTTPTokenAuth|HTTPDigestAuth|MultiAuth|HTTPAuth|HTTPAPIKeyAuth|APIKeyHeaderAuth|APIKeyCookieAuth|APIKeyQueryAuth)$"
)
CALLBACKS = (
    "verify_password",
    "verify_token",
    "get_password",
    "hash_password",
    "verify_credential",
    "verify_api_key",
    "verify_password_callback",
)
_TAKES_AUTH = Pattern(r"^apifairy(\.decorators)?\.authenticate$|^apiflask\b.*\bauth_required$|^flask_smorest\b.*\bauth_required$")
NOT_AUTH = Pattern(
    r"^(fastapi|fastapi_another|async_fastapi)_jwt_auth\b.*\bAuthJWT$|csrf|xsrf|^flask_(limiter|caching|cors|talisman|compress|babel|wtf|dance|sqlalchemy|migrate|marshmallow|apispec|smorest|openapi3|pydantic)\b|^slowapi|^fastapi_(limiter|cache|pagination|utils)|"
    r"^functools\.|^contextlib\.|^typing|^sqlalchemy|^pydantic|^starlette\.middleware\.|^fastapi\.middleware\.|^apispec|^marshmallow|^celery|^click|^webargs|^flasgger|^prometheus|^sentry|^opentelemetry|^asgi_correlation"
)
_AUTHISH = Pattern(
    r"auth(?!or(s|_|$|e))|log_?in|log_?on|(^|_)(acl|rbac|sso|oidc|oauth2?|jwt|token|credential|permissions?|permitted|roles?|admin|superuser|staff|member|scopes?|api_?key|secured?|security|protect(ed)?|private|bearer|signature|signed|user|privileged?|identity)(_|$)|"
    r"[a-z](Auth|Login|Token|Jwt|Permission|Role)|(verify|require|check|validate|user|login)_?session|^(Login|Token|JWT|Jwt|Permission|Role)[A-Z]|^Auth(?!or(s|$|[A-Z_]))|requires?_?(user|admin)|current_user",
)

_CALLS: list[tuple[str, Pattern[str]]] = [
    ("abort", Pattern(r"(^|\.)abort$")),
    ("redirect", Pattern(r"(^|\.)(redirect|RedirectResponse)$")),
    ("enforce", Pattern(r"^(flask_jwt_extended|quart_jwt_extended)\b.*\bverify_(fresh_)?jwt(_refresh_token)?_in_request$|\bAuthJWT\.(fresh_)?jwt_(required|refresh_token_required)$|^authlib\b.*\bcreate_endpoint_response$|^flask_principal\b.*\.(test|require|__enter__)$|^flask_jwt\._jwt_required$")),
    ("unverified", Pattern(r"get_unverified_(claims|header|headers)$|^jwt\.api_jwt\.decode_unverified$|(^|\.)decode_unverified$|(^|\.)jwt\.(get_unverified_header|decode_complete)$")),
    ("verifier", Pattern(
        r"^(jwt|jose\.jwt|jose\.jws|joserfc\.jwt|joserfc\.jws|authlib\.jose\.\w+|authlib\.jose|python_jwt|jwcrypto\.jwt|jwt\.api_jwt|jwt\.jwk)\b.*\b(decode|verify|deserialize_compact|verify_jwt|decode_complete)$|"
        r"^itsdangerous\b.*\.(loads|unsign|loads_unsafe)$|^flask_jwt_extended\b.*\bdecode_token$|verify_(oauth2|firebase|id)_token$|^firebase_admin\.auth\.verify_\w+$|"
        r"^cryptography\b.*\.(decrypt|verify)$|^nacl\b.*\.verify$|^stripe\.Webhook\.construct_event$|^stripe\.WebhookSignature\.verify_header$|^svix\b.*\.verify$|\bjwe\.decrypt$|^paseto\b.*decode$|^pyseto\.decode$|"
        r"^flask_security\b.*\bcheck_and_get_token_status$|^authlib\.integrations\b.*\.(acquire_token|validate_request|parse_id_token)$|^django\.core\.signing\.loads$")),
    ("compare", Pattern(r"(^|\.)(compare_digest|constant_time_compare|safe_str_cmp|bytes_eq|secure_compare|const_compare)$")),
    ("password", Pattern(r"(^|\.)(check_password_hash|checkpw|verify_and_update|verify_and_update_password|verify_password|check_password|verify_hash|argon2_verify|pbkdf2_verify|bcrypt_verify)$|^(passlib|argon2|pwdlib)\b.*\.verify$|flask_bcrypt\b.*check_password_hash$")),
    ("same", Pattern(
        r"^(str|bytes|list|tuple|set|frozenset|sorted|iter|next|reversed|dict|repr|format|memoryview|bytearray)$|^(base64|binascii|urllib\.parse|html|hashlib|quopri|codecs|zlib)\.|^hmac\.(new|digest)$|^json\.(loads|dumps)$|^orjson\.loads$|^typing\.cast$|^uuid\.UUID$|"
        r"^copy\.|^markupsafe\.|^starlette\.datastructures\.(Headers|MutableHeaders|Secret)$|^werkzeug\.datastructures\.(Headers|Authorization)|^fastapi\.security\.HTTPAuthorizationCredentials$|^fastapi\.security\.http\.HTTPAuthorizationCredentials$|^asyncio\.|^anyio\.to_thread|^starlette\.concurrency\.")),
    ("scheme", Pattern(r"(^|\.)get_authorization_scheme_param$")),
    ("truth", Pattern(r"^(bool|any|all)$")),
    ("isinstance", Pattern(r"^(isinstance|issubclass)$")),
    ("getattr", Pattern(r"^getattr$")),
    ("hasattr", Pattern(r"^hasattr$")),
    ("setting", Pattern(r"^os\.(getenv|environ\.get)$|^decouple\.(config|AutoConfig|Config)|^environs\.|^environ\.|^starlette\.config\.Config$|^flask\.helpers\.get_debug_flag$|^flask_unleash|^unleash|^ldclient")),
    ("request", Pattern(r"(^|\.)(Request|HTTPConnection|WebSocket|HTTPRequest)$")),
    ("headers", Pattern(r"(^|\.)(Headers|MutableHeaders|EnvironHeaders)$")),
    ("identity", Pattern(r"^(flask_jwt_extended|flask_jwt|quart_jwt_extended)\b.*\.(get_jwt_identity|get_jwt|get_jwt_claims|get_raw_jwt|get_current_user|get_jwt_user|current_user)$|\bAuthJWT\.(jwt_optional|get_jwt_subject|get_raw_jwt|get_jwt)$|"
        r"^flask_praetorian\b.*\b(current_user|current_user_id|current_rolenames)$|^flask_httpauth\b.*\.(current_user|username|authenticate)$|^flask_principal\b.*\.(can|allows)$|^flask_security\.(current_user|auth_required)$|"
        r"^flask_oidc\b.*\.(user_loggedin|user_getfield|user_getinfo|validate_token)$|^flask_login\b.*\.(login_fresh|confirm_login)$|^flask_user\b.*\.current_user$|^flask_simplelogin\b.*is_logged_in$")),
    ("credential", Pattern(r"^flask_httpauth\b.*\.get_auth$")),
    ("refusal", Pattern(r"\.(unauthorized|auth_error_callback|needs_refresh|access_denied|forbidden|handle_unauthorized)$")),
    ("regex", Pattern(r"^(re|regex)\.(match|search|fullmatch|compile)$")),
    ("log", Pattern(r"^print$|^(logging|logger|log|structlog|loguru|warnings|sentry_sdk|logfire)\b|\.(debug|info|warning|error|exception|critical|log|warn)$")),
    ("plain", Pattern(r"^(len|int|float|abs|min|max|sum|round|range|enumerate|zip|map|filter|type|id|hash|callable|open|super|vars|dir|ord|chr|object|property|setattr|delattr|isawaitable)$|^(time|datetime|random|secrets|string|math|uuid|inspect|platform|sys|pathlib|itertools|collections|functools|os\.path|contextvars|threading|traceback|enum|dataclasses|contextlib)\b|^flask\.(url_for|flash|get_flashed_messages|has_request_context|stream_with_context)$|^asyncio\.iscoroutinefunction$|^flask_babel")),
]  # fmt: skip

NAMES: dict[str, Thing] = {
    "flask.request": REQUEST, "flask.globals.request": REQUEST, "flask.websocket": REQUEST, "connexion.request": REQUEST, "bottle.request": REQUEST,
    "flask.session": bag("session"), "flask.globals.session": bag("session"), "flask.g": bag("g"), "flask.globals.g": bag("g"),
    "flask.current_app.config": bag("config"), "os.environ": bag("config"), "flask_login.current_user": ANYBODY, "flask_login.utils.current_user": ANYBODY,
    "flask_security.current_user": ANYBODY, "flask_user.current_user": ANYBODY, "flask_jwt_extended.current_user": ANYBODY,
    "flask_jwt.current_identity": ANYBODY, "flask_auth.current_user": ANYBODY, "flask_jwt_simple.current_user": ANYBODY,
    "flask_praetorian.current_user": ANYBODY, "authlib.integrations.flask_oauth2.current_token": ANYBODY, "connexion.context": bag("state"),
    "flask_login.config.EXEMPT_METHODS": Thing("seq", value=(const("OPTIONS"),)), "flask.request.remote_addr": ADDRESS, "flask_limiter.util.get_remote_address": ADDRESS, "flask_principal.identity": ANYBODY,
}  # fmt: skip
REQUEST_CLASSES = Pattern(r"^(fastapi|starlette|flask|quart|werkzeug|connexion)\b.*\.(Request|HTTPConnection|WebSocket)$")
SETTINGS_CLASSES = Pattern(r"BaseSettings$|^dynaconf\.|^starlette\.config\.|^decouple\.|^environs\.|^environ\.|^configparser\.")
_RELAXING = ("optional", "auto_error", "required", "session_required", "force")


def plain(name: str) -> str:
    """Quart and its extensions do what Flask's do."""
    return name.replace("quart", "flask") if name.startswith("quart") and not name.startswith(("quart_auth", "quart_security")) else name


@lru_cache(maxsize=8192)
def role(name: str) -> str:
    """What a call of a library name does: one of the words in the table, "" when it is not known."""
    name = plain(name)
    for word, pattern in _CALLS:
        if pattern.search(name):
            return word
    return ""


@lru_cache(maxsize=4096)
def verdict(name: str) -> str:
    """gate, optional, scheme, form, http_auth, takes_auth, none, unknown (auth by its name alone) or ""."""
    name = plain(name)
    for word, pattern in (
        ("optional", _OPTIONAL), ("gate", _GATES), ("unknown", _BY_PERMISSION), ("scheme", _SCHEMES), ("form", _LOGIN_FORM), ("http_auth", HTTP_AUTH), ("takes_auth", _TAKES_AUTH), ("none", NOT_AUTH),
    ):  # fmt: skip
        if pattern.search(name):
            return word
    return "unknown" if authish(name.rpartition(".")[2]) else ""


@lru_cache(maxsize=8192)
def authish(name: str) -> bool:
    """A name that speaks of authentication or authorisation."""
    return bool(_AUTHISH.search(name)) and not re.search(r"csrf|xsrf|anonymous|optional|author[s_]|authored", name, re.IGNORECASE)


def relaxed(kwargs: dict[str, object]) -> bool:
    """``optional=True``, ``auto_error=False``, ``required=False``, ``session_required=False``."""
    for name in _RELAXING:
        given = kwargs.get(name)
        wanted = name == "optional"
        if given is not None and getattr(given, "value", None) is wanted:
            return True
    return False
