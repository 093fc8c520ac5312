"""A signature that leaves a part of the request open, or that several requests share."""

from __future__ import annotations

from collections.abc import Iterator

from ostiary.model.finding import Confidence, Severity
from ostiary.scan.code.sites import Call
from ostiary.scan.records import record
from ostiary.scan.rules import Found, Rule
from ostiary.scan.rules._callers import callers
from ostiary.scan.rules._message import Piece, Role
from ostiary.scan.rules._signatures import Check, checks
from ostiary.scan.rules._sources import is_endpoint

rule = Rule("signature-not-bound")

_FIX = 'Sign all of the request, with separators:\nparts = [method, path_and_query, timestamp, sha256(body).hexdigest()]\n"\\n".join(parts)'
_FILLED = frozenset(Role) - {Role.TEXT, Role.OTHER}
_BODIES = frozenset({Role.BODY, Role.JSON})
_ADDRESS = frozenset({Role.PATH, Role.URL})


@record(frozen=True)
class _Flaw:
    severity: Severity
    confidence: Confidence
    text: str


@rule.on_call("new", "digest", "HMAC")
def signed(call: Call) -> Found:
    """What an HMAC of a request is computed of; one finding with all that is wrong, as grave as the gravest."""
    for check in checks(call):
        flaws = sorted(_flaws(check), key=lambda flaw: (-flaw.severity.rank, -flaw.confidence.rank))
        if flaws:
            message = "; ".join(flaw.text for flaw in flaws)
            yield rule.finding(message, call, flaws[0].confidence, severity=flaws[0].severity, fix=_FIX)


def _flaws(check: Check) -> Iterator[_Flaw]:
    if check.in_url:
        return
    if any(piece.lossy for piece in check.message):
        yield _Flaw(Severity.MEDIUM, Confidence.HIGH, "bytes that are no UTF-8 are lost before the body is signed")
    if Role.JSON in check.roles and Role.BODY not in check.roles:
        yield _Flaw(Severity.MEDIUM, Confidence.MEDIUM, "the body is signed as it was parsed and written again, not as it was sent")
    yield from _left_out(check)
    if not check.by_provider:
        yield from _run_together(check)


def _left_out(check: Check) -> Iterator[_Flaw]:
    roles = check.roles
    if Role.OTHER in roles:
        # it may be anything, the body too
        return
    if not roles & _BODIES:
        confidence = Confidence.HIGH if all(piece.sure for piece in check.message if piece.role in _ADDRESS) else Confidence.MEDIUM
        yield _Flaw(Severity.HIGH, confidence, f"the signature covers {_listed(roles)}, and not the body")
    elif not check.is_hook and not _serves_one(check) and any(piece.sure for piece in check.message):
        yield from _address_left_out(check)


def _serves_one(check: Check) -> bool:
    """It belongs to one address: the handler itself, or what only that one calls."""
    above = {caller for caller, _ in callers(check.world, check.function)}
    return is_endpoint(check.function) or (len(above) == 1 and all(is_endpoint(caller) for caller in above))


def _address_left_out(check: Check) -> Iterator[_Flaw]:
    """Of a scheme for a whole API: a signature for one address is good for another."""
    roles, missing = check.roles, []
    if Role.METHOD not in roles:
        missing.append("method")
    if not roles & _ADDRESS:
        missing.append("path")
    if not roles & {Role.QUERY, Role.URL}:
        missing.append("query")
    if not missing:
        return
    # a body alone is how webhooks are signed, whatever they are called
    alone = not roles - _BODIES - {Role.TEXT, Role.TIME, Role.NONCE}
    yield _Flaw(Severity.MEDIUM, Confidence.LOW if alone else Confidence.MEDIUM, f"the signature leaves out {_and(missing)}")


def _run_together(check: Check) -> Iterator[_Flaw]:
    """Two parts side by side with nothing between them: bytes can move from one to the other."""
    pairs = [(a.role, b.role) for a, b in zip(check.message, check.message[1:], strict=False) if _adjacent(a, b)]
    if not pairs:
        return
    # a timestamp that is read as a number ends where the JSON begins
    harmless = all(first is Role.TIME and second in _BODIES for first, second in pairs)
    first, second = pairs[0]
    yield _Flaw(
        Severity.MEDIUM, Confidence.LOW if harmless else Confidence.MEDIUM, f"{first} and {second} are signed with nothing between them"
    )


def _adjacent(first: Piece, second: Piece) -> bool:
    """No method holds a slash, and no path begins without one."""
    return {first.role, second.role} <= _FILLED and not (first.role is Role.METHOD and second.role in _ADDRESS)


def _listed(roles: frozenset[Role]) -> str:
    return _and([role.value for role in Role if role in roles and role in _FILLED])


def _and(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
