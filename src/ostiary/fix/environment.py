"""``os.environ["NAME"]``: a program that misses a secret stops instead of going on without it."""

from __future__ import annotations

import libcst as cst

from ostiary.fix.nodes import dotted, item, last_name
from ostiary.fix.plan import Declined, Need
from ostiary.fix.source import Source
from ostiary.fix.tree import require

OS = Need("os")


def read(name: str, quote: str) -> cst.BaseExpression:
    """The expression that reads a variable and raises when it is not set; the caller adds the need ``OS``."""
    return item(dotted("os.environ"), cst.SimpleString(f"{quote}{name}{quote}"))


def is_read(call: cst.Call) -> bool:
    """``os.getenv(…)``, ``os.environ.get(…)``, ``environ.get(…)``."""
    name = last_name(call.func)
    return name == "getenv" or (name == "get" and isinstance(call.func, cst.Attribute) and last_name(call.func.value) == "environ")


def key_of(call: cst.Call) -> str:
    """The variable that a call reads; of a constant its name; "" when it is computed."""
    key = call.args[0].value
    value = key.evaluated_value if isinstance(key, cst.SimpleString) else last_name(key)
    return value if isinstance(value, str) else ""


def required(source: Source, call: cst.Call) -> tuple[cst.BaseExpression, tuple[Need, ...]]:
    """The same read without a default, and what it needs."""
    if not call.args or call.args[0].star or call.args[0].keyword is not None:
        raise Declined("the variable's name is not in the call")
    key = call.args[0].value
    if isinstance(call.func, cst.Attribute) and call.func.attr.value == "get":
        return item(call.func.value, key), ()
    if isinstance(call.func, cst.Attribute):
        return item(cst.Attribute(call.func.value, cst.Name("environ")), key), ()
    return item(dotted("os.environ"), key), (require(source, OS),)
