"""A check that lets everybody through when something is missing: the secret, or the verdict of an exception."""

from __future__ import annotations

from ostiary.model.finding import Confidence
from ostiary.scan.code.ir import Expr, Function, Stmt, last_name, walk
from ostiary.scan.code.sites import Call, Compare, Site
from ostiary.scan.rules import Found, Rule
from ostiary.scan.rules._compares import Pair, pair, worth
from ostiary.scan.rules._facts import Caught, facts
from ostiary.scan.rules._flows import Flow
from ostiary.scan.rules._leaving import blocks, leaves, quiet, refuses
from ostiary.scan.rules._unset import EMPTY, NONE, SPELT, Unset, guarded, may_be_absent, unset
from ostiary.scan.rules._words import listed, names_secret, words

rule = Rule("auth-fails-open")

_BOTH = {NONE: "None equals None", EMPTY: "two empty strings are equal", SPELT: "the text to send is known, the word None in it"}
_FIX = 'Refuse to start without the secret, and refuse an empty credential before comparing:\nKEY = os.environ["{name}"]\nif not given: abort(401)'


@rule.on_compare
def compared(site: Compare) -> Found:
    """``request.headers.get("X-Key") == os.getenv("KEY")``: both are None when the secret is unset and the header is left out."""
    if site.op in ("==", "!=") and (worth(site.left) or worth(site.right)):
        yield from _open(site, pair(Flow.at(site), site.left, site.right))


@rule.on_call("compare_digest", "safe_str_cmp")
def digest(site: Call) -> Found:
    """``compare_digest(given or "", KEY or "")``: two empty strings are equal. None raises, which refuses."""
    left, right = site.arg(0), site.arg(1)
    if left is not None and right is not None:
        yield from _open(site, pair(Flow.at(site), left, right), only=EMPTY)


def _open(site: Site, found: Pair | None, only: str | None = None) -> Found:
    if found is None:
        return
    flow = Flow.at(site)
    kept = unset(flow, found.kept)
    if kept is None or (only is not None and kept.as_ != only):
        return
    if not may_be_absent(flow, found.given, kept.as_) or guarded(flow, site.at, (found.given, found.kept)):
        return
    both = _BOTH[kept.as_]
    message = f"when {kept.name} is not set, a caller without a credential passes: {both}"
    yield rule.finding(message, site, _sure(kept), fix=_FIX.format(name=kept.name))


def _sure(kept: Unset) -> Confidence:
    return Confidence.HIGH if kept.sure else Confidence.MEDIUM


@rule.on_module
def skipped(site: Site) -> Found:
    """``if not API_KEY: return`` in front of the check, ``if API_KEY and given != API_KEY: abort(401)`` around it."""
    for function, statements in facts(site).ifs.items():
        if not any(worth(side) for compare in function.compares for side in (compare[2], *compare[4])) and not _verifies(function):
            continue
        for stmt in statements:
            name = _skips(site, function, stmt)
            if name is not None:
                place = Site(site.world, site.module, function, stmt[1])
                message = f"the check is skipped for everybody when {name.name} is not set"
                yield rule.finding(message, place, _sure(name), fix=_FIX.format(name=name.name))


_VERIFYING = listed("compare_digest verify decode check_password_hash authenticate verify_token validate_token check_token")


def _verifies(function: Function) -> bool:
    return any(last_name(call[2]) in _VERIFYING for call in function.calls)


def _skips(site: Site, function: Function, stmt: Stmt) -> Unset | None:
    test, body = stmt[2], stmt[3]
    flow = Flow(site.world, function)
    tested = _tested_missing(test)
    if tested is not None and names_secret(_last(tested)) and _lets_through(body) and _used_later(function, tested, stmt):
        return unset(flow, tested)
    if test[0] == "bool" and test[2] == "and" and refuses(body):
        for part in test[3]:
            if part[0] in ("name", "attr") and names_secret(_last(part)) and any(_compares(other, part) for other in test[3]):
                return unset(flow, part)
    if test[0] in ("name", "attr") and names_secret(_last(test)) and not stmt[4] and _refuses_within(body, test):
        return unset(flow, test) if not _refuses_later(function, stmt) else None
    return None


def _last(expr: Expr) -> str:
    return last_name(expr) if expr[0] in ("name", "attr") else ""


def _tested_missing(test: Expr) -> Expr | None:
    """``KEY`` of ``not KEY`` and ``KEY is None``."""
    if test[0] == "not":
        return test[2]  # type: ignore[no-any-return]
    if test[0] == "cmp" and test[3] in (("is",), ("==",)) and test[4][0][0] in ("const", "str") and not test[4][0][2]:
        return test[2]  # type: ignore[no-any-return]
    return None


def _lets_through(body: tuple[Stmt, ...]) -> bool:
    last = body[-1] if body else ("pass", 0)
    if last[0] != "return":
        return False
    value = last[2]
    if value is None or (value[0] == "const" and value[2] in (True, None)):
        return True
    return value[0] == "call" and value[2][0] == "name" and bool(value[3]) and value[3][0][0] == "star"


def _same(left: Expr, right: Expr) -> bool:
    return left[0] == right[0] and _last(left) == _last(right) != ""


def _compares(test: Expr, name: Expr) -> bool:
    return test[0] == "cmp" and test[3][0] in ("!=", "is not", "not in") and any(_same(side, name) for side in (test[2], *test[4]))


def _used_later(function: Function, name: Expr, stmt: Stmt) -> bool:
    """The secret is what the rest of the function checks with."""
    after = [c for c in function.compares if c[1] > stmt[1] and any(_same(side, name) for side in (c[2], *c[4]))]
    calls = [
        c for c in function.calls if c[1] > stmt[1] and last_name(c[2]) in _VERIFYING and any(_same(part, name) for part in walk(c[3]))
    ]
    return bool(after or calls)


def _refuses_within(body: tuple[Stmt, ...], name: Expr) -> bool:
    """``if KEY:`` around ``if given != KEY: abort()``."""
    return any(s[0] == "if" and refuses(s[3]) and any(_compares(part, name) for part in walk(s[2])) for s in body)


def _refuses_later(function: Function, stmt: Stmt) -> bool:
    return any(s[1] > stmt[1] and s[0] == "raise" for s in function.body)


@rule.on_module
def swallowed(site: Site) -> Found:
    """An exception of the verification that ends in a yes."""
    for caught in facts(site).caught:
        why = _swallows(caught) if _broad_or_auth(caught.type) else None
        if why is not None and _tries_to_verify(caught.attempt):
            place = Site(site.world, site.module, caught.function, caught.at)
            yield rule.finding(why, place, Confidence.HIGH, fix="Refuse in the handler: raise or return 401, and let nothing follow it.")


_AUTH_ERRORS = ("JWT", "Token", "Signature", "Auth", "Key", "Credential", "InvalidHash", "Verify")
_BROAD = listed("Exception BaseException ValueError KeyError TypeError")


def _broad_or_auth(kind: Expr | None) -> bool:
    if kind is None:
        return True
    names = [last_name(k) for k in kind[3]] if kind[0] == "seq" else [last_name(kind)]
    return any(n in _BROAD or any(mark in n for mark in _AUTH_ERRORS) for n in names)


_CHECKS = listed("verify validate check authenticate decode authorize introspect")
_SUBJECTS = listed("token jwt key signature password auth credential credentials apikey user session bearer")


def _tries_to_verify(attempt: Stmt) -> bool:
    return any(node[0] == "call" and _is_check(node) for node in walk(attempt[2]))


def _is_check(call: Expr) -> bool:
    parts = set(words(last_name(call[2])))
    if not parts & _CHECKS:
        return False
    around = words(last_name(call[2][2])) if call[2][0] == "attr" else ()
    return bool(parts & _SUBJECTS) or bool(_SUBJECTS & set(around)) or "compare_digest" in last_name(call[2])


def _swallows(caught: Caught) -> str | None:
    body = caught.body
    last = body[-1] if body else ("pass", 0)
    gatekeeper = set(words(caught.function.name))
    if last[0] == "return" and last[2] is not None and last[2][0] == "const" and last[2][2] is True:
        named = gatekeeper & (_CHECKS | {"is", "has", "valid", "allowed", "authorized", "require", "auth"})
        return "an exception of the verification answers True" if named else None
    view = _wrapped_view(caught.function)
    if view is None:
        return None
    if last[0] == "return" and _calls_view(last[2], view):
        return "an exception of the verification calls the view all the same"
    if not quiet(body) or leaves(body):
        return None
    return "an exception of the verification is ignored and the view is called" if _reaches_view(caught.rest, view) else None


def _wrapped_view(function: Function) -> str | None:
    """The parameter of the enclosing decorator that this wrapper calls."""
    parent = function.parent
    if not isinstance(parent, Function) or not parent.params:
        return None
    names = {p.name for p in parent.params}
    return next((c[2][2] for c in function.calls if c[2][0] == "name" and c[2][2] in names), None)


def _calls_view(expr: Expr | None, view: str) -> bool:
    return expr is not None and expr[0] == "call" and expr[2][0] == "name" and expr[2][2] == view


def _reaches_view(rest: tuple[Stmt, ...], view: str) -> bool:
    """The view is called after the try, with nothing in between that may refuse."""
    for stmt in rest:
        if stmt[0] == "return":
            return _calls_view(stmt[2], view)
        if stmt[0] == "raise" or (stmt[0] == "if" and any(leaves(block) for block in blocks(stmt))):
            return False
    return False
