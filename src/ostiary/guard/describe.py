"""What the guard demands, in the words of OpenAPI 3.1: security schemes, what each operation takes, and its refusals."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ostiary.guard.authn.apikeys import NAME as API_KEY
from ostiary.guard.authn.basic import NAME as BASIC
from ostiary.guard.authn.certificate import NAME as CERTIFICATE
from ostiary.guard.authn.own import Own
from ostiary.guard.authn.statics import NAME as STATIC_KEY
from ostiary.guard.tokens import NAME as TOKEN
from ostiary.wire.problem import CONTENT_TYPE

if TYPE_CHECKING:
    from ostiary.guard.authn import Authenticator, Reader
    from ostiary.guard.policies import Compiled

APIKEY = "ApiKey"
_BEARER, _OAUTH = "Bearer", "OAuth2"
_SIGNATURE, _WEBHOOK = "Signature", "Webhook"
_NAMES = {API_KEY: APIKEY, STATIC_KEY: APIKEY, BASIC: "Basic", CERTIFICATE: "Certificate", TOKEN: _OAUTH}
_SCHEMES: dict[str, dict[str, Any]] = {
    _BEARER: {"type": "http", "scheme": "bearer"},
    "Basic": {"type": "http", "scheme": "basic", "description": "The id of a key, and the key."},
    "Certificate": {"type": "mutualTLS"},
    _SIGNATURE: {
        "type": "http",
        "scheme": "Signature",
        "description": "The request is signed: HTTP Message Signatures (RFC 9421) with the tag ostiary, or HMAC by the simple scheme.",
    },
    _WEBHOOK: {"type": "http", "scheme": "Signature", "description": "The sender signs each delivery with the secret of its webhook."},
}
PROBLEM: dict[str, Any] = {
    "title": "Problem",
    "description": "A refusal (RFC 9457).",
    "type": "object",
    "required": ["type", "title", "status", "code", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "request_id": {"type": "string"},
    },
}
_REFUSALS = {
    "401": "No credential was sent, or none that is good.",
    "403": "The credential may not do this, or not from here.",
    "429": "Too many calls: wait for as long as Retry-After says.",
}


def describe(document: dict[str, Any], header: str, policies: Iterable[Compiled], token_path: str = "") -> None:
    """Writes into an OpenAPI document what these policies demand. What the app has written there itself stays.

    ``header`` is the one that carries keys, ``token_path`` where one is exchanged for a token.
    """
    components = document.setdefault("components", {})
    used: set[str] = set()
    scopes: set[str] = set()
    for compiled in policies:
        operation = document.get("paths", {}).get(compiled.template, {}).get(compiled.method.lower())
        if operation is None or not compiled.policy.declared:
            continue
        if compiled.lifecycle is not None:
            operation["deprecated"] = True
        if not compiled.policy.public and compiled.delegate is None:
            used |= _secure(operation, compiled)
            scopes.update(compiled.policy.scopes)
        _refuse(operation, compiled)
        components.setdefault("schemas", {}).setdefault("Problem", PROBLEM)
    schemes = {APIKEY: {"type": "apiKey", "in": "header", "name": header}, **_SCHEMES}
    flow = {"tokenUrl": token_path, "scopes": dict.fromkeys(sorted(scopes), "")}
    schemes[_OAUTH] = {"type": "oauth2", "flows": {"clientCredentials": flow}}
    for name in sorted(used):
        components.setdefault("securitySchemes", {}).setdefault(name, schemes[name])


def _secure(operation: dict[str, Any], compiled: Compiled) -> set[str]:
    """Any of the schemes, each with the scopes. An operation with schemes of the app's own keeps them."""
    if any(APIKEY not in one for one in operation.get("security", ())):
        return set()
    scopes = list(compiled.policy.scopes)
    ways: tuple[Authenticator | Reader, ...] = (*compiled.authenticators, *compiled.readers)
    names = dict.fromkeys(_NAMES.get(one.name, _BEARER) for one in ways if not isinstance(one, Own))
    signed = compiled.signature
    if compiled.webhook is not None or (signed is not None and signed.required):
        names = {}
    if compiled.webhook is not None or signed is not None:
        names[_WEBHOOK if compiled.webhook is not None else _SIGNATURE] = None
    operation["security"] = [{name: scopes} for name in names]
    return set(names)


def _refuse(operation: dict[str, Any], compiled: Compiled) -> None:
    limited = bool(compiled.by_address or compiled.by_principal or compiled.plans)
    wanted = [status for status in _REFUSALS if (limited if status == "429" else not compiled.policy.public)]
    content = {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for status in wanted:
        operation.setdefault("responses", {}).setdefault(status, {"description": _REFUSALS[status], "content": content})
