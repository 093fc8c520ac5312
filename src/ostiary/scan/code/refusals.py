"""Does a response or exception refuse a stranger? Statuses, exceptions by class and by name, redirects to a login page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from ostiary.scan.code import ir
from ostiary.scan.code.ir import Expr
from ostiary.scan.code.things import Thing, answer
from ostiary.scan.code.values import Cls, Const, Ext, Func, Value, name_of
from ostiary.scan.lazy import Pattern

if TYPE_CHECKING:
    from ostiary.scan.code.world import World

AUTH = (401, 403, 407)
_STATUS = Pattern(r"HTTP_(\d{3})_|(?:HTTPStatus|codes)\.(\w+)|_(\d{3})$")
_NAMES = Pattern(
    r"un_?authori[sz]ed|forbidden|permission_?(denied|error|exception|required)?$|not_?permitted|not_?authenticated|not_?authori[sz]ed|access_?denied|"
    r"invalid_?(access_?)?(token|credential|api_?key|signature|session|jwt|auth)|auth\w*(error|exception|failed|failure|required)|credentials?_?(error|exception)|"
    r"log_?in_?required|insufficient_?(scope|permission|privilege|role)|expired_?(token|session|signature)|missing_?(token|credential|auth|permission)|"
    r"token_?(expired|error|invalid|exception)|privilege|must_?be_?(logged|admin)|jwt_?(error|exception)|unauthenticated|no_?permission|bad_?(token|credentials)",
    re.IGNORECASE,
)
_LOGIN = Pattern(r"log[-_]?[io]n|sign[-_]?in|\bsso\b|\bauth|unauthori|welcome|landing|\bsplash", re.IGNORECASE)
_LOWER = Pattern(r"(?<=[a-z0-9])(?=[A-Z])")
WERKZEUG = {
    "BadRequest": 400, "Unauthorized": 401, "Forbidden": 403, "NotFound": 404, "MethodNotAllowed": 405, "Conflict": 409, "Gone": 410,
    "TooManyRequests": 429, "InternalServerError": 500, "ServiceUnavailable": 503, "UnprocessableEntity": 422, "ImATeapot": 418,
}  # fmt: skip
RESPONSES = Pattern(
    r"(^|\.)(\w*Response|make_response|jsonify|render_template(_string)?|send_file|send_from_directory|json_response|TemplateResponse)$"
)
_STATUS_ATTRIBUTES = ("status_code", "code", "status", "http_status", "http_code", "status_int", "HTTP_STATUS", "http_status_code")


def status_in(value: Any) -> int | None:
    """401 in ``401``, ``"401 Unauthorized"``, ``status.HTTP_401_UNAUTHORIZED``, ``HTTPStatus.UNAUTHORIZED.value``."""
    if isinstance(value, Const):
        value = value.value
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if 100 <= value < 600 else None
    if isinstance(value, str):
        return int(value[:3]) if value[:3].isdigit() and 100 <= int(value[:3]) < 600 else None
    if not isinstance(value, Value):
        return None
    found = _STATUS.search(name_of(value))
    if found is None:
        return None
    number = found.group(1) or found.group(3)
    if number:
        return int(number)
    from http import HTTPStatus

    name = found.group(2).upper()
    return int(HTTPStatus[name]) if name in HTTPStatus.__members__ else None


def status_of(thing: Thing | None) -> int | None:
    """The status that a thing given as an argument stands for."""
    if thing is None:
        return None
    if thing.kind == "answer":
        return thing.value if isinstance(thing.value, int) else None
    return status_in(thing.value) if thing.kind in ("const", "value") else None


@lru_cache(maxsize=20_000)
def refuses_by_name(name: str) -> bool:
    """``Unauthorized``, ``PermissionDenied``, ``invalid_token``."""
    return bool(_NAMES.search(name.rpartition(".")[2]))


def login_page(exprs: tuple[Expr, ...]) -> bool:
    """A redirect's target names a login page."""
    words = [str(n[2]) for e in exprs for n in ir.walk(e) if n[0] in ("str", "name")] + [
        str(n[3]) for e in exprs for n in ir.walk(e) if n[0] == "attr"
    ]
    return any(_LOGIN.search(word) for word in words)


def exception(world: World, value: Value, args: list[Thing], kwargs: dict[str, Thing]) -> Thing | None:
    """An exception class called with arguments as a thing; None when it is no exception."""
    given = kwargs.get("status_code") or kwargs.get("status") or kwargs.get("code") or kwargs.get("http_status")
    status = status_of(given) or next((s for a in args if a.kind in ("const", "value") and (s := _plausible(a)) is not None), None)
    if isinstance(value, Ext):
        return _library_exception(value, status)
    if not isinstance(value, Cls):
        return None
    line = world.bases(value)
    names = [name_of(link).rpartition(".")[2] for link in line]
    if not any(n.endswith(("Exception", "Error", "Warning")) or n in WERKZEUG for n in names):
        return None
    status = status or _declared(world, value) or next((WERKZEUG[n] for n in names if n in WERKZEUG), None) or answered(world, line)
    if status is not None:
        return answer(status, "error" if status in AUTH else "")
    refusing = any(refuses_by_name(n) for n in names)
    return answer(401, "error") if refusing else Thing("error", names[0], value)


def _plausible(thing: Thing) -> int | None:
    status = status_of(thing)
    return (
        status if status is not None and 400 <= status < 600 and not isinstance(getattr(thing.value, "value", thing.value), str) else None
    )


def _library_exception(value: Ext, status: int | None) -> Thing | None:
    last = value.last
    if last in WERKZEUG and not value.name.startswith(("jwt", "jose")):
        return answer(WERKZEUG[last])
    if last == "WebSocketException":
        return answer(401)
    if last.endswith(("Exception", "Error", "Warning")) or last in ("HTTPError", "abort") or refuses_by_name(last):
        if status is not None:
            return answer(status)
        return answer(401, "error") if refuses_by_name(last) else Thing("error", last, value)
    return None


def _declared(world: World, cls: Cls) -> int | None:
    for name in _STATUS_ATTRIBUTES:
        found = status_in(world.attribute(cls, name))
        if found is not None and found >= 400:
            return found
    init = world.attribute(cls, "__init__")
    if not isinstance(init, Func):
        return None
    scope = init.scope
    for call in init.function.calls:
        if call[2][0] == "attr" and call[2][3] == "__init__":
            for expr in (*call[3], *(v for _, v in call[4])):
                found = status_in(world.value(expr, scope)) if expr[0] in ("const", "name", "attr") else None
                if found is not None and found >= 400:
                    return found
    return _default_status(world, init)


def answered(world: World, line: Sequence[Value]) -> int | None:
    """The status with which the project's own error handlers answer an exception class or a base of it."""
    known = _ANSWERED.get(world)
    if known is None:
        hooks = (hook for obj in world.objects for hook in obj.wiring.hooks if hook.kind == "errorhandler")
        pairs = [(hook.options.get("type"), hook.value) for hook in hooks]
        known = {id(kind.cls): _given_back(world, func) for kind, func in pairs if isinstance(kind, Cls) and isinstance(func, Func)}
        _ANSWERED[world] = known
    return next((status for link in line if isinstance(link, Cls) and (status := known.get(id(link.cls))) is not None), None)


_ANSWERED: WeakKeyDictionary[World, dict[int, int | None]] = WeakKeyDictionary()


def _given_back(world: World, handler: Func) -> int | None:
    """The one status of all that an error handler returns."""
    code = handler.function
    exprs = [v for call in code.calls for name, v in call[4] if name in _STATUS_ATTRIBUTES]
    exprs += [s[2][3][1] for s in ir.walk(code.body) if s[0] == "return" and s[2] is not None and s[2][0] == "seq" and len(s[2][3]) > 1]
    found = {status_in(world.value(expr, handler.scope)) for expr in exprs}
    return found.pop() if len(found) == 1 else None


def _default_status(world: World, init: Func) -> int | None:
    for param in init.function.params:
        if param.name in _STATUS_ATTRIBUTES and param.default is not None:
            return status_in(world.value(param.default, init.scope))
    return None


def handles(world: World, caught: Value, error: Thing) -> bool | None:
    """Does ``except caught`` take an error? None when it might."""
    name = name_of(caught).rpartition(".")[2]
    if name in ("Exception", "BaseException", ""):
        return True
    if error.kind == "answer":
        return True if name in ("HTTPException", "StarletteHTTPException") or name in WERKZEUG else None if error.name == "error" else False
    if error.name == "verify":
        return False if name in ("HTTPException", "StarletteHTTPException") else None
    if error.name == "malformed":
        return (
            None
            if name in ("ValueError", "IndexError", "AttributeError", "KeyError", "TypeError", "UnicodeDecodeError", "Error")
            else False
        )
    if error.name == name or (name == "LookupError" and error.name == "KeyError"):
        return True
    if isinstance(error.value, Cls):
        return any(name_of(link).rpartition(".")[2] == name for link in world.bases(error.value))
    return None if error.name.startswith("?") else False
