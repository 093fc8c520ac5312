"""What a signed message is put together from: which parts of the request, in which order, with what between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum

from ostiary.scan.code.ir import Expr, Function, argument, last_name, walk
from ostiary.scan.lazy import Pattern
from ostiary.scan.records import altered, record
from ostiary.scan.rules._callers import callers, given_for
from ostiary.scan.rules._flows import Flow, text_of
from ostiary.scan.rules._sources import read_of
from ostiary.scan.rules._words import listed, words

_DEPTH = 14


class Role(StrEnum):
    """``json`` is a body that was parsed and written again; ``url`` is path and query; ``text`` a literal between others; ``other`` not understood."""

    BODY = "body"
    JSON = "json"
    METHOD = "method"
    PATH = "path"
    QUERY = "query"
    URL = "url"
    HOST = "host"
    TIME = "timestamp"
    NONCE = "nonce"
    TEXT = "text"
    OTHER = "other"


@record(frozen=True)
class Piece:
    """``lossy`` when different bytes become the same text on the way; ``sure`` when the request is seen to be read, not guessed by a name."""

    role: Role
    lossy: bool = False
    sure: bool = False


_REQUEST = Pattern(r"(?:^|\.)(?:request|req|r|_request|self\.request)\.(.+)$")
_READS = {
    "get_data()": Role.BODY, "data": Role.BODY, "body()": Role.BODY, "body": Role.BODY, "stream.read()": Role.BODY, "_body": Role.BODY,
    "json": Role.JSON, "get_json()": Role.JSON, "json()": Role.JSON, "form": Role.JSON, "form()": Role.JSON, "values": Role.JSON,
    "method": Role.METHOD, "method.upper()": Role.METHOD, "path": Role.PATH, "url.path": Role.PATH, "script_root": Role.PATH,
    "full_path": Role.URL, "url": Role.URL, "url._url": Role.URL, "uri": Role.URL, "url_rule.rule": Role.PATH,
    "query_string": Role.QUERY, "url.query": Role.QUERY, "args": Role.QUERY, "query_params": Role.QUERY,
    "host": Role.HOST, "url.hostname": Role.HOST, "url.netloc": Role.HOST, "host_url": Role.HOST, "base_url": Role.PATH,
}  # fmt: skip
_NAMES = (
    (Role.TIME, listed("timestamp ts t time date expires expiry")),
    (Role.NONCE, listed("nonce delivery uuid salt jti")),
    (Role.METHOD, listed("method verb")),
    (Role.QUERY, listed("query params querystring qs")),
    (Role.PATH, listed("path endpoint route")),
    (Role.URL, listed("url uri target")),
    (Role.HOST, listed("host hostname")),
    (Role.BODY, listed("body payload raw data content")),
)
_SAME = listed("encode upper lower strip lstrip rstrip tobytes hex digest hexdigest read getvalue")
_WRAPS = listed("str bytes bytearray to_bytes force_bytes repr int b64encode quote unquote sha256 sha1 sha512 md5 dict sorted")
_LOSSY = frozenset({"ignore", "replace", "backslashreplace", "xmlcharrefreplace"})
_HOLE = Pattern(r"%s|%d|%r|\{[^{}]*\}")


def pieces(flow: Flow, expr: Expr, depth: int = _DEPTH) -> Iterator[Piece]:
    """The pieces of a message in order."""
    if depth <= 0:
        yield Piece(Role.OTHER)
        return
    role = _request_part(flow, expr)
    if role is not None:
        yield Piece(role, role is Role.BODY and _as_text(flow.expand(expr)), sure=True)
        return
    handler = _HANDLERS.get(expr[0])
    yield from handler(flow, expr, depth - 1) if handler is not None else (Piece(Role.OTHER),)


def _request_part(flow: Flow, expr: Expr) -> Role | None:
    if expr[0] not in ("attr", "call", "name"):
        return None
    found = _REQUEST.search(flow.path(expr))
    return _READS.get(found.group(1)) if found is not None else None


def _as_text(expr: Expr) -> bool:
    """``request.get_data(as_text=True)`` replaces what is no UTF-8."""
    wanted = argument(expr, 1, "as_text") if expr[0] == "call" else None
    return wanted is not None and wanted[0] == "const" and wanted[2] is True


def _text(_: Flow, _expr: Expr, _depth: int) -> Iterator[Piece]:
    yield Piece(Role.TEXT)


def _name(flow: Flow, expr: Expr, depth: int) -> Iterator[Piece]:
    found = flow.define(expr)
    made: list[Piece] = []
    if found is not None and found.param is not None and found.function is not None:
        made = _given(flow, found.function, found.param.name, depth)
    elif found is not None and found.how == "assign" and found.expr is not None:
        made = list(pieces(flow, found.expr, depth))
    elif found is not None and found.how == "aug":
        made = list(_grown(flow, expr, depth))
    # what could not be followed may still have a telling name
    yield from made if any(piece.role is not Role.OTHER for piece in made) else (Piece(_by_name(expr[2])),)


def _given(flow: Flow, function: Function, name: str, depth: int) -> list[Piece]:
    """What the first caller that reads it from the request gives for a parameter."""
    for caller, call in callers(flow.world, function):
        given = given_for(function, call, name)
        made = list(pieces(Flow(flow.world, caller), given, depth - 3)) if given is not None else []
        if any(piece.sure for piece in made):
            return made
    return []


def _grown(flow: Flow, expr: Expr, depth: int) -> Iterator[Piece]:
    """``message = a`` and then ``message += b``: in the order of the lines."""
    for node in sorted(walk(flow.function.body), key=lambda node: node[1]):
        if node[1] >= expr[1]:
            return
        if node[0] == "assign" and node[3] is not None and node[2][0][:1] == ("name",) and node[2][0][2] == expr[2]:
            yield from pieces(flow, node[3], depth - 3)
        elif node[0] == "aug" and node[2][0] == "name" and node[2][2] == expr[2]:
            yield from pieces(flow, node[4], depth - 3)


def _attribute(_: Flow, expr: Expr, _depth: int) -> Iterator[Piece]:
    yield Piece(_by_name(expr[3]))


def _call(flow: Flow, expr: Expr, depth: int) -> Iterator[Piece]:
    last, func = last_name(expr[2]), expr[2]
    read = read_of(expr)
    if read is not None:
        yield Piece(_by_name(read[1]))
    elif last in ("dumps", "model_dump_json", "serialize") or (last == "json" and func[0] == "attr"):
        origin = expr[3][0] if expr[3] else func[2] if func[0] == "attr" else None
        sure = origin is not None and any(piece.sure for piece in pieces(flow, origin, depth))
        yield Piece(Role.JSON, sure=sure)
    elif last == "decode" and func[0] == "attr":
        errors = text_of(argument(expr, 1, "errors"))
        yield from (altered(p, lossy=p.lossy or errors in _LOSSY) for p in pieces(flow, func[2], depth))
    elif last == "join" and func[0] == "attr" and expr[3]:
        yield from _joined(flow, func[2], flow.expand(expr[3][0]), depth)
    elif last == "format" and func[0] == "attr" and func[2][0] == "str":
        yield from _filled(flow, func[2][2], (*expr[3], *(value for _, value in expr[4])), depth)
    elif last in _SAME and func[0] == "attr":
        yield from pieces(flow, func[2], depth)
    elif last in _WRAPS and expr[3]:
        yield from pieces(flow, expr[3][0], depth)
    else:
        yield Piece(Role.OTHER)


def _joined(flow: Flow, between: Expr, items: Expr, depth: int) -> Iterator[Piece]:
    if items[0] != "seq":
        yield Piece(Role.OTHER)
        return
    bare = between[0] in ("str", "const") and not between[2]
    for index, item in enumerate(items[3]):
        if index and not bare:
            yield Piece(Role.TEXT)
        yield from pieces(flow, item, depth)


def _filled(flow: Flow, template: str, values: tuple[Expr, ...], depth: int) -> Iterator[Piece]:
    for text, value in zip(_HOLE.split(template), (*values, None), strict=False):
        if text:
            yield Piece(Role.TEXT)
        if value is not None:
            yield from pieces(flow, value, depth)


def _binary(flow: Flow, expr: Expr, depth: int) -> Iterator[Piece]:
    if expr[2] == "%" and expr[3][0] in ("str", "const"):
        template = expr[3][2] if isinstance(expr[3][2], str) else expr[3][2].decode("latin-1")
        values = expr[4][3] if expr[4][0] == "seq" else (expr[4],)
        yield from _filled(flow, template, values, depth)
        return
    for part in (expr[3], expr[4]) if expr[2] == "+" else ():
        yield from pieces(flow, part, depth)


def _read(flow: Flow, expr: Expr, depth: int) -> Iterator[Piece]:
    read = read_of(expr)
    if read is not None:
        yield Piece(_by_name(read[1]))
    else:
        yield from pieces(flow, expr[2], depth)


def _several(flow: Flow, parts: tuple[Expr, ...], depth: int) -> Iterator[Piece]:
    for part in parts:
        yield from pieces(flow, part, depth)


_HANDLERS: dict[str, Callable[[Flow, Expr, int], Iterator[Piece]]] = {
    "str": _text, "const": _text, "name": _name, "attr": _attribute, "call": _call, "bin": _binary, "sub": _read,
    "fstr": lambda f, e, d: _several(f, e[2], d),
    "bool": lambda f, e, d: pieces(f, e[3][0], d),
    "ifexp": lambda f, e, d: pieces(f, e[3], d),
    "walrus": lambda f, e, d: pieces(f, e[3], d),
}  # fmt: skip


def _by_name(name: str) -> Role:
    """A header, parameter or variable by the words of its name: ``X-Timestamp``, ``raw_body``, ``request_path``."""
    own = set(words(name))
    if {"request", "id"} <= own or {"webhook", "id"} <= own or {"msg", "id"} <= own or {"event", "id"} <= own:
        return Role.NONCE
    return next((role for role, known in _NAMES if known & own), Role.OTHER)
