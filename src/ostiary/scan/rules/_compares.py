"""A comparison of what the caller sent with what the server keeps."""

from __future__ import annotations

import re
from functools import lru_cache

from ostiary.scan.code.ir import Expr, last_name
from ostiary.scan.lazy import Pattern
from ostiary.scan.records import record
from ostiary.scan.rules._flows import Flow, Source, text_of
from ostiary.scan.rules._sources import credential, read_of, submitted
from ostiary.scan.rules._words import NO, names_secret

_HASHED = Pattern(r"hash|digest|hexdigest|sha\d|md5|checksum|fingerprint|crypt|hmac", re.IGNORECASE)
_MEANT = Pattern(r"key|token|secret|passw|pwd|auth|cred|signature|otp|pin\b|apikey|bearer|jwt|header|cookie", re.IGNORECASE)


@record(frozen=True)
class Pair:
    """``given`` is the side that the caller fills, ``source`` where it comes from; ``kept`` the server's side."""

    given: Expr
    kept: Expr
    source: Source


def pair(flow: Flow, left: Expr, right: Expr) -> Pair | None:
    """The two sides when exactly one of them is the caller's credential; None when neither or both are."""
    if not (worth(left) or worth(right)):
        return None
    first, second = flow.trace(left, credential), flow.trace(right, credential)
    if (first is None) == (second is None):
        return None
    if first is not None:
        return Pair(left, right, first) if not submitted(flow, right) else None
    return Pair(right, left, second) if second is not None and not submitted(flow, left) else None


@lru_cache(maxsize=65536)
def _means(name: str) -> bool:
    return _MEANT.search(name) is not None


def worth(expr: Expr) -> bool:
    """Cheap: an identifier or a key in it speaks of a credential."""
    for _ in range(6):
        read = read_of(expr)
        if read is not None and _means(read[1]):
            return True
        if expr[0] in ("name", "attr") and _means(last_name(expr)):
            return True
        if expr[0] in ("attr", "sub"):
            expr = expr[2]
        elif expr[0] == "call":
            expr = expr[2][2] if expr[2][0] == "attr" else expr[2]
        elif expr[0] == "bool":
            expr = expr[3][0]
        else:
            return False
    return False


def is_hashed(flow: Flow, expr: Expr, depth: int = 6) -> bool:
    """The expression is a digest: by a name in it or by the call that made it."""
    if depth == 0:
        return False
    expr = flow.expand(expr)
    tag = expr[0]
    if tag == "name":
        return _HASHED.search(expr[2]) is not None
    if tag == "attr":
        return _HASHED.search(expr[3]) is not None
    read = read_of(expr)
    if read is not None:
        return _HASHED.search(read[1]) is not None
    if tag == "call":
        return _HASHED.search(last_name(expr[2])) is not None or (expr[2][0] == "attr" and is_hashed(flow, expr[2][2], depth - 1))
    return any(is_hashed(flow, part, depth - 1) for part in (expr[3], expr[4])) if tag == "bin" else False


def is_kept(expr: Expr) -> bool:
    """What a server can keep: not None, a flag, a number, a literal, an empty container."""
    if expr[0] in ("const", "str", "cmp", "not", "neg", "lambda"):
        return False
    return not (expr[0] == "call" and last_name(expr[2]) in ("len", "type", "int", "bool"))


def environment_read(expr: Expr) -> tuple[Expr, str] | None:
    """``os.getenv("KEY")`` as a read of the environment."""
    if expr[0] == "call" and last_name(expr[2]) == "getenv" and expr[3]:
        key = text_of(expr[3][0])
        return (expr[2], key) if key is not None else None
    return None


def looks_stored(expr: Expr) -> bool:
    """Named like a secret: ``API_KEY``, ``user.token``, ``config["KEY"]``."""
    if expr[0] == "fstr":
        return any(looks_stored(part) for part in expr[2] if part[0] != "str")
    read = read_of(expr) or environment_read(expr)
    return names_secret(read[1] if read is not None else last_name(expr)) > NO
