"""Rate limits in the words of their authors: ``5 per minute``, ``RateLimiter(times=2, seconds=5)``, ``Rate(2, Duration.SECOND * 5)``."""

from __future__ import annotations

from ostiary.scan.code import ir
from ostiary.scan.code.ir import Expr
from ostiary.scan.code.values import Const, Made, Obj, Value, members, name_of, text

COMPUTED = "computed"
_UNITS = ("milliseconds", "seconds", "minutes", "hours")
_SPANS = (*_UNITS, "days", "weeks")


def limit_text(made: Made) -> str:
    """``limiter.limit("5 per minute")`` as its author wrote it, ``computed`` when it is not a literal."""
    value = made.args[0] if made.args else made.kwargs.get("limit_value") or made.kwargs.get("limit_provider")
    if name_of(made).startswith("quart_rate_limiter."):
        return _counted(made)
    if name_of(made).startswith("ratelimit."):
        return f"{_number(_given(made, 0, 'calls')) or COMPUTED} per {_number(_given(made, 1, 'period')) or COMPUTED} seconds"
    return "; ".join(dict.fromkeys(texts(value))) or COMPUTED


def texts(value: Value | None) -> list[str]:
    """The limits in a list, or in a lone string; ``Limit("5/minute")`` is what it is given."""
    return [_one(v) or COMPUTED for v in members(value)]


def _one(value: Value) -> str | None:
    """``os.getenv("LIMIT", "5/minute")`` is its default, which is what most will run."""
    if not isinstance(value, Made):
        return text(value)
    if name_of(value) in ("os.getenv", "os.environ.get"):
        return text(_given(value, 1, "default"))
    return text(value.args[0]) if value.args and name_of(value).endswith("Limit") else None


def dependency_text(made: Made | Obj) -> str:
    """``RateLimiter(…)`` of fastapi-limiter: up to 0.1 with times and seconds, since 0.2 with a limiter of pyrate-limiter."""
    limiter = made.kwargs.get("limiter")
    if limiter is not None:
        return _rates(limiter)
    times = _number(_given(made, 0, "times")) or 1
    for place, unit in enumerate(_UNITS, 1):
        many = _number(_given(made, place, unit))
        if many:
            return f"{times} per {many} {unit}"
    return f"{times} per computed time"


def _rates(limiter: Value) -> str:
    """``Limiter(Rate(2, Duration.SECOND * 5))``, also several rates in a list."""
    first = (limiter.args[0] if limiter.args else limiter.kwargs.get("argument")) if isinstance(limiter, Made) else None
    found = [_rate(v) for v in members(first) if isinstance(v, Made) and name_of(v).endswith("Rate")]
    return "; ".join(found) or COMPUTED


def _rate(made: Made) -> str:
    limit = _number(_given(made, 0, "limit"))
    interval = ir.argument(made.call, 1, "interval") if made.call and made.call[0] == "call" else None
    return f"{limit or COMPUTED} per {_duration(interval)}"


def _duration(expr: Expr | None) -> str:
    """``Duration.SECOND * 5``, ``Duration.MINUTE``, 60000 (milliseconds)."""
    if expr is None:
        return "computed time"
    if expr[0] == "const" and isinstance(expr[2], int):
        return f"{expr[2] // 1000} seconds" if expr[2] % 1000 == 0 else f"{expr[2]} milliseconds"
    many, unit = 1, expr
    if expr[0] == "bin" and expr[2] == "*":
        many, unit = (expr[4][2], expr[3]) if expr[4][0] == "const" else (expr[3][2], expr[4]) if expr[3][0] == "const" else (0, expr)
    name = ir.last_name(unit).lower()
    if not name or not many:
        return "computed time"
    return name if many == 1 else f"{many} {name}s"


def _counted(made: Made) -> str:
    """``rate_limit(10, timedelta(minutes=1))``."""
    count, span = _number(_given(made, 0, "limit")), _given(made, 1, "period")
    if isinstance(span, Made):
        found = next((f"{n} {unit}" for unit in _SPANS if (n := _number(span.kwargs.get(unit)))), None)
        if found is not None:
            return f"{count or COMPUTED} per {found}"
    return f"{count or COMPUTED} per computed time"


def _given(made: Made | Obj, position: int, keyword: str) -> Value | None:
    return made.kwargs.get(keyword) or (made.args[position] if position < len(made.args) else None)


def _number(value: Value | None) -> int | float | None:
    return value.value if isinstance(value, Const) and isinstance(value.value, (int, float)) else None
