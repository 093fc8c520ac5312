"""A JSON Web Token signed with a secret that can be guessed offline."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from ostiary.model.finding import Confidence, Severity
from ostiary.model.route import Location
from ostiary.scan.code.ir import Expr, Module, column_of, dotted, last_name, line_of, walk
from ostiary.scan.code.sites import AppCode, Call, Site
from ostiary.scan.code.values import Const, Default, Either, Made, Member, Value, members, name_of
from ostiary.scan.code.world import World
from ostiary.scan.records import record
from ostiary.scan.rules import Found, Rule, sites_of
from ostiary.scan.rules._callers import callers, given_for
from ostiary.scan.rules._facts import facts
from ostiary.scan.rules._flows import Flow
from ostiary.scan.rules._literals import RANDOM, is_placeholder, looks
from ostiary.scan.rules._sources import read_of
from ostiary.scan.rules._unset import unset

rule = Rule("jwt-weak-secret")

_FIX = 'Take 32 random bytes or more from the environment, without a default:\nJWT_SECRET = os.environ["JWT_SECRET"]'
_WANTED, _FEW = 32, 16
_READERS = ("os.getenv", "os.environ.get", "decouple.config", "environs.", "environ.", "starlette.config.")
_HOLDERS = ("SecretStr", "SecretBytes", "Field", "Secret")
_PASSES = ("encode", "decode", "strip", "get_secret_value")
# SHA-256 of secrets that well-known tutorials print
_PUBLISHED = frozenset(
    {
        "570dad43de1af4c925f92c16a68a50936da42b7dd6fdeb24850507a1199aac89",
        "2598f7d6adc142d88161630f3db12ab2bd3403521c281811e5e1ce60d4ac5d76",
    }
)


@record(frozen=True)
class _Held:
    """A text that the key holds; ``default`` when something else may be configured; where it stands, if that is known."""

    text: str
    default: bool
    at: Location | None = None


@record(frozen=True)
class _Place:
    module: Module
    at: int
    plain: bool = False

    @property
    def location(self) -> Location:
        return Location(self.module.path, line_of(self.at), column_of(self.at))


@rule.on_call("encode", "decode", "decode_complete")
def signed(call: Call) -> Found:
    """The key of ``jwt.encode`` and ``jwt.decode``."""
    written = dotted(call.expr[2]).lower()
    if "jwt" not in written and "jws" not in written and "jose" not in written:
        return
    later = call.last == "encode" and call.name.startswith(("authlib.", "joserfc."))
    key = call.arg(2 if later else 1, "key")
    if key is not None and _is_hmac(call):
        yield from _judged(call, key)


@rule.on_call("JWTStrategy", "JwtAccessBearer", "JwtRefreshBearer", "JwtAccessBearerCookie", "JwtAccessCookie")
def strategy(call: Call) -> Found:
    """The key that fastapi-users and fastapi-jwt are given."""
    key = call.arg(0, "secret") or call.arg(None, "secret_key")
    if key is not None and _is_hmac(call):
        yield from _judged(call, key)


@rule.on_app
def extension(app: AppCode) -> Found:
    """Flask-JWT-Extended signs with ``JWT_SECRET_KEY``, else with the application's ``SECRET_KEY``."""
    if not any(name_of(use).startswith(("flask_jwt_extended.", "flask_jwt.")) for use in app.uses):
        return
    name = "JWT_SECRET_KEY" if "JWT_SECRET_KEY" in app.config else "SECRET_KEY"
    for held in _held(app.config.get(name)):
        if not held.text:
            continue
        yield from _spoken(app.world, name, held, app.config_at.get(name))


def _is_hmac(call: Call) -> bool:
    """HS256 and its like, or nothing said, which means HS256."""
    given = call.arg(2, "algorithms") or call.arg(None, "algorithm")
    if given is None:
        return True
    names = [v.value for v in members(call.value(given)) if isinstance(v, Const) and isinstance(v.value, str)]
    return not names or any(name.upper().startswith("HS") for name in names)


def _judged(call: Call, key: Expr) -> Found:
    flow = Flow.at(call)
    for where, expr in _origins(flow, flow.expand(key)):
        read = read_of(expr)
        for held in (*_held(where.value(expr)), *_looked_up(expr)):
            if not held.text and unset(Flow.at(where), expr) is None:
                # the service refuses to start without it
                continue
            yield from _spoken(call.world, read[1] if read is not None else _name(expr), held, where.location)


def _origins(flow: Flow, key: Expr) -> Iterator[tuple[Site, Expr]]:
    """The key itself; of a parameter what its function's callers give for it."""
    here = flow.function
    found = flow.define(key) if key[0] == "name" else None
    if found is None or found.param is None or found.function is None:
        yield Site(flow.world, here.module, here, key[1]), key
        return
    for caller, call in callers(flow.world, found.function):
        given = given_for(found.function, call, found.param.name)
        if given is not None:
            site = Site(flow.world, caller.module, caller, given[1])
            yield site, Flow.at(site).expand(given)


def _looked_up(key: Expr) -> Iterator[_Held]:
    """``config.get("jwt_secret", "secret")`` of a mapping that is not known."""
    is_get = key[0] == "call" and key[2][0] == "attr" and key[2][3] == "get" and len(key[3]) == 2
    if is_get and key[3][1][0] == "str" and last_name(key[2][2]) != "environ":
        yield _Held(key[3][1][2], default=True)


def _name(key: Expr) -> str:
    """``JWT_SECRET`` of ``settings.JWT_SECRET.get_secret_value()``."""
    while key[0] == "call" and key[2][0] == "attr" and key[2][3] in _PASSES:
        key = key[2][2]
    return last_name(key)


def _held(value: Value | None, depth: int = 5) -> Iterator[_Held]:
    """The texts that a value is known to be."""
    if isinstance(value, Const):
        if isinstance(value.value, (str, bytes)):
            text = value.value if isinstance(value.value, str) else value.value.decode("latin-1")
            yield _Held(text, isinstance(value, Default))
    elif isinstance(value, Either) and depth:
        for option in value.options:
            yield from (_Held(held.text, True, held.at) for held in _held(option, depth - 1))
    elif isinstance(value, Made) and depth:
        yield from _of_made(value, depth)


def _of_made(value: Made, depth: int) -> Iterator[_Held]:
    """``os.getenv("JWT_SECRET", "secret")``, ``SecretStr("secret")``, ``KEY.encode()``."""
    if isinstance(value.callee, Member) and value.callee.name in _PASSES:
        yield from _held(value.callee.base, depth - 1)
        return
    name = name_of(value.callee)
    given: Value | None = value.kwargs.get("default")
    if name.startswith(_READERS):
        given = given or (value.args[1] if len(value.args) > 1 else None)
    elif name.rpartition(".")[2] in _HOLDERS:
        given = given or (value.args[0] if value.args else None)
    else:
        return
    place = Location(value.module.path, line_of(value.at), column_of(value.at))
    yield from (_Held(held.text, True, held.at or place) for held in _held(given, depth - 1))


def _spoken(world: World, name: str, held: _Held, used: Location | None) -> Found:
    why = _weakness(held.text)
    if why is None:
        return
    guessable, said = why
    found = _defined(world, name, held.text) or _written(world, held.text)
    default = held.default and not (found is not None and found.plain)
    confidence = Confidence.MEDIUM if default else Confidence.HIGH
    if "test" in held.text.lower() or (found is not None and _is_refused(found.module, held.text)):
        confidence = Confidence.LOW
    message = f"the key that signs tokens {'falls back to' if default else 'is'} {said}"
    place = held.at or (found.location if found is not None else used)
    yield rule.finding(message, place, confidence, severity=None if guessable else Severity.MEDIUM, fix=_FIX)


def _weakness(text: str) -> tuple[bool, str] | None:
    """(can it be guessed, what it is), None for a long random text and for a key pair."""
    size = len(text.encode())
    if text.startswith("-----BEGIN"):
        return None
    if not text:
        return True, "an empty text"
    if hashlib.sha256(text.encode()).hexdigest() in _PUBLISHED:
        return True, "a text that a tutorial prints"
    if is_placeholder(text) or (looks(text) < RANDOM and not _many_kinds(text)):
        return True, f"a text of {size} characters that people choose" if size >= _WANTED else f"a guessable text of {size} bytes"
    if size < _WANTED:
        return size < _FEW, f"a text of {size} bytes, and HS256 wants {_WANTED}"
    return None


def _many_kinds(text: str) -> bool:
    """Spaces and control characters, as people paste from ``os.urandom``."""
    return len(text) >= _FEW and all(any(kind(c) for c in text) for kind in (str.isdigit, str.isalpha, lambda c: not c.isalnum()))


def _defined(world: World, name: str, text: str) -> _Place | None:
    """Where the literal stands under this name; ``plain`` when nothing but the literal is assigned, and not to a field of a class."""
    for module in sorted(world.modules.values(), key=lambda m: m.path):
        for item in facts(Site(world, module, module.top, module.top.at)).named(name):
            for node in walk(item.value):
                if node[0] in ("str", "const") and _as_text(node[2]) == text:
                    return _Place(module, node[1], item.owner is None and node is item.value)
    return None


def _written(world: World, text: str) -> _Place | None:
    """The first place where the literal stands at all: a function returns it, or it was renamed on the way."""
    for module in sorted(world.modules.values(), key=lambda m: m.path) if text else ():
        for function in sites_of(module):
            for node in walk(function.body):
                if node[0] == "str" and node[2] == text:
                    return _Place(module, node[1])
    return None


def _as_text(value: object) -> str | None:
    return value.decode("latin-1") if isinstance(value, bytes) else value if isinstance(value, str) else None


def _is_refused(module: Module, text: str) -> bool:
    """``if SECRET == "changeme": raise …``: somebody looks at it where it is defined."""
    return any(side[0] == "str" and side[2] == text for f in sites_of(module) for c in f.compares for side in (c[2], *c[4]))
