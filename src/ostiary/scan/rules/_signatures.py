"""Where a request's HMAC is computed and compared with the one that came along: in one function, or in one that calls the other."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ostiary.scan.code.ir import Expr, Function, argument, last_name, walk
from ostiary.scan.code.sites import Call, Site
from ostiary.scan.code.world import World
from ostiary.scan.lazy import Pattern
from ostiary.scan.records import record
from ostiary.scan.rules._callers import callers
from ostiary.scan.rules._flows import Flow
from ostiary.scan.rules._making import callee_name
from ostiary.scan.rules._message import Piece, Role, pieces
from ostiary.scan.rules._sources import read_of, request_part

_COMPARES = ("compare_digest", "constant_time_compare", "safe_str_cmp", "bytes_eq")
_SIGNED = Pattern(r"sig|hmac|digest|mac(?![a-z])|x.hub|\bv[01]\b", re.IGNORECASE)
_IN_HEADER = Pattern(r"hash|auth|check", re.IGNORECASE)
_HOOK = Pattern(
    r"hook|callback|ipn|github|gitlab|stripe|slack|shopify|twilio|svix|paddle|razorpay|paypal|zoom|discord|telegram|event", re.IGNORECASE
)
_PROVIDER = Pattern(
    r"hub-signature|stripe-signature|slack-signature|shopify|twilio|gitlab|svix|webhook-signature|paddle|razorpay|square|linear-signature|zm-signature"
    r"|line-signature|typeform|bitbucket|paypal|intercom|zendesk|calendly|docusign|x-signature-ed25519",
    re.IGNORECASE,
)
_DEPTH = 6


@record(frozen=True)
class Check:
    """A signature of a request is verified. ``computed`` is where it is computed; ``function`` compares it at ``at``; ``given`` names what it is
    compared with; ``message`` is what is signed."""

    world: World
    computed: Site
    function: Function
    at: int
    given: str
    message: tuple[Piece, ...]
    in_url: bool

    @property
    def place(self) -> Site:
        """Where it is compared."""
        return Site(self.world, self.function.module, self.function, self.at)

    @property
    def roles(self) -> frozenset[Role]:
        return frozenset(piece.role for piece in self.message)

    @property
    def by_provider(self) -> bool:
        """A well-known sender wrote the protocol, so this side cannot change it."""
        return _PROVIDER.search(self.given.replace("_", "-")) is not None

    @property
    def is_hook(self) -> bool:
        """A webhook by its name: one address, one method, another's protocol."""
        names = (self.function.name, self.function.module.name, self.computed.function.name, self.given)
        return self.by_provider or any(_HOOK.search(name) for name in names)


def checks(call: Call) -> Iterator[Check]:
    """The checks that an ``hmac.new(key, message, …)`` is computed for; none when it does not sign a request."""
    if callee_name(Flow.at(call), call.expr) not in ("hmac.new", "hmac.digest", "hmac.HMAC"):
        return
    here = call.function
    yield from _compared(call, here, call.expr)
    if any(_holds(Flow.at(call), node[2], call.expr) for node in walk(here.body) if node[0] == "return" and node[2] is not None):
        for caller, made in callers(call.world, here):
            if caller is not here:
                yield from _compared(call, caller, made)


def _compared(call: Call, function: Function, made: Expr) -> Iterator[Check]:
    """``made`` is the call that gives the signature within ``function``."""
    flow = Flow(call.world, function)
    for at, left, right in comparisons(function):
        side = right if _holds(flow, left, made) else left if _holds(flow, right, made) else None
        if side is None:
            continue
        given = flow.expand(side)
        name = _said(flow, side, given)
        found = Check(call.world, call, function, at, name, tuple(_message(call)), _part(flow, given) == "query")
        signed = _SIGNED.search(name) or (_IN_HEADER.search(name) and _part(flow, given) == "header")
        # a cookie or a file can be signed as well: the request must be seen, or a hook be spoken of
        if signed and (found.is_hook or any(piece.sure for piece in found.message)):
            yield found
        return


def comparisons(function: Function) -> Iterator[tuple[int, Expr, Expr]]:
    """(place, one side, the other) of each ``==``, ``!=`` and ``compare_digest`` of a function."""
    for expr in function.compares:
        if expr[3][0] in ("==", "!="):
            yield expr[1], expr[2], expr[4][0]
    for expr in function.calls:
        if last_name(expr[2]) in _COMPARES and len(expr[3]) == 2:
            yield expr[1], expr[3][0], expr[3][1]


def _message(call: Call) -> Iterator[Piece]:
    """The second argument, and what ``update`` adds to it."""
    flow = Flow.at(call)
    first = call.arg(1, "msg")
    if first is not None and not (first[0] == "const" and first[2] is None):
        yield from pieces(flow, first)
    for other in call.function.calls:
        is_update = other[2][0] == "attr" and other[2][3] == "update" and other[3]
        if is_update and flow.expand(other[2][2]) is call.expr:
            yield from pieces(flow, other[3][0])


def _holds(flow: Flow, expr: Expr, made: Expr, depth: int = _DEPTH) -> bool:
    """The expression is computed from this call."""
    for node in walk(expr):
        if node is made:
            return True
        if node[0] == "name" and depth:
            origin = flow.expand(node)
            if origin is not node and _holds(flow, origin, made, depth - 1):
                return True
    return False


def _said(flow: Flow, side: Expr, given: Expr) -> str:
    """The header, parameter or variable that holds the signature that came along."""
    names = [last_name(side)]
    for _ in range(_DEPTH):
        read = read_of(given)
        names.append(read[1] if read is not None else last_name(given))
        inner = _within(given) if read is None else None
        if inner is None:
            break
        given = flow.expand(inner)
    found = flow.define(given) if given[0] == "name" else None
    if found is not None and found.param is not None and found.param.default is not None and found.param.default[0] == "call":
        alias = argument(found.param.default, None, "alias")
        names += [alias[2]] if alias is not None and alias[0] == "str" else []
    return " ".join(name for name in reversed(names) if name)


def _within(expr: Expr) -> Expr | None:
    """What a value was taken out of: ``header`` of ``header.split("=")[1]``."""
    if expr[0] in ("attr", "sub"):
        return expr[2]  # type: ignore[no-any-return]
    if expr[0] == "call":
        return expr[2][2] if expr[2][0] == "attr" else expr[3][0] if expr[3] else None
    return expr[3][0] if expr[0] == "bool" else None


def _part(flow: Flow, given: Expr) -> str | None:
    """The part of the request that holds it; ``query`` for a link that was signed to be passed on."""
    read = read_of(given)
    return request_part(flow, read[0]) if read is not None else None
