"""Where a request carries who is calling: what its attributes and the items of headers, cookies, session… are to a stranger."""

from __future__ import annotations

import re

from ostiary.scan.code.things import ADDRESS, ANYBODY, NOBODY, REQUEST, UNKNOWN, Thing, bag, claim, flag, raw
from ostiary.scan.lazy import Pattern

_STRONG = Pattern(
    r"auth|token|secret|api[-_.]?key|signature|hmac|jwt|credential|bearer|session|ticket|access[-_]?key|(^|[-_])(key|sig|sid|apikey|digest)$|^key$|passw|pwd"
)
_NOT = Pattern(
    r"csrf|xsrf|idempot|websocket-key|captcha|turnstile|nonce|etag|^state$|page_?token|continuation|cursor|next_?token|push_?token|device_?token|fcm"
)
_LOGIN = Pattern(
    r"^(user(_?name)?|e?-?mail(_?address)?|login|account|passw(or)?d|passwd|pwd|pass|pin|otp|totp|mfa_?code|passcode|code|phone|identifier|old_password|current_password)$"
)
_IDENTITY = Pattern(
    r"^_?(current|logged_?in|auth(ed|enticated)?|request|session|login|flask_httpauth|jwt|api|oauth|sso|my)?_?"
    r"(user|account|identity|principal|member|subject|claims|customer|player|admin|staff|uid|jwt|token|auth|api_?key|credentials?|username|employee|operator|owner|payload|actor|viewer|caller|person)"
    r"(_?(id|info|data|obj|object|name|email|claims|payload|context|model|record|context))?$"
)
_SESSION = Pattern(
    r"user|uid|login|logged|auth|admin|role|perm|email|name|member|token|account|customer|access|profile|(^|_)id$|identity|sub$|oauth|staff|verified|sso|saml|oidc"
)
_SESSION_NOT = Pattern(r"csrf|xsrf|nonce|state$|lang|locale|theme|next|redirect|captcha|verifier|flash|code")
_ADDRESSES = Pattern(r"forwarded-for|real-ip|client-ip|connecting-ip|remote-addr|forwarded$|remote_addr|true-client")
_DESCRIBES = Pattern(r"tenant|org|workspace|version|client|device|platform|region|locale|country|host")
_PLAIN_HEADERS = Pattern(
    r"^(content-.*|accept.*|user-agent|host|origin|referer|x-requested-with|range|if-.*|cache-control|(x-)?(request|correlation|trace|amzn-trace)-id|traceparent|"
    r"upgrade|connection|date|via|dnt|x-forwarded-.*|sec-.*|x-http-method.*|last-event-id|hx-.*|prefer|expect|te|pragma|x-scheme|x-script-name|x-prefix|x-original-.*|x-rewrite-.*|x-platform|x-(client|app)-version|x-language|x-timezone|x-locale|x-api-version)$"
)
# api_key_id, token_limit, credential_name: they name a credential or tell of it, they are none
_NAMES_ONE = Pattern(
    r"(_|-)?(ids?|name|type|count|limits?|usage|list|settings?|config|enabled|expiry|expires?|status|scopes?|data|in|create|update|request|schema|form|service|repo|manager|filter)$"
)
_SAYS_WHO = Pattern(
    r"(^|[-_])(user|uid|username|userid|email|account|member|customer|role|roles|admin|is[-_]admin|logged[-_]?in|login)([-_]?(id|name|email|role))?$"
)
_SECRETISH = Pattern(r"secret|token|key|passw|sign|hmac|digest|auth|credential|hash|verify")
CONFIG_NAME = Pattern(
    r"^_?(app_?|global_?|flask_?|core_?|site_?|env_?|get_?)?(settings?|config|conf|cfg|feature_?flags?|flags|features|environ|env)$",
    re.IGNORECASE,
)
CONFIG_CALL = Pattern(
    r"^_?(get|read|load|fetch|lookup)?_?(app_?|site_?|org_?|bool_?)?(config|setting|option|env|feature|flag)s?(_?(value|bool|var|item))?$|^getenv$|^is_feature_enabled$|^feature_enabled$"
)

_REQUEST: dict[str, Thing] = {
    "headers": bag("header"), "cookies": bag("cookie"), "args": bag("query"), "query_params": bag("query"), "query": bag("query"),
    "form": bag("body"), "values": bag("query"), "json": bag("body"), "data": bag("body"), "authorization": raw("header:authorization"),
    "auth": ANYBODY, "user": ANYBODY, "state": bag("state"), "session": bag("session"), "scope": bag("scope"), "environ": bag("environ"),
    "view_args": bag("path"), "path_params": bag("path"), "remote_addr": ADDRESS, "access_route": ADDRESS, "client": ADDRESS, "remote_user": ANYBODY,
    "bearer": raw("header:authorization"), "token": raw("header:authorization"), "ctx": bag("state"), "context": bag("state"),
}  # fmt: skip
_PARTS = {
    "path": "path", "full_path": "path", "url": "url", "base_url": "url", "endpoint": "endpoint", "blueprint": "blueprint", "method": "method",
    "url_rule": "rule", "blueprints": "blueprint", "raw_path": "path", "script_root": "path",
}  # fmt: skip
_SCOPE: dict[str, Thing] = {
    "headers": bag("header"), "client": ADDRESS, "user": ANYBODY, "auth": ANYBODY, "session": bag("session"), "state": bag("state"),
    "query_string": bag("query"), "path_params": bag("path"),
}  # fmt: skip


def request_attribute(name: str) -> Thing:
    """``request.name``."""
    if name in _PARTS:
        return Thing("part", _PARTS[name])
    found = _REQUEST.get(name)
    if found is not None:
        return found
    return ANYBODY if _IDENTITY.match(name) else UNKNOWN


def is_identity(name: str) -> bool:
    """A name by which an application remembers who is calling: ``current_user``, ``user_id``, ``claims``."""
    return bool(_IDENTITY.match(name.lower()))


def is_current(name: str) -> bool:
    """A name that can only be the caller's: ``current_user``."""
    return bool(
        re.match(
            r"^_?(current|logged_?in|auth(ed|enticated)?)_?(user|account|identity|principal|member|subject|customer|admin)(_?id)?$", name
        )
    )


def is_secretish(words: str) -> bool:
    return bool(_SECRETISH.search(words.lower()))


def credential(place: str, name: str | None) -> Thing:
    """What a stranger sends in a header, cookie, query, path or body under a name; None is a name that is computed."""
    if name is None:
        return raw(f"{place}:?", weak=place in ("query", "body", "path"))
    key = name.lower().replace("_", "-") if place == "header" else name.lower()
    if _NOT.search(key):
        return UNKNOWN
    if place == "header":
        return _header(key)
    if place in ("query", "body", "path"):
        return _field(place, key)
    if _SAYS_WHO.search(key) and not _STRONG.search(key):
        return claim(f"{place}:{key}")
    return raw(f"{place}:{key}", weak=not _STRONG.search(key))


def _header(key: str) -> Thing:
    if _ADDRESSES.search(key):
        return ADDRESS
    if _PLAIN_HEADERS.match(key):
        return UNKNOWN
    if key == "cookie":
        return raw("header:cookie")
    if _SAYS_WHO.search(key):
        return claim(f"header:{key}")
    # a header of the project's own that decides between 401 or 403 and an answer is its credential, whatever its name
    own = key.startswith("x-") and not _DESCRIBES.search(key)
    return raw(f"header:{key}", weak=not own and not _STRONG.search(key))


def _field(place: str, key: str) -> Thing:
    if place == "body" and _LOGIN.match(key):
        return raw(f"login:{key}")
    if place == "query" and _LOGIN.match(key) and "passw" in key:
        return raw(f"login:{key}")
    return raw(f"{place}:{key}") if _STRONG.search(key) and not _NAMES_ONE.search(key) else UNKNOWN


def item(holder: str, key: str | None) -> Thing:
    """``headers["X-Api-Key"]``, ``session["user_id"]``, ``app.config["LOGIN_DISABLED"]``, ``scope["path"]``."""
    if holder in ("header", "cookie", "query", "path", "body"):
        return credential(holder, key)
    if holder == "session":
        return _session(key)
    if holder == "config":
        return flag(key or "a setting")
    if key is None:
        return UNKNOWN
    if holder == "kwargs":
        return REQUEST if key in ("request", "req", "websocket") else ANYBODY if is_identity(key) and "token" not in key else parameter(key)
    if holder in ("g", "state"):
        return ANYBODY if is_identity(key) else REQUEST if key == "request" else UNKNOWN
    if holder == "scope":
        return Thing("part", key) if key in ("path", "method", "type", "raw_path") else _SCOPE.get(key, UNKNOWN)
    return _environ(key) if holder == "environ" else UNKNOWN


def _session(key: str | None) -> Thing:
    """A session is signed: what is in it was put there by the application, so a stranger has nothing that tells who he is."""
    if key is None:
        return NOBODY
    low = key.lower()
    return NOBODY if _SESSION.search(low) and not _SESSION_NOT.search(low) else UNKNOWN


def _environ(key: str) -> Thing:
    if key.startswith("HTTP_"):
        return credential("header", key[5:])
    if key in ("REMOTE_ADDR", "REMOTE_HOST"):
        return ADDRESS
    if key in ("REMOTE_USER", "SSL_CLIENT_S_DN", "SSL_CLIENT_VERIFY"):
        return ANYBODY
    return Thing("part", {"PATH_INFO": "path", "REQUEST_METHOD": "method"}[key]) if key in ("PATH_INFO", "REQUEST_METHOD") else UNKNOWN


def parameter(name: str) -> Thing:
    """A parameter that the framework fills from path or query, by its name."""
    key = name.lower()
    return _field("query", key) if not _NOT.search(key) else UNKNOWN
