"""Which cookies hold a credential, and which of their attributes are missing.

``set_cookie`` takes the same arguments in the same order in Flask (Werkzeug), Starlette and Django; what is left out differs.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from ostiary.scan.code.ir import Expr, last_name
from ostiary.scan.code.sites import Call, Site
from ostiary.scan.code.values import Const, Default, Map, Value, text
from ostiary.scan.rules._flows import Flow, text_of
from ostiary.scan.rules._settings import minted
from ostiary.scan.rules._words import SURE, listed, names_secret, words

_HOLDS = listed("session sessionid sess sid token jwt auth apikey credential credentials remember bearer secret password")
_PAIRS = frozenset({("api", "key"), ("access", "key"), ("remember", "me")})
# "session_expires" and "auth_provider" are about one, "token_type" too
_ABOUT = listed(
    "csrf xsrf state nonce theme lang language locale expires expiry expire type provider method flag next page redirect timeout"
    " tab device name count hint status consent captcha analytics tracking utm referrer exists active enabled push color has is expired"
)
_LAST_NAMES = listed("name key")
_POSITIONS = {"secure": 6, "httponly": 7, "samesite": 8}
_TESTS = listed("client test_client cookies jar driver browser cookie_jar session requests")


def holds_credential(call: Call) -> tuple[str, bool] | None:
    """(what the cookie is called, surely) of a ``set_cookie`` that hands out a credential; None for any other."""
    key, value = call.arg(0, "key"), call.arg(1, "value")
    if key is None or value is None or _is_removed(call, value) or _is_client(call):
        return None
    name = text(call.value(key))
    said = name if name is not None else last_name(key)
    parts = set(words(said)) - (set() if name is not None else _LAST_NAMES)
    if parts & _ABOUT:
        return None
    if _names(said):
        return name or said, name is not None
    flow = Flow.at(call)
    made = flow.trace(value, minted)
    if made is not None or (value[0] in ("name", "attr") and names_secret(last_name(value)) == SURE):
        return name or said or "a cookie", False
    return None


def _names(name: str) -> bool:
    parts = words(name)
    return bool(_HOLDS & set(parts)) or any(pair in _PAIRS for pair in pairwise(parts))


def _is_removed(call: Call, value: Expr) -> bool:
    """An empty value, or one that expires at once, takes the cookie away."""
    return text_of(value) == "" or any(
        given is not None and call.value(given) == Const(0) for given in (call.arg(None, "max_age"), call.arg(None, "expires"))
    )


def _is_client(call: Call) -> bool:
    callee = call.expr[2]
    return callee[0] != "attr" or last_name(callee[2]) in _TESTS


def lacking(call: Call) -> tuple[str, ...] | None:
    """The attributes that the cookie lacks, of secure, httponly and samesite; None when the arguments cannot be followed."""
    given = _attributes(call)
    if given is None:
        return None
    return tuple(name for name in _POSITIONS if _lacks(name, given, is_starlette(call)))


def _attributes(call: Call) -> dict[str, Value] | None:
    found = {name: call.value(expr) for name, at in _POSITIONS.items() if (expr := call.arg(at, name)) is not None}
    for value in _spread(call):
        if not isinstance(value, Map) or not value.whole:
            return None
        found |= {name: item for name, item in value.items.items() if name in _POSITIONS}
    return found


def _spread(call: Call) -> Iterator[Value]:
    """What ``**`` and ``*`` stand before."""
    for name, expr in call.expr[4]:
        if name is None:
            yield call.value(expr)
    for expr in call.expr[3]:
        if expr[0] == "star":
            yield call.value(expr[2])


def _lacks(name: str, given: dict[str, Value], starlette: bool) -> bool:
    value = given.get(name)
    if value is None:
        return not (name == "samesite" and starlette)
    if not isinstance(value, Const) or isinstance(value, Default):
        return False
    return value.value is None or str(value.value).lower() == "none" if name == "samesite" else not value.value


def is_starlette(site: Site) -> bool:
    """The module's responses are Starlette's: its set_cookie says ``samesite="lax"`` unless told otherwise."""
    roots = {dotted.partition(".")[0] for level, dotted, _ in site.module.imports if not level}
    return bool(roots & {"fastapi", "starlette"}) and not roots & {"flask", "quart", "werkzeug"}
