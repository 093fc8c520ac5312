"""A secret of which only a part has to be right."""

from __future__ import annotations

import re

from ostiary.model.finding import Confidence, Finding, Severity
from ostiary.scan.code.ir import Expr, Function, last_name, walk
from ostiary.scan.code.sites import Call, Compare
from ostiary.scan.code.values import Const
from ostiary.scan.lazy import Pattern
from ostiary.scan.rules import Found, Rule, _texts
from ostiary.scan.rules._compares import looks_stored, worth
from ostiary.scan.rules._flows import Flow, Source
from ostiary.scan.rules._literals import PASSWORD, looks
from ostiary.scan.rules._settings import secret
from ostiary.scan.rules._sources import credential, submitted
from ostiary.scan.rules._words import SURE, names_secret

rule = Rule("partial-key-comparison")

_FIX = "Compare the whole key, in constant time:\nhmac.compare_digest(given.encode(), kept.encode())"
_VERIFIES = Pattern(r"compare_digest|verify|checkpw|check_password|check_key|check_hash|constant_time|validate", re.IGNORECASE)
_DEPTH = 8


@rule.on_call("startswith", "endswith", "like", "ilike", "contains", "icontains")
def affix(call: Call) -> Found:
    """``kept.startswith(given)`` and ``given.startswith(kept)``, of texts and of columns."""
    part, func = call.arg(0), call.expr[2]
    if func[0] == "attr" and part is not None and part[0] not in ("str", "const", "seq"):
        yield from _affix(call, func[2], part, f"{call.last}()")


def _affix(call: Call, whole: Expr, part: Expr, how: str) -> Found:
    if not (_worth(call, whole) or _worth(call, part)) or _verifies(call.function):
        return
    flow = Flow.at(call)
    source = flow.trace(part, credential)
    if source is not None and _is_kept(flow, whole):
        yield _critical(call, source, f"compared with the secret by {how}")
    elif source is None and call.last in ("startswith", "endswith") and _is_kept(flow, part):
        source = flow.trace(whole, credential)
        if source is not None:
            yield _medium(call, source, f"compared with the secret by {how}: what follows or precedes it is not looked at")


def _worth(call: Call, expr: Expr) -> bool:
    """Cheap: a name in it speaks of a credential, or it is what a loop goes through."""
    return worth(expr) or looks_stored(expr) or (expr[0] == "name" and _looped(Flow.at(call), expr) is not None)


@rule.on_call("match", "fullmatch", "search", "fnmatch", "fnmatchcase")
def pattern(call: Call) -> Found:
    """``re.match(given, kept)``: the caller writes the pattern."""
    first, second = call.arg(0, "pattern"), call.arg(1, "string")
    library = call.name.partition(".")[0]
    if first is None or second is None or library not in ("re", "regex", "fnmatch"):
        return
    shape, text = (second, first) if library == "fnmatch" else (first, second)
    flow = Flow.at(call)
    source = flow.trace(shape, credential)
    if source is not None and _is_kept(flow, text):
        message = f"{source.what} is the pattern that the secret has to match: a pattern that matches everything passes"
        yield rule.finding(message, call, Confidence.HIGH, severity=Severity.CRITICAL, fix=_FIX)


@rule.on_compare
def within(site: Compare) -> Found:
    """``given in kept`` where what is kept is one text, and ``kept in given``."""
    if site.op not in ("in", "not in") or site.left[0] in ("str", "const") or not (worth(site.left) or worth(site.right)):
        return
    flow = Flow.at(site)
    source = flow.trace(site.left, credential)
    if source is not None:
        yield from _searched_for(site, flow, source)
    elif _is_kept(flow, site.left) and not _loops_over(flow, site.left, site.right):
        source = flow.trace(site.right, credential)
        if source is not None and not _is_container(flow, site.right):
            yield _medium(site, source, "searched for the secret, so one call can try as many keys as fit in")


def _searched_for(site: Compare, flow: Flow, source: Source) -> Found:
    literal = site.right[2] if site.right[0] == "str" else None
    if literal is not None:
        if looks(literal) >= PASSWORD:
            yield _critical(site, source, "searched for in the secret, which is one text")
        return
    grade = _texts.is_text(flow, site.right)
    if grade > _texts.NO and _is_kept(flow, site.right):
        yield _critical(site, source, "searched for in the secret, which is one text", grade == _texts.SURE)


def _loops_over(flow: Flow, item: Expr, whole: Expr) -> bool:
    looped = _looped(flow, item) if item[0] == "name" else None
    return looped is not None and looped == whole


def _is_container(flow: Flow, expr: Expr) -> bool:
    """``KEY in request.headers`` asks for a name; a list of cookies or forms is none of ours."""
    expr = flow.expand(expr)
    return expr[0] in ("seq", "dict", "comp") or last_name(expr) in (
        "headers",
        "args",
        "form",
        "cookies",
        "split",
        "json",
        "get_json",
        "values",
    )


@rule.on_compare
def sliced(site: Compare) -> Found:
    """``given[:8] == kept[:8]`` and ``kept[:len(given)] == given``."""
    if site.op in ("==", "!="):
        yield from _sliced(site, site.left, site.right)


@rule.on_call("compare_digest", "safe_str_cmp", "constant_time_compare")
def sliced_in_constant_time(call: Call) -> Found:
    """The same, compared carefully."""
    left, right = call.arg(0, "a"), call.arg(1, "b")
    if left is not None and right is not None:
        yield from _sliced(call, left, right)


def _sliced(site: Call | Compare, left: Expr, right: Expr) -> Found:
    flow = Flow.at(site)
    first, second = flow.expand(left), flow.expand(right)
    if not (_cut(first) or _cut(second)) or not any(worth(side) for side in (left, right, first, second)):
        return
    for given, kept in ((first, second), (second, first)):
        source = flow.trace(_uncut(given), credential)
        if source is None or not _is_kept(flow, _uncut(kept)) or _full_tail(given, kept):
            continue
        if _cut_to_given(flow, kept):
            yield _critical(site, source, "compared with as much of the secret as the caller sent")
        elif not _verifies(site.function, site.expr if isinstance(site, Call) else None):
            yield _medium(site, source, "compared in part: only a piece of the secret has to be right")
        return


def _cut(expr: Expr) -> bool:
    return bool(expr[0] == "sub" and expr[3][0] == "slice")


def _uncut(expr: Expr) -> Expr:
    """``kept`` of ``kept[:8]``, also below ``.encode()``."""
    for _ in range(_DEPTH):
        if _cut(expr):
            expr = expr[2]
        elif expr[0] == "call" and expr[2][0] == "attr" and expr[2][3] in ("encode", "lower", "strip"):
            expr = expr[2][2]
        else:
            break
    return expr


def _full_tail(given: Expr, kept: Expr) -> bool:
    """``header[7:] == key`` drops the scheme and compares all that is left."""
    return not _cut(kept) and _cut(given) and given[3][3] is None


def _cut_to_given(flow: Flow, kept: Expr) -> bool:
    if not _cut(kept):
        return False
    high = flow.expand(kept[3][3]) if kept[3][3] is not None else None
    return high is not None and high[0] == "call" and last_name(high[2]) == "len"


def _is_kept(flow: Flow, expr: Expr) -> bool:
    """The server's side: a setting, a stored key, one of several that a loop goes through; nothing that the caller filled."""
    if flow.trace(expr, credential) is not None or submitted(flow, expr):
        return False
    looped = _looped(flow, expr) if expr[0] == "name" else None
    expr = flow.expand(expr) if looped is None else looped
    if expr[0] == "call" and expr[2][0] == "attr" and last_name(expr) in ("encode", "strip", "lower", "values", "keys", "split"):
        return _is_kept(flow, expr[2][2])
    return (secret(flow, expr) is not None or looks_stored(expr)) and not _is_word(flow, expr)


def _is_word(flow: Flow, expr: Expr) -> bool:
    """A word of the protocol (``SCHEME_TOKEN = "Bearer"``), not a secret."""
    if expr[0] not in ("name", "attr") or names_secret(last_name(expr)) == SURE:
        return False
    value = flow.world.value(expr, flow.world.inside(flow.function))
    return isinstance(value, Const) and (not isinstance(value.value, (str, bytes)) or looks(str(value.value)) < PASSWORD)


def _looped(flow: Flow, name: Expr) -> Expr | None:
    """What a loop or a comprehension goes through under this name."""
    found = flow.define(name)
    if found is not None:
        return found.expr if found.how == "iter" else None
    for node in walk(flow.function.body):
        for target, iterable, _ in node[4] if node[0] == "comp" else ():
            if target[0] == "name" and target[2] == name[2]:
                return iterable  # type: ignore[no-any-return]
    return None


def _verifies(function: Function, this: Expr | None = None) -> bool:
    """The whole of it is checked in the same function: the part only finds the record."""
    return any(_VERIFIES.search(last_name(call[2])) for call in function.calls if call is not this)


def _critical(site: Call | Compare, source: Source, how: str, sure: bool = True) -> Finding:
    confidence = Confidence.HIGH if sure and source.sure else Confidence.MEDIUM
    return rule.finding(f"{source.what} is {how}: the empty string passes", site, confidence, severity=Severity.CRITICAL, fix=_FIX)


def _medium(site: Call | Compare, source: Source, how: str) -> Finding:
    confidence = Confidence.HIGH if source.sure else Confidence.MEDIUM
    return rule.finding(f"{source.what} is {how}", site, confidence, severity=Severity.MEDIUM, fix=_FIX)
