"""Is a value one text, in which ``in`` searches for a part, or a collection, in which it looks for a member?"""

from __future__ import annotations

from ostiary.scan.code.ir import Expr, last_name
from ostiary.scan.code.values import Cls, Const, Either, Map, Obj, Seq, Value
from ostiary.scan.rules._flows import Flow
from ostiary.scan.rules._settings import from_environment
from ostiary.scan.rules._sources import names_in, read_of
from ostiary.scan.rules._words import listed, words

SURE, MAYBE, NO = 2, 1, 0
_TEXT_METHODS = listed(
    "strip lstrip rstrip lower upper encode decode replace removeprefix removesuffix read read_text get_secret_value join format"
)
_COLLECTION_WORDS = listed("list set dict map store db cache registry table allowed valid known lookup by per")


def is_text(flow: Flow, expr: Expr) -> int:
    """SURE when it is seen to be one text, MAYBE when only its name says so (``user.api_key``), NO for collections and what is not known."""
    expr = flow.expand(expr)
    tag = expr[0]
    if tag in ("str", "fstr"):
        return SURE
    if tag == "const":
        return SURE if isinstance(expr[2], bytes) else NO
    if tag == "bool":
        return max(is_text(flow, part) for part in expr[3])
    if tag == "call":
        return _call(expr)
    if tag == "sub":
        return _read(expr)
    return _named(flow, expr) if tag in ("name", "attr") else NO


def _call(expr: Expr) -> int:
    last = last_name(expr[2])
    if last in ("getenv", "str") or (last in _TEXT_METHODS and expr[2][0] == "attr"):
        return SURE
    return _read(expr)


def _read(expr: Expr) -> int:
    """``os.environ["KEY"]`` is a text; what a configuration holds under a singular name most likely is one."""
    read = read_of(expr)
    if read is None:
        return NO
    if last_name(read[0]) == "environ":
        return SURE
    return MAYBE if last_name(read[0]) in ("config", "settings", "env") and _is_singular(read[1]) else NO


def _named(flow: Flow, expr: Expr) -> int:
    value = flow.world.value(expr, flow.world.inside(flow.function))
    known = [_of_value(option) for option in (value.options if isinstance(value, Either) else (value,))]
    if SURE in known:
        return SURE
    if NO in known:
        return NO
    if expr[0] == "attr":
        declared = _annotation(flow, expr)
        if declared:
            return SURE if set(declared) & {"str", "bytes", "SecretStr"} and not set(declared) & {"list", "List", "set", "dict"} else NO
    return MAYBE if _is_singular(last_name(expr)) and expr[0] == "attr" else NO


def _of_value(value: Value) -> int | None:
    """None when the value tells nothing."""
    if isinstance(value, Const):
        return SURE if isinstance(value.value, (str, bytes)) else NO
    if isinstance(value, (Seq, Map)):
        return NO
    return SURE if from_environment(value) is not None else None


def _annotation(flow: Flow, expr: Expr) -> list[str]:
    """The type names that a class of the tree declares for ``obj.attribute``."""
    value = flow.world.value(expr[2], flow.world.inside(flow.function))
    for option in value.options if isinstance(value, Either) else (value,):
        for base in flow.world.bases(option) if isinstance(option, (Obj, Cls)) else ():
            for stmt in base.cls.body if isinstance(base, Cls) else ():
                if stmt[0] == "assign" and stmt[4] is not None and stmt[2][0][0] == "name" and stmt[2][0][2] == expr[3]:
                    return names_in(stmt[4]) if stmt[4][0] != "str" else [str(stmt[4][2])]
    return []


def _is_singular(name: str) -> bool:
    parts = words(name)
    return bool(parts) and not parts[-1].endswith("s") and not _COLLECTION_WORDS & set(parts)
