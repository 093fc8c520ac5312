"""What a made-up value is made of: random numbers of which kind, the clock, hashes of what others know.

Names are followed to their definition, functions of the tree to what they return. What is not understood is *unknown*, and whoever asks
takes that for good.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from ostiary.scan.code.ir import Expr, Function, last_name, walk
from ostiary.scan.code.values import Const, Ext, Func, name_of
from ostiary.scan.code.world import options
from ostiary.scan.records import record
from ostiary.scan.rules._flows import Flow
from ostiary.scan.rules._sources import read_of
from ostiary.scan.rules._words import listed, words

_DEPTH = 10


class Kind(StrEnum):
    """``guessable``: a name, an address, an id; ``strong``: from the system's generator."""

    RANDOM = "random"
    CLOCK = "the clock"
    UUID1 = "uuid1"
    GUESSABLE = "guessable"
    STRONG = "strong"
    UNKNOWN = "unknown"


@record(frozen=True)
class Part:
    """One thing that a value is made of, in the function where it stands; ``hashed`` when only its digest is used."""

    kind: Kind
    expr: Expr
    function: Function
    hashed: bool = False


_PRNG = listed("choice choices sample randint randrange random getrandbits randbytes uniform integers rand bytes")
_STRONG = (
    "secrets.",
    "os.urandom",
    "uuid.uuid4",
    "random.SystemRandom.",
    "random.SystemRandom",
    "nanoid.",
    "Crypto.Random.",
    "cryptography.",
)
_CLOCKS = ("time.time", "time.time_ns", "time.monotonic", "datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today")
WRAPS = listed(
    "str int hex bytes repr list tuple sorted reversed b64encode urlsafe_b64encode b32encode hexlify crc32 abs round format float"
)
METHODS = listed(
    "encode decode hex hexdigest digest upper lower strip rstrip lstrip replace isoformat timestamp strftime to_bytes zfill title"
)
_GUESSABLE = listed("email mail user username name login phone id uid pk ip address host hostname date timestamp time counter count index")


def parts(flow: Flow, expr: Expr, depth: int = _DEPTH, *, many: bool = False, hashed: bool = False) -> Iterator[Part]:
    """``many`` inside what is repeated: ``random.choice`` there draws a character, elsewhere it picks one of several values."""
    if depth <= 0:
        yield Part(Kind.UNKNOWN, expr, flow.function)
        return
    tag = expr[0]
    if tag == "call":
        yield from _call(flow, expr, depth, many, hashed)
    elif tag == "name":
        yield from _name(flow, expr, depth, many, hashed)
    elif tag == "attr":
        yield from _attribute(flow, expr, depth, many, hashed)
    elif read_of(expr) is not None:
        yield from _leaf(flow, expr, hashed)
    else:
        inner, repeated = _inside(expr)
        if inner is None:
            yield Part(Kind.UNKNOWN, expr, flow.function)
            return
        for part in inner:
            yield from parts(flow, part, depth - 1, many=many or repeated, hashed=hashed)


def _inside(expr: Expr) -> tuple[tuple[Expr, ...] | None, bool]:
    """(what it is put together from, is that repeated); None for what is not understood."""
    tag = expr[0]
    if tag in ("str", "const"):
        return (), False
    if tag == "fstr":
        return expr[2], False
    if tag == "bin":
        return (expr[3], expr[4]), expr[2] == "*"
    if tag == "sub":
        if expr[3][0] == "slice" or expr[3][0] == "const":
            return (expr[2],), False
        return (expr[3],), True
    if tag == "comp":
        return (expr[3],), True
    if tag == "seq":
        return expr[3], len(expr[3]) > 1
    if tag == "ifexp":
        return (expr[3], expr[4]), False
    if tag == "star":
        return (expr[2],), False
    return ((expr[3],), False) if tag == "walrus" else (None, False)


def callee_name(flow: Flow, call: Expr) -> str:
    """Dotted name of what is called, as resolved."""
    return name_of(flow.world.value(call[2], flow.world.inside(flow.function)))


def _call(flow: Flow, expr: Expr, depth: int, many: bool, hashed: bool) -> Iterator[Part]:
    kind = _made(flow, expr, many)
    if kind is not None:
        yield Part(kind, expr, flow.function, hashed)
        return
    last, func = last_name(expr[2]), expr[2]
    name = callee_name(flow, expr)
    if name.startswith("hashlib.") and last not in METHODS:
        inner = expr[3][1:] if last == "new" else expr[3]
        for part in inner:
            yield from parts(flow, part, depth - 1, many=many, hashed=True)
    elif last == "join" and func[0] == "attr" and expr[3]:
        yield from parts(flow, expr[3][0], depth - 1, many=True, hashed=hashed)
    elif func[0] == "attr" and last in METHODS:
        yield from parts(flow, func[2], depth - 1, many=many, hashed=hashed)
    elif func[0] == "attr" and last == "format":
        for part in (*expr[3], *(value for _, value in expr[4])):
            yield from parts(flow, part, depth - 1, many=many, hashed=hashed)
    elif last in WRAPS and expr[3]:
        yield from parts(flow, expr[3][0], depth - 1, many=many, hashed=hashed)
    else:
        yield from _of_the_tree(flow, expr, depth, hashed)


def _made(flow: Flow, call: Expr, many: bool) -> Kind | None:
    """What a call of a library makes, judged by its resolved name."""
    name = callee_name(flow, call)
    if name.startswith(_STRONG):
        return Kind.STRONG
    if name == "uuid.uuid1":
        return Kind.UUID1
    if name in _CLOCKS:
        return Kind.CLOCK
    if name.startswith(("random.", "numpy.random.")) and name.rpartition(".")[2] in _PRNG:
        drawn = last_name(call[2])
        return Kind.UNKNOWN if drawn == "choice" and not many else Kind.RANDOM
    return None


def _of_the_tree(flow: Flow, call: Expr, depth: int, hashed: bool) -> Iterator[Part]:
    """What a function of the tree returns is made of."""
    found = False
    for option in options(flow.world.value(call[2], flow.world.inside(flow.function))):
        if isinstance(option, Func) and isinstance(option.handler, Func):
            function = option.handler.function
            for made in returned(function):
                found = True
                yield from parts(Flow(flow.world, function), made, depth - 3, hashed=hashed)
    if not found:
        yield Part(Kind.UNKNOWN, call, flow.function)


def returned(function: Function) -> list[Expr]:
    """The expressions that a function returns."""
    return [node[2] for node in walk(function.body) if node[0] == "return" and node[2] is not None]


def _name(flow: Flow, expr: Expr, depth: int, many: bool, hashed: bool) -> Iterator[Part]:
    found = flow.define(expr)
    if found is None or found.expr is None or found.how == "param":
        yield from _leaf(flow, expr, hashed)
    elif found.how in ("assign", "aug"):
        added = _appended(flow, expr[2]) if found.expr[0] == "seq" and not found.expr[3] else ()
        for part in (found.expr, *added):
            yield from parts(flow, part, depth - 1, many=many or found.how == "aug" or bool(added), hashed=hashed)
    else:
        yield Part(Kind.UNKNOWN, expr, flow.function)


def _appended(flow: Flow, name: str) -> tuple[Expr, ...]:
    """``chars.append(x)``, for a list that starts empty."""
    adds = (c for c in flow.function.calls if c[2][0] == "attr" and c[2][3] in ("append", "extend") and c[3])
    return tuple(c[3][0] for c in adds if c[2][2][0] == "name" and c[2][2][2] == name)


def _attribute(flow: Flow, expr: Expr, depth: int, many: bool, hashed: bool) -> Iterator[Part]:
    if expr[3] in ("hex", "int", "bytes", "urn", "microsecond"):
        yield from parts(flow, expr[2], depth - 1, many=many, hashed=hashed)
    else:
        yield from _leaf(flow, expr, hashed)


def _leaf(flow: Flow, expr: Expr, hashed: bool) -> Iterator[Part]:
    """Nothing for constants; guessable by its name, else unknown."""
    value = flow.world.value(expr, flow.world.inside(flow.function))
    if isinstance(value, Const) or (isinstance(value, Ext) and value.name.startswith("string.")):
        return
    read = read_of(expr)
    own = words(read[1] if read is not None else last_name(expr))
    kind = Kind.GUESSABLE if own and own[-1] in _GUESSABLE else Kind.UNKNOWN
    yield Part(kind, expr, flow.function, hashed)
