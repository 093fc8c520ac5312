"""The text of an exception, or its trace, in an answer."""

from __future__ import annotations

import re
from collections.abc import Callable

from ostiary.model.finding import Confidence
from ostiary.scan.code.ir import Expr, Function, Stmt, last_name
from ostiary.scan.code.sites import Call, Site
from ostiary.scan.code.values import Func, name_of
from ostiary.scan.lazy import Pattern
from ostiary.scan.rules import Found, Rule
from ostiary.scan.rules._facts import Caught, facts
from ostiary.scan.rules._flows import Flow, Source
from ostiary.scan.rules._leaving import blocks
from ostiary.scan.rules._sources import is_endpoint, is_error_handler
from ostiary.scan.rules._words import listed

rule = Rule("stack-trace-exposure")

_FIX = 'Log it, and answer with a text of your own:\nlogger.exception("order failed")\nreturn jsonify(error="internal error"), 500'
_TRACES = listed("format_exc format_exception format_exception_only format_tb format_stack print_exc exc_info")
_ANSWERS = listed(
    "jsonify JSONResponse ORJSONResponse PlainTextResponse HTMLResponse Response make_response HTTPException abort json_response"
)
_TELLING = listed("args message msg description detail orig __traceback__ __cause__")
# Errors whose text is written for the caller: what they typed was wrong, or the project raised them to be read.
_MEANT_FOR_CALLERS = Pattern(
    r"^(?:HTTPException|ValidationError|RequestValidationError|BadRequest\w*|NotFound\w*|Unauthorized|Forbidden|Conflict\w*|UnprocessableEntity|MarshmallowError|HTTPError"
    r"|ClientException|APIException|ApiError|APIError|AppException|ProblemException|RateLimitExceeded)$"
)
_BUILT_IN = listed(
    "Exception BaseException RuntimeError OSError IOError KeyError TypeError AttributeError IndexError LookupError"
    " SQLAlchemyError DatabaseError OperationalError IntegrityError ProgrammingError PyMongoError RequestException"
    " ConnectionError TimeoutError ImportError UnicodeDecodeError JSONDecodeError ZeroDivisionError FileNotFoundError"
    " PermissionError CalledProcessError ClientError RedisError"
)


@rule.on_module
def answered(site: Site) -> Found:
    """Answers inside ``except`` clauses, and answers of error handlers."""
    for caught in facts(site).caught:
        confidence = _confidence(caught.type)
        if caught.name is not None and confidence is not None:
            yield from _in_block(site, caught.function, caught.body, caught.name, confidence)
        elif _mentions_trace(caught):
            yield from _in_block(site, caught.function, caught.body, None, Confidence.HIGH)
    for function in site.module.functions:
        if function.decorators and is_error_handler(function):
            yield from _handler(site, function, [a for d in function.decorators if d[0] == "call" for a in d[3][:1]])


@rule.on_call("register_error_handler", "add_exception_handler", "add_error_handler")
def registered(call: Call) -> Found:
    """``app.register_error_handler(Exception, failed)``."""
    kind, target = call.arg(0), call.arg(1)
    value = call.value(target) if kind is not None and target is not None and target[0] in ("name", "attr") else None
    if isinstance(value, Func) and kind is not None and not is_error_handler(value.function):
        site = Site(call.world, value.function.module, value.function, value.function.at)
        yield from _handler(site, value.function, [kind])


def _mentions_trace(caught: Caught) -> bool:
    return any(last_name(call[2]) in _TRACES for call in caught.function.calls)


def _confidence(kind: Expr | None) -> Confidence | None:
    """High for a broad catch, whose text nobody has read before; low for one of the project's own; None where the text is meant for callers."""
    if kind is None:
        return Confidence.HIGH
    names = [last_name(k) for k in kind[3]] if kind[0] == "seq" else [last_name(kind)]
    if any(name in _BUILT_IN for name in names):
        return Confidence.HIGH if any(name in ("Exception", "BaseException") for name in names) else Confidence.MEDIUM
    if all(_MEANT_FOR_CALLERS.match(name) for name in names):
        return None
    # ``except ValueError as e: … 400``: usually the project's own sentence about the caller's input.
    return Confidence.LOW


def _handler(site: Site, function: Function, kinds: list[Expr]) -> Found:
    """``@app.errorhandler(Exception)``: its parameter is the exception."""
    if not kinds or any(k[0] == "const" and type(k[2]) is int and k[2] < 500 for k in kinds):
        return
    confidence = (
        Confidence.HIGH
        if any(k[0] == "const" for k in kinds)
        else max((c for k in kinds if (c := _confidence(k))), key=lambda c: c.rank, default=None)
    )
    name = function.params[-1].name if function.params else None
    if confidence is not None and name is not None:
        yield from _in_block(site, function, function.body, name, confidence, certain=True)


def _in_block(
    site: Site, function: Function, body: tuple[Stmt, ...], name: str | None, confidence: Confidence, certain: bool = False
) -> Found:
    flow = Flow(site.world, function)
    for stmt in body:
        answer = _answer(stmt, certain or _answers_web(function))
        found = flow.trace(answer, _telling(name)) if answer is not None else None
        if found is not None and not _tests_mode(stmt):
            sure = Confidence.HIGH if found.kind == "trace" else _with_status(stmt, confidence)
            at = found.at if found.kind == "trace" and found.at > stmt[1] else stmt[1]
            yield rule.finding(f"{found.what} is sent to the caller", Site(site.world, site.module, function, at), sure, fix=_FIX)
        for inner in () if _asks_debug(stmt) else blocks(stmt):
            yield from _in_block(site, function, inner, name, confidence, certain)


def _asks_debug(stmt: Stmt) -> bool:
    """``if app.debug:`` around the answer."""
    return stmt[0] == "if" and "debug" in repr(stmt[2]).lower()


def _tests_mode(stmt: Stmt) -> bool:
    return "'debug'" in repr(stmt[2]).lower() and "ifexp" in repr(stmt[2])


def _answers_web(function: Function) -> bool:
    """A route's function, or a method of a view; others answer only through what is plainly a response."""
    return is_endpoint(function)


def _answer(stmt: Stmt, is_handler: bool) -> Expr | None:
    """The expression that goes to the caller, None for statements that answer nobody."""
    value: Expr | None = stmt[2] if stmt[0] in ("return", "raise", "expr") else None
    if value is None:
        return None
    if stmt[0] == "raise":
        return _said(value) if value[0] == "call" and last_name(value[2]) == "HTTPException" else None
    if stmt[0] == "expr":
        return _said(value) if value[0] == "call" and last_name(value[2]) == "abort" else None
    if value[0] == "call" and last_name(value[2]) in _ANSWERS:
        return value
    if value[0] == "seq" and value[2] == "tuple" and len(value[3]) > 1 and _is_status(value[3][1]):
        body: Expr = value[3][0]
        made = body[0] == "call" and last_name(body[2]) in _ANSWERS
        return body if is_handler or made or value[3][1][0] == "const" else None
    return value if is_handler else None


def _is_status(expr: Expr) -> bool:
    return (expr[0] == "const" and type(expr[2]) is int and 200 <= expr[2] < 600) or expr[0] in ("attr", "name", "call")


def _said(call: Expr) -> Expr:
    """The arguments of an HTTPException or abort as one expression, the status left out."""
    parts = [*call[3][1:], *[value for name, value in call[4] if name in ("detail", "description", "message", "response")]]
    return ("seq", call[1], "tuple", tuple(parts))


def _telling(name: str | None) -> Callable[[Flow, Expr], Source | None]:
    def source(flow: Flow, expr: Expr) -> Source | None:
        tag = expr[0]
        if tag == "call":
            last = last_name(expr[2])
            if last in _TRACES and last != "print_exc" and _is_traceback(flow, expr):
                return Source("trace", "a stack trace", expr[1])
            if name is not None and last in ("str", "repr", "format_exception") and expr[3] and _is(expr[3][0], name):
                return Source("text", "the text of an exception", expr[1])
        if name is not None and tag == "fstr" and any(_is(part, name) for part in expr[2]):
            return Source("text", "the text of an exception", expr[1])
        if name is not None and tag == "attr" and expr[3] in _TELLING and _is(expr[2], name):
            return Source("text", "the text of an exception", expr[1])
        return None

    return source


def _is_traceback(flow: Flow, call: Expr) -> bool:
    if call[2][0] == "attr":
        return last_name(call[2][2]) in ("traceback", "sys")
    return name_of(flow.world.value(call[2], flow.world.inside(flow.function))).startswith(("traceback.", "sys."))


def _is(expr: Expr, name: str) -> bool:
    return bool(expr[0] == "name" and expr[2] == name)


def _with_status(stmt: Stmt, confidence: Confidence) -> Confidence:
    """A 4xx says that the author thought of the caller's mistake: never high then."""
    text = repr(stmt)
    if re.search(r"'const', \d+, 4\d\d\)|HTTP_4\d\d|BAD_REQUEST|UNPROCESSABLE|CONFLICT|NOT_FOUND|UNAUTHORIZED|FORBIDDEN", text):
        return Confidence.LOW if confidence is Confidence.LOW else Confidence.MEDIUM
    return confidence
