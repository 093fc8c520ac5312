"""Which identifiers, header names and parameter names name a secret, judged by their words."""

from __future__ import annotations

from functools import lru_cache

from ostiary.scan.lazy import Pattern

SURE, MAYBE, NO = 2, 1, 0


def listed(text: str) -> frozenset[str]:
    """The words of a text as a set."""
    return frozenset(text.split())


_WORD = Pattern(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SURE_NOUNS = listed("password passwd passphrase passcode secret apikey secretkey privatekey accesskey authtoken pepper pwd")
_SURE_KEYS = listed(
    "api secret access private signing encryption auth master admin jwt hmac fernet account service webhook partner payment crypto"
)
_SURE_TOKENS = listed("auth access api bearer admin refresh bot jwt secret id bearer user login session service deploy personal")
_MAYBE_NOUNS = listed("key token pass salt jwt credential credentials auth bearer")
_PLURALS = {"keys": "key", "tokens": "token", "passwords": "password", "secrets": "secret", "apikeys": "apikey"}
_NOT_KEYS = listed(
    "primary foreign cache sort partition public lookup dict session object unique row index group metric config setting"
    " storage i18n translation message routing idempotency state event item data field parent natural composite json map hot"
    " short query search select order filter sql s3 bucket file entity resource user redis context rate limit feature flag"
    " prefix site publishable hash ssh host pub registry reg env environment arg kwarg param memo lock tag label shard space"
    " name type attribute attr task job"
)
_TRAILERS = listed(
    "hmac default value dev development prod production local staging fallback old new current str string v raw clear plain env"
)
_NEGATIONS = listed(
    "has is show use uses require requires required needs no missing num count max min with without enable enabled allow"
    " can should must check validate verify wrong bad invalid hashed hash encrypted masked redacted forgot forget lost"
    " change reset update set unset get test tests testing dummy fake example mock sample placeholder public csrf xsrf"
    " confirm encoded total prompt input ask expired"
)


@lru_cache(maxsize=16384)
def words(name: str) -> tuple[str, ...]:
    """``myApiKey2`` and ``MY_API_KEY_2`` → ("my", "api", "key", "2")."""
    return tuple(word.lower() for word in _WORD.findall(name))


@lru_cache(maxsize=16384)
def names_secret(name: str) -> int:
    """SURE for ``PAYMENT_API_KEY``, MAYBE for ``token`` and ``feed_key``, NO for ``token_url`` and ``primary_key``."""
    parts = _core(words(name))
    if not parts or _NEGATIONS & set(parts):
        return NO
    last = _PLURALS.get(parts[-1], parts[-1])
    before = parts[-2] if len(parts) > 1 else ""
    if last in _SURE_NOUNS:
        return SURE
    if last == "key":
        return SURE if before in _SURE_KEYS else NO if before in _NOT_KEYS else MAYBE
    if last == "token":
        return SURE if before in _SURE_TOKENS else MAYBE
    return MAYBE if last in _MAYBE_NOUNS else NO


@lru_cache(maxsize=4096)
def signs_sessions(name: str) -> bool:
    """The name of a key that signs sessions or tokens: any literal in it, however weak, is the key in force."""
    parts = _core(words(name))
    return parts[-2:] in {
        ("secret", "key"),
        ("jwt", "secret"),
        ("session", "secret"),
        ("jwt", "key"),
        ("signing", "key"),
        ("app", "secret"),
    } or parts == ("secret",)


def _core(parts: tuple[str, ...]) -> tuple[str, ...]:
    end = len(parts)
    while end > 1 and (parts[end - 1] in _TRAILERS or parts[end - 1].isdigit()):
        end -= 1
    return parts[:end]


_HEADERS = frozenset(
    {"authorization", "proxy-authorization", "cookie", "x-auth", "x-access", "x-amzn-oidc-data", "x-goog-iap-jwt-assertion"}
)
_HEADER_NOUNS = listed("key token secret apikey password auth authorization jwt bearer credential credentials")
_COOKIE_NOUNS = listed("token session sid jwt auth key secret sessionid")
_NOT_CREDENTIAL = listed(
    "idempotency csrf xsrf push device fcm apns captcha recaptcha sec websocket hcaptcha turnstile method type next page"
)


@lru_cache(maxsize=4096)
def header_is_credential(name: str) -> bool:
    """``Authorization``, ``X-API-Key``, ``x_admin_token``; not ``Idempotency-Key``."""
    lower = name.lower()
    parts = words(lower.replace("apikey", "api-key"))
    return lower in _HEADERS or (bool(parts) and parts[-1] in _HEADER_NOUNS and not _NOT_CREDENTIAL & set(parts))


@lru_cache(maxsize=4096)
def cookie_is_credential(name: str) -> bool:
    parts = words(name)
    return bool(parts) and parts[-1] in _COOKIE_NOUNS and not _NOT_CREDENTIAL & set(parts)


@lru_cache(maxsize=4096)
def field_is_credential(name: str) -> bool:
    """A body field or query parameter that holds a secret: ``password``, ``client_secret``, ``otp``."""
    parts = words(name)
    if not parts or _NOT_CREDENTIAL & set(parts):
        return False
    return names_secret(name) > NO or parts[-1] in ("otp", "totp", "pin")
