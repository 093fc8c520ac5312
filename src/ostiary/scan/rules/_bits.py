"""How many random bits a value of the system's generator holds, read from the call that makes it and from what is cut off."""

from __future__ import annotations

import math

from ostiary.scan.code.ir import Expr, last_name, walk
from ostiary.scan.code.values import Const
from ostiary.scan.rules._flows import Flow
from ostiary.scan.rules._making import METHODS, WRAPS, callee_name

_DEPTH = 10


def bits(flow: Flow, expr: Expr, depth: int = _DEPTH) -> float | None:
    """How many random bits a value of the system's generator holds; None when that cannot be told."""
    expr = flow.expand(expr)
    if depth <= 0:
        return None
    tag = expr[0]
    if tag == "sub" and expr[3][0] == "slice":
        return _of_slice(flow, expr, depth)
    if tag == "fstr":
        known = [bits(flow, part, depth - 1) for part in expr[2] if part[0] != "str"]
        return sum(b for b in known if b is not None) if known and None not in known else None
    if tag == "bin" and expr[2] == "+":
        both = [bits(flow, part, depth - 1) for part in (expr[3], expr[4]) if part[0] not in ("str", "const")]
        return sum(b for b in both if b is not None) if both and None not in both else None
    if tag == "attr" and expr[3] in ("hex", "int", "bytes"):
        return bits(flow, expr[2], depth - 1)
    return _of_call(flow, expr, depth) if tag == "call" else None


def _of_call(flow: Flow, expr: Expr, depth: int) -> float | None:
    name, last = callee_name(flow, expr), last_name(expr[2])
    first = expr[3][0] if expr[3] else next((v for k, v in expr[4] if k in ("nbytes", "size", "k", "n")), None)
    if name in ("secrets.token_hex", "secrets.token_urlsafe", "secrets.token_bytes", "os.urandom"):
        size = number(flow, first) if first is not None else 32
        return None if size is None else 8.0 * size
    if name == "uuid.uuid4":
        return 122.0
    if name in ("secrets.randbits", "random.SystemRandom.getrandbits"):
        return number(flow, first)
    if name == "secrets.randbelow":
        below = number(flow, first)
        return math.log2(below) if below and below > 0 else None
    if last == "join" and first is not None:
        return _of_join(flow, flow.expand(first))
    if expr[2][0] == "attr" and last in METHODS:
        return bits(flow, expr[2][2], depth - 1)
    return bits(flow, first, depth - 1) if last in WRAPS and first is not None else None


def _of_join(flow: Flow, made: Expr) -> float | None:
    """``"".join(secrets.choice(alphabet) for _ in range(n))``."""
    if made[0] == "comp" and len(made[4]) == 1 and made[3][0] == "call" and callee_name(flow, made[3]) in _DRAWS and made[3][3]:
        size, count = _size(flow, made[3][3][0]), _range(flow, made[4][0][1])
        return count * math.log2(size) if size and count is not None else None
    return None


_DRAWS = ("secrets.choice", "random.SystemRandom.choice")
_ALPHABETS = {
    "ascii_letters": 52, "ascii_lowercase": 26, "ascii_uppercase": 26, "digits": 10, "hexdigits": 22, "octdigits": 8, "punctuation": 32,
}  # fmt: skip


def _size(flow: Flow, expr: Expr) -> int | None:
    """How many characters an alphabet has."""
    expr = flow.expand(expr)
    if expr[0] == "bin" and expr[2] == "+":
        left, right = _size(flow, expr[3]), _size(flow, expr[4])
        return left + right if left and right else None
    if last_name(expr) in _ALPHABETS:
        return _ALPHABETS[last_name(expr)]
    value = flow.world.value(expr, flow.world.inside(flow.function))
    if isinstance(value, Const):
        return len(set(value.value)) if isinstance(value.value, str) and value.value else None
    made = _of_module(flow, expr) if expr[0] == "name" and flow.define(expr) is None else None
    return _size(flow, made) if made is not None and made[0] in ("bin", "attr") else None


def _range(flow: Flow, expr: Expr) -> int | None:
    return number(flow, expr[3][0]) if expr[0] == "call" and last_name(expr) == "range" and len(expr[3]) == 1 else None


def number(flow: Flow, expr: Expr | None) -> int | None:
    """A whole number known at reading time; the default of a parameter."""
    if expr is None:
        return None
    if expr[0] == "const":
        return expr[2] if type(expr[2]) is int else None
    if expr[0] == "bin" and expr[2] in ("*", "**", "+"):
        return _computed(expr[2], number(flow, expr[3]), number(flow, expr[4]))
    found = flow.define(expr) if expr[0] == "name" else None
    if found is not None and found.param is not None:
        return number(flow, found.param.default)
    if found is not None and found.how == "assign":
        return number(flow, found.expr)
    value = flow.world.value(expr, flow.world.inside(flow.function))
    if isinstance(value, Const):
        return value.value if type(value.value) is int else None
    made = _of_module(flow, expr) if expr[0] == "name" and found is None else None
    return number(flow, made) if made is not None and made[0] == "bin" else None


def _of_module(flow: Flow, name: Expr) -> Expr | None:
    """What the top of the same file assigns to a name: ``WINDOW = 60 * 60``."""
    named = (s for s in flow.function.module.body if s[0] == "assign" and s[3] is not None and s[2][0][0] == "name")
    assigned = [s[3] for s in named if s[2][0][2] == name[2]]
    return assigned[-1] if assigned else None


def _computed(op: str, left: int | None, right: int | None) -> int | None:
    if left is None or right is None or (op == "**" and right > 64):
        return None
    return left * right if op == "*" else left + right if op == "+" else int(left**right)


def _of_slice(flow: Flow, expr: Expr, depth: int) -> float | None:
    """``uuid4().hex[:8]`` keeps 32 bits, ``token_urlsafe()[:10]`` 60."""
    whole = bits(flow, expr[2], depth - 1)
    low, high = expr[3][2], number(flow, expr[3][3])
    if whole is None or high is None or high < 0 or (low is not None and number(flow, low) is None):
        return whole if whole is not None and expr[3][3] is None and low is None else None
    kept = high - (number(flow, low) or 0)
    return min(whole, kept * _per_character(flow, expr[2]))


def _per_character(flow: Flow, expr: Expr) -> float:
    text = " ".join(last_name(node) for node in walk(flow.expand(expr)) if node[0] in ("name", "attr"))
    return 4.0 if "hex" in text or "uuid4" in text else 8.0 if "bytes" in text or "urandom" in text else 6.0
