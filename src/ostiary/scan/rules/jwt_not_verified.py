"""A JSON Web Token that is read without checking who signed it."""

from __future__ import annotations

from ostiary.model.finding import Confidence
from ostiary.scan.code.ir import Expr, Function, dotted, last_name, walk
from ostiary.scan.code.sites import Call
from ostiary.scan.code.values import Const, Map, Seq, Value
from ostiary.scan.rules import Found, Rule
from ostiary.scan.rules._flows import Flow, text_of
from ostiary.scan.rules._sources import credential
from ostiary.scan.rules._words import listed, words

rule = Rule("jwt-not-verified")

_FIX = 'Verify before reading a claim, with one algorithm that you chose:\njwt.decode(token, KEY, algorithms=["HS256"])'
_LIBRARIES = ("jwt.", "jose.", "authlib.", "joserfc.", "flask_jwt_extended.")
_PEEKS = frozenset({"iss", "kid", "exp", "iat", "alg", "aud", "typ", "nbf", "tid", "header"})


@rule.on_call("decode", "decode_complete", "decode_token")
def decoded(call: Call) -> Found:
    """``options={"verify_signature": False}``, ``verify=False``, an algorithm list with ``none`` in it."""
    why = _why(call)
    if why is None or not _is_jwt(call):
        return
    yield rule.finding(f"{why}: anybody can write the claims", call, _confidence(call), fix=_FIX)


@rule.on_call("get_unverified_claims", "get_unverified_jwt_claims")
def claims(call: Call) -> Found:
    """python-jose's way of saying so."""
    yield rule.finding("the claims are read without verifying the signature", call, _confidence(call), fix=_FIX)


@rule.on_call("extract_compact", "extract_json")
def extracted(call: Call) -> Found:
    """joserfc's way of saying so."""
    if call.name.startswith("joserfc."):
        yield rule.finding("the content is read without verifying the signature", call, _confidence(call), fix=_FIX)


@rule.on_call("b64decode", "urlsafe_b64decode", "base64url_decode")
def by_hand(call: Call) -> Found:
    """``base64.urlsafe_b64decode(token.split(".")[1])``: the payload, whoever wrote it."""
    part = call.arg(0)
    flow = Flow.at(call)
    if part is not None and any(_is_payload(flow, flow.expand(node)) for node in walk(part) if node[0] in ("sub", "name")):
        confidence = Confidence.LOW if _verified_elsewhere(call.function, call.expr) or _only_peeks(call) else Confidence.MEDIUM
        yield rule.finding("the payload of a token is decoded by hand, and its signature is not verified", call, confidence, fix=_FIX)


def _is_payload(flow: Flow, expr: Expr) -> bool:
    """The second part of something called a token that was split at its dots."""
    if expr[0] != "sub" or expr[3][0] != "const" or expr[3][2] != 1:
        return False
    split = flow.expand(expr[2])
    at_dots = (
        split[0] == "call" and last_name(split) == "split" and split[2][0] == "attr" and text_of(split[3][0] if split[3] else None) == "."
    )
    return at_dots and bool({"token", "jwt", "credentials", "bearer"} & set(words(last_name(split[2][2]))))


def _why(call: Call) -> str | None:
    options = call.arg(None, "options")
    if options is None and len(call.expr[3]) > 3:
        options = call.expr[3][3]
    if options is not None and _off(call, options):
        return "the signature is not verified"
    verify = call.arg(None, "verify")
    if verify is None and len(call.expr[3]) > 2 and call.expr[3][2][0] == "const":
        verify = call.expr[3][2]
    if verify is not None and _is_false(call, verify):
        return "the signature is not verified"
    algorithms = call.arg(2, "algorithms") or call.arg(None, "algorithm")
    if algorithms is not None and algorithms[0] == "seq" and not algorithms[3] and call.name.startswith("joserfc."):
        return "an empty list accepts every algorithm"
    return "the algorithm none is accepted" if algorithms is not None and _accepts_none(call, algorithms) else None


def _off(call: Call, options: Expr) -> bool:
    if options[0] == "dict":
        return any(text_of(key) == "verify_signature" and _is_false(call, value) for key, value in zip(options[2], options[3], strict=True))
    if options[0] not in ("name", "attr", "call"):
        return False
    value = call.value(options)
    return isinstance(value, Map) and value.items.get("verify_signature") == Const(False)


def _is_false(call: Call, expr: Expr) -> bool:
    if expr[0] == "const":
        return expr[2] is False
    return expr[0] in ("name", "attr") and call.value(expr) == Const(False)


def _accepts_none(call: Call, expr: Expr) -> bool:
    if expr[0] == "str":
        return str(expr[2]).lower() == "none"
    if expr[0] == "seq":
        return any(item[0] == "str" and item[2].lower() == "none" for item in expr[3])
    return _has_none(call.value(expr)) if expr[0] in ("name", "attr") else False


def _has_none(value: Value) -> bool:
    return isinstance(value, Seq) and any(
        isinstance(item, Const) and str(item.value).lower() == "none" and item.value is not None for item in value.items
    )


def _is_jwt(call: Call) -> bool:
    written = dotted(call.expr[2]).lower()
    return "jwt" in written or "jws" in written or "jose" in written or call.name.startswith(_LIBRARIES)


def _confidence(call: Call) -> Confidence:
    """Low beside a decode that verifies, or where only routing claims are read; medium where the token is not the caller's."""
    if _verified_elsewhere(call.function, call.expr) or _only_peeks(call):
        return Confidence.LOW
    token = call.arg(0, "token") or call.arg(None, "jwt")
    if token is None:
        return Confidence.MEDIUM
    flow = Flow.at(call)
    if flow.trace(token, credential) is not None:
        return Confidence.HIGH
    origin = flow.expand(token)
    found = flow.define(origin) if origin[0] == "name" else None
    return Confidence.HIGH if found is not None and found.how == "param" else Confidence.MEDIUM


_VERIFIERS = listed(
    "verify verify_token validate_token verify_jwt verify_signature verify_oauth2_token verify_id_token verify_firebase_token"
)


def _verified_elsewhere(function: Function, this: Expr) -> bool:
    for call in function.calls:
        last = last_name(call[2])
        if call is this:
            continue
        if last in _VERIFIERS or _decodes_by_name(last):
            return True
        if last in ("decode", "decode_complete") and "jwt" in dotted(call[2]).lower() and not _weak(call):
            return True
    return False


def _decodes_by_name(name: str) -> bool:
    """``_decode_jwt``, ``verify_access_token``: a function of the project's that does the rest."""
    parts = set(words(name))
    return bool(parts & {"decode", "verify", "validate"} and parts & {"jwt", "token"}) and "unverified" not in parts


def _weak(call: Expr) -> bool:
    """A decode that turns verification off as written."""
    for name, value in call[4]:
        if name == "options" and value[0] == "dict" and _turns_off(value):
            return True
        if name == "verify" and value[0] == "const" and value[2] is False:
            return True
    return False


def _turns_off(options: Expr) -> bool:
    pairs = zip(options[2], options[3], strict=True)
    return any(text_of(k) == "verify_signature" and v[0] == "const" and v[2] is False for k, v in pairs)


def _only_peeks(call: Call) -> bool:
    """Every claim that the function reads by name serves to choose a key or a time."""
    read = {text_of(c[3][0]) for c in call.function.calls if last_name(c[2]) == "get" and c[3]} - {None}
    read |= {text_of(e[3]) for e in _subscripts(call.function)} - {None}
    return bool(read) and read <= _PEEKS


def _subscripts(function: Function) -> list[Expr]:
    return [node for node in walk(function.body) if node[0] == "sub"]
