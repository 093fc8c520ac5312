"""What a side of a comparison holds when the program runs: text, text or None, bytes, something from a JSON body, or nobody knows."""

from __future__ import annotations

from enum import StrEnum

from ostiary.scan.code.ir import Expr, Param, Stmt, last_name
from ostiary.scan.code.values import Cls, Const, Either, Obj, Value
from ostiary.scan.rules._flows import Flow
from ostiary.scan.rules._settings import from_environment
from ostiary.scan.rules._sources import marker_of, names_in, read_of, request_part
from ostiary.scan.rules._words import listed


class Kind(StrEnum):
    TEXT = "text"
    MAYBE = "text or None"
    BYTES = "bytes"
    JSON = "anything that JSON can say"
    ANY = "not known"


_DEPTH = 8
_SAME = listed("strip lstrip rstrip lower upper removeprefix removesuffix replace casefold title join ljust rjust zfill")
_TEXT = listed("hexdigest decode format get_secret_value str hex")
_BYTES = listed("encode digest b64encode urlsafe_b64encode bytes b64decode urlsafe_b64decode unhexlify fromhex token_bytes")
_PARTS = listed("split rsplit partition rpartition splitlines")
_CREDENTIALS = listed("HTTPAuthorizationCredentials HTTPBasicCredentials OAuth2PasswordRequestForm OAuth2PasswordRequestFormStrict")
_JSON = ("get_json()", "json()", ".json", "json")


def kind_of(flow: Flow, expr: Expr, depth: int = _DEPTH) -> Kind:
    """Only what is sure; ANY otherwise."""
    expr = flow.expand(expr)
    if depth == 0:
        return Kind.ANY
    tag = expr[0]
    if tag in ("str", "fstr"):
        return Kind.TEXT
    if tag == "const":
        return Kind.BYTES if type(expr[2]) is bytes else Kind.ANY
    if tag in ("call", "sub"):
        return _read(flow, expr) or (_call(flow, expr, depth) if tag == "call" else _part(flow, expr, depth))
    if tag == "bin" and expr[2] in ("+", "%"):
        sides = [kind_of(flow, side, depth - 1) for side in expr[3:5]]
        return next((kind for kind in (Kind.TEXT, Kind.BYTES) if kind in sides), Kind.ANY)
    if tag == "bool" and expr[2] == "or":
        sides = [kind_of(flow, side, depth - 1) for side in expr[3]]
        return sides[-1] if all(side in (Kind.TEXT, Kind.MAYBE, sides[-1]) for side in sides) else Kind.ANY
    if tag == "walrus":
        return kind_of(flow, expr[3], depth - 1)
    if tag == "name":
        return _name(flow, expr)
    return _attribute(flow, expr) if tag == "attr" else Kind.ANY


def _read(flow: Flow, expr: Expr) -> Kind | None:
    """Of the request, of the environment."""
    read = read_of(expr)
    if read is None:
        return None
    path = flow.path(read[0])
    if path.rpartition(".")[2] == "environ":
        return _with_default(expr)
    part = request_part(flow, read[0])
    if part is None:
        return None
    if part == "field" and path.endswith(_JSON):
        return Kind.JSON
    return _with_default(expr) if last_name(expr[2]) != "getlist" else Kind.ANY


def _with_default(expr: Expr) -> Kind:
    if expr[0] == "sub":
        return Kind.TEXT
    default = expr[3][1] if len(expr[3]) > 1 else next((value for name, value in expr[4] if name == "default"), None)
    if any(name == "type" for name, _ in expr[4]):
        return Kind.ANY
    if default is None or (default[0] == "const" and default[2] is None):
        return Kind.MAYBE
    return Kind.TEXT if default[0] in ("str", "fstr") else Kind.ANY


def _call(flow: Flow, expr: Expr, depth: int) -> Kind:
    name, func = last_name(expr[2]), expr[2]
    if name == "getenv":
        return _with_default(expr)
    if name in _BYTES:
        return Kind.BYTES
    if name in _TEXT:
        return Kind.TEXT
    if func[0] == "attr" and name in _SAME:
        inner = kind_of(flow, func[2], depth - 1)
        # called on None it raises, so what comes out is text
        return Kind.TEXT if inner is Kind.MAYBE else inner
    return Kind.ANY


def _part(flow: Flow, expr: Expr, depth: int) -> Kind:
    """``header[7:]``, ``header.split()[1]``."""
    base = flow.expand(expr[2])
    if base[0] == "call" and last_name(base[2]) in _PARTS and base[2][0] == "attr":
        base = base[2][2]
    elif expr[3][0] != "slice":
        return Kind.ANY
    inner = kind_of(flow, base, depth - 1)
    return Kind.TEXT if inner is Kind.MAYBE else inner


def _name(flow: Flow, expr: Expr) -> Kind:
    found = flow.define(expr)
    if found is None:
        return _value(flow.world.value(expr, flow.world.inside(flow.function)))
    if found.param is None or found.function is None:
        return Kind.ANY
    known = _annotated(found.param.annotation)
    if known is Kind.TEXT and found.param.default is not None and found.param.default[0] == "const" and found.param.default[2] is None:
        return Kind.MAYBE
    if known is not Kind.ANY:
        return Kind.MAYBE if known is Kind.TEXT and _optional_marker(flow, found.param) else known
    marker = marker_of(flow, found.function, found.param)
    return Kind.MAYBE if marker is not None and last_name(marker.call[2]) in ("Header", "Cookie", "Query", "Form") else Kind.ANY


def _optional_marker(flow: Flow, param: Param) -> bool:
    """``key: str = Header(None)`` lies about the None; so does a scheme with ``auto_error=False``."""
    marker = marker_of(flow, flow.function, param)
    if marker is None:
        return False
    if last_name(marker.call[2]) in ("Depends", "Security"):
        return True
    default = marker.args[0] if marker.args else marker.kwargs.get("default")
    return isinstance(default, Const) and default.value is None


def _annotated(annotation: Expr | None) -> Kind:
    """``str``, ``str | None``, ``Optional[str]``, ``Annotated[str, …]``, ``bytes``."""
    if annotation is None:
        return Kind.ANY
    if annotation[0] == "sub" and last_name(annotation[2]) == "Annotated" and annotation[3][0] == "seq":
        return _annotated(annotation[3][3][0])
    if annotation[0] == "sub" and last_name(annotation[2]) == "Optional":
        return Kind.MAYBE if _annotated(annotation[3]) is Kind.TEXT else Kind.ANY
    if annotation[0] == "bin" and annotation[2] == "|":
        sides = annotation[3:5]
        is_none = [side[0] == "const" and side[2] is None for side in sides]
        other = sides[is_none.index(False)] if True in is_none and False in is_none else None
        return Kind.MAYBE if _annotated(other) is Kind.TEXT else Kind.ANY
    name = last_name(annotation) if annotation[0] in ("name", "attr") else ""
    return Kind.TEXT if name == "str" else Kind.BYTES if name == "bytes" else Kind.ANY


def _value(value: Value) -> Kind:
    """A name of the module, or of another one."""
    options = value.options if isinstance(value, Either) else (value,)
    kinds = {_constant(option) for option in options}
    if kinds == {Kind.TEXT, Kind.MAYBE}:
        return Kind.MAYBE
    return kinds.pop() if len(kinds) == 1 else Kind.ANY


def _constant(value: Value) -> Kind:
    if isinstance(value, Const):
        return Kind.TEXT if isinstance(value.value, str) else Kind.BYTES if isinstance(value.value, bytes) else Kind.ANY
    found = from_environment(value)
    if found is None:
        return Kind.ANY
    _, default, raises = found
    if raises or (isinstance(default, Const) and isinstance(default.value, str)):
        return Kind.TEXT
    return Kind.MAYBE if default is None or (isinstance(default, Const) and default.value is None) else Kind.ANY


def _attribute(flow: Flow, expr: Expr) -> Kind:
    base = flow.expand(expr[2])
    found = flow.define(base) if base[0] == "name" else None
    annotation = found.param.annotation if found is not None and found.param is not None else None
    if annotation is not None and annotation[0] != "str" and set(names_in(annotation)) & _CREDENTIALS:
        return Kind.TEXT
    kind = _value(flow.world.value(expr, flow.world.inside(flow.function)))
    return kind if kind is not Kind.ANY else _field(flow, expr)


def _field(flow: Flow, expr: Expr) -> Kind:
    """A field of a class of the tree that says its type: pydantic holds them to it."""
    value = flow.world.value(expr[2], flow.world.inside(flow.function))
    for option in value.options if isinstance(value, Either) else (value,):
        for base in flow.world.bases(option) if isinstance(option, (Obj, Cls)) else ():
            found = next((s for s in base.cls.body if _declares(s, expr[3])), None) if isinstance(base, Cls) else None
            if found is not None:
                none = found[3] is not None and found[3][0] == "const" and found[3][2] is None
                known = _annotated(found[4])
                return Kind.MAYBE if none and known is Kind.TEXT else known
    return Kind.ANY


def _declares(stmt: Stmt, name: str) -> bool:
    return stmt[0] == "assign" and stmt[4] is not None and stmt[2][0][0] == "name" and stmt[2][0][2] == name
