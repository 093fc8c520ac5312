"""May the server's secret be unset, and may the caller's side be absent, when the two are compared?"""

from __future__ import annotations

from ostiary.scan.code.ir import ClassDef, Expr, Stmt, last_name
from ostiary.scan.code.values import Cls, Const, Either, Ext, Made, Obj, Value, name_of
from ostiary.scan.records import record
from ostiary.scan.rules._defs import end_of
from ostiary.scan.rules._flows import Flow, text_of
from ostiary.scan.rules._leaving import blocks, leaves
from ostiary.scan.rules._settings import from_environment
from ostiary.scan.rules._sources import marker_of, read_of

NONE, EMPTY, SPELT = "none", "empty", "spelt"
_SETTINGS_BASES = ("pydantic_settings.", "pydantic.BaseSettings", "pydantic.v1.BaseSettings")


@record(frozen=True)
class Unset:
    """``as_``: what an unset secret is: None, the empty string, or the word None inside an f-string. ``sure`` when the environment alone decides it."""

    name: str
    as_: str
    sure: bool = True


def unset(flow: Flow, expr: Expr) -> Unset | None:
    """How a stored secret looks when nobody set it; None when it is always there."""
    expr = flow.expand(expr)
    if expr[0] == "bool" and expr[2] == "or" and expr[3][-1][0] in ("str", "const") and not expr[3][-1][2]:
        inner = unset(flow, expr[3][0])
        return Unset(inner.name, EMPTY, inner.sure) if inner is not None else None
    if expr[0] == "fstr":
        inner = next((found for part in expr[2] if part[0] != "str" and (found := unset(flow, part)) is not None), None)
        return Unset(inner.name, SPELT, inner.sure) if inner is not None else None
    direct = _direct(expr)
    if direct is not None:
        return direct
    if expr[0] == "attr":
        found = _setting(flow, expr)
        if found is not None:
            return found
    if expr[0] not in ("name", "attr") or _refused_at_start(flow, expr):
        return None
    value = flow.world.value(expr, flow.world.inside(flow.function))
    return _unset_value(value)


def _direct(expr: Expr) -> Unset | None:
    """``os.getenv("KEY")``, ``os.environ.get("KEY", "")``, ``current_app.config.get("KEY")`` in place."""
    if expr[0] != "call" or not expr[3]:
        return None
    key, base = text_of(expr[3][0]), last_name(expr[2][2]) if expr[2][0] == "attr" else ""
    reads = last_name(expr[2]) == "getenv" or (last_name(expr[2]) == "get" and base in ("environ", "config"))
    if key is None or not reads:
        return None
    default = expr[3][1] if len(expr[3]) > 1 else next((v for k, v in expr[4] if k == "default"), None)
    as_ = NONE if default is None else _nothing(default)
    return Unset(key, as_, base != "config") if as_ is not None else None


def _nothing(default: Expr) -> str | None:
    if default[0] == "str":
        return None if default[2] else EMPTY
    return NONE if default[0] == "const" and default[2] is None else None


def _unset_value(value: Value) -> Unset | None:
    options = value.options if isinstance(value, Either) else (value,)
    if isinstance(value, Either) and any(isinstance(o, Const) and o.value for o in options):
        return None
    for option in options:
        found = from_environment(option)
        if found is None:
            continue
        key, default, raises = found
        if raises:
            continue
        if default is None or (isinstance(default, Const) and default.value is None):
            return Unset(key, NONE)
        if isinstance(default, Const) and default.value == "":
            return Unset(key, EMPTY)
    return None


def _setting(flow: Flow, expr: Expr) -> Unset | None:
    """A field of a pydantic settings class whose default is None or the empty string."""
    value = flow.world.value(expr[2], flow.world.inside(flow.function))
    for option in value.options if isinstance(value, Either) else (value,):
        bases = flow.world.bases(option) if isinstance(option, (Obj, Cls)) else ()
        if not is_settings(bases):
            continue
        for base in bases:
            as_ = _field_default(base.cls, expr[3]) if isinstance(base, Cls) else None
            if as_ is not None and isinstance(base, Cls) and not _validated(base.cls, expr[3]):
                return Unset(expr[3].upper(), as_)
    return None


def is_settings(bases: tuple[Value, ...]) -> bool:
    """A class with these bases reads its fields from the environment."""
    return any(isinstance(b, Ext) and b.name.startswith(_SETTINGS_BASES) for b in bases)


def _field_default(cls: ClassDef, name: str) -> str | None:
    for stmt in cls.body:
        if stmt[0] == "assign" and stmt[2][0][0] == "name" and stmt[2][0][2] == name and stmt[3] is not None:
            return _nothing(stmt[3])
    return None


def _validated(cls: ClassDef, name: str) -> bool:
    """A validator of the class speaks of the field."""
    for stmt in cls.body:
        if stmt[0] == "def" and any(last_name(d) in ("model_validator", "root_validator") for d in stmt[2].decorators):
            return True
        if stmt[0] == "def" and any(d[0] == "call" and any(text_of(a) == name for a in d[3]) for d in stmt[2].decorators):
            return True
    return False


def _refused_at_start(flow: Flow, expr: Expr) -> bool:
    """``if not API_KEY: raise RuntimeError`` at the top of the module that the name comes from, or of this one."""
    name = last_name(expr)
    return any(_tests(stmt, name) for stmt in _top_statements(flow, expr))


def _top_statements(flow: Flow, expr: Expr) -> list[Stmt]:
    own = [*flow.function.module.body]
    base = expr[2] if expr[0] == "attr" else None
    value = flow.world.value(base, flow.world.inside(flow.function)) if base is not None else None
    module = getattr(value, "module", None)
    return own + (list(module.body) if module is not None and module is not flow.function.module else [])


def _tests(stmt: Stmt, name: str) -> bool:
    if stmt[0] == "if":
        return leaves(stmt[3]) and name in _names(stmt[2])
    return stmt[0] == "assert" and name in _names(stmt[2])


def _names(test: Expr) -> set[str]:
    if test[0] in ("name", "attr"):
        return {last_name(test)}
    if test[0] == "call":
        return {name for arg in (test[2], *test[3]) for name in _names(arg)}
    if test[0] == "cmp":
        return {name for side in (test[2], *test[4]) for name in _names(side)}
    if test[0] == "not":
        return _names(test[2])
    if test[0] == "fstr":
        return {name for part in test[2] for name in _names(part)}
    if test[0] in ("bool", "seq"):
        return {name for part in test[3] for name in _names(part)}
    read = read_of(test)
    return {read[1]} if read is not None else set()


def may_be_absent(flow: Flow, given: Expr, as_: str) -> bool:
    """The caller can make this side None (``as_`` none) or empty."""
    source = flow.expand(given)
    if as_ == SPELT:
        return True
    if source[0] == "name":
        return _parameter_may_be(flow, source, as_)
    if source[0] == "bool" and source[2] == "or":
        return as_ == EMPTY
    if (
        source[0] == "call"
        and source[2][0] == "attr"
        and source[2][3] in ("removeprefix", "replace", "strip", "lstrip", "split", "partition")
    ):
        return as_ == EMPTY and may_be_absent(flow, source[2][2], EMPTY)
    read = read_of(source)
    if read is None:
        return False
    if source[0] == "sub":
        return as_ == EMPTY
    default = source[3][1] if len(source[3]) > 1 else None
    return as_ == EMPTY or default is None or _nothing(default) == NONE


def _parameter_may_be(flow: Flow, name: Expr, as_: str) -> bool:
    found = flow.define(name)
    if found is None or found.param is None or found.function is None:
        return False
    marker = marker_of(flow, found.function, found.param)
    if marker is None:
        return False
    kind = name_of(marker).rpartition(".")[2]
    if kind in ("Depends", "Security"):
        return _optional_scheme(marker) and as_ == NONE
    default = marker.args[0] if marker.args else marker.kwargs.get("default")
    given_default = found.param.default
    if given_default is not None and given_default[0] == "const" and given_default[2] is None:
        default = Const(None)
    return as_ == EMPTY or (isinstance(default, Const) and default.value is None)


def _optional_scheme(marker: Made) -> bool:
    """``auto_error=False`` hands None to the handler."""
    target = marker.args[0] if marker.args else None
    kwargs = target.kwargs if isinstance(target, (Made, Obj)) else {}
    auto = kwargs.get("auto_error")
    return isinstance(auto, Const) and auto.value is False


def guarded(flow: Flow, at: int, sides: tuple[Expr, Expr]) -> bool:
    """Before the place, or in the same condition, one of the sides is tested to be there."""
    forms = [form for side in sides for form in (side, flow.expand(side))]
    wanted = {name for form in forms for name in _names(form)} | {read[1] for form in forms if (read := read_of(form)) is not None}
    return bool(wanted) and _guards(flow.function.body, at, wanted)


def _guards(body: tuple[Stmt, ...], at: int, wanted: set[str]) -> bool:
    for stmt in body:
        if stmt[1] > at:
            return False
        if stmt[0] == "if":
            tested = _true_names(stmt[2])
            within = bool(stmt[3]) and stmt[3][0][1] <= at and (not stmt[4] or at < stmt[4][0][1])
            if tested & wanted and (within or stmt[2][1] <= at <= end_of(stmt[2])):
                return True
            if leaves(stmt[3]) and _missing_names(stmt[2], at) & wanted and at > stmt[3][0][1]:
                return True
            if leaves(stmt[3]) and stmt[2][1] <= at <= end_of(stmt[2]) and _missing_names(stmt[2], at) & wanted:
                return True
        if stmt[0] in ("return", "expr", "assign") and stmt[1] <= at and _together(stmt, at, wanted):
            return True
        if any(_guards(block, at, wanted) for block in blocks(stmt)):
            return True
    return False


def _together(stmt: Stmt, at: int, wanted: set[str]) -> bool:
    value = stmt[3] if stmt[0] == "assign" else stmt[2]
    return value is not None and value[0] == "bool" and value[1] <= at <= end_of(value) and bool(_true_names(value) & wanted)


def _true_names(test: Expr) -> set[str]:
    """Names that are truthy wherever the test holds."""
    if test[0] in ("name", "attr", "walrus"):
        return {test[2] if test[0] == "walrus" else last_name(test)}
    if test[0] == "cmp" and test[3] in (("is not",), ("!=",)) and test[4][0][0] in ("const", "str"):
        return _names(test[2])
    if test[0] == "bool" and test[2] == "and":
        return {name for part in test[3] for name in _true_names(part)}
    if test[0] == "call" and last_name(test[2]) in ("bool", "all") and test[3]:
        return _names(test[3][0])
    read = read_of(test)
    return {read[1]} if read is not None else set()


def _missing_names(test: Expr, at: int) -> set[str]:
    """Names whose absence makes the test hold: ``not key or key != KEY``, ``key is None``, ``not (key and KEY)``."""
    if test[0] == "not":
        return _true_names(test[2])
    if test[0] == "cmp":
        empty = test[4][0][0] in ("const", "str") and not test[4][0][2]
        return _names(test[2]) if test[3] in (("is",), ("==",)) and empty else set()
    if test[0] == "bool" and test[2] == "or":
        return {name for part in test[3] for name in _missing_names(part, at)}
    return set()
