"""What a call may bring (AUTH-10): its media type, how many bytes, and JSON of one meaning that fits its schema. The last step of a decision.

A refusal says where and what is wrong, never what was sent.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ostiary.guard.ask import Flow, ReadBody
from ostiary.guard.body import unread
from ostiary.guard.decision import Deny
from ostiary.guard.schemas import Check, check_of
from ostiary.wire import problem, strict_json

if TYPE_CHECKING:
    from ostiary.guard.request import Request
    from ostiary.model.route import Policy

MOST = 1_048_576
SECONDS = 30.0
_UTF8 = frozenset({"", "utf-8", "utf8"})


@dataclass(frozen=True, slots=True)
class Intake:
    """``types`` None: any. ``check`` None: JSON of any shape. ``json``: content that is JSON is read strictly, at most ``depth`` deep."""

    types: frozenset[str] | None
    most: int
    depth: int
    json: bool
    check: Check | None

    def takes(self, media: str) -> bool:
        """``application/*`` takes what it says."""
        return self.types is None or media in self.types or f"{media.partition('/')[0]}/*" in self.types


def intake_of(policy: Policy, body: Any, *, signed: bool) -> Intake | None:
    """None where a route takes everything, or only the size of a signed body is limited, which is read before."""
    if policy.accepts is None and body is None and policy.json_depth is None and (policy.max_body is None or signed):
        return None
    strict = body is not None or policy.json_depth is not None or any(is_json(one) for one in policy.accepts or ())
    types = policy.accepts if policy.accepts is not None or body is None else ("application/json",)
    return Intake(
        None if types is None else frozenset(types),
        MOST if policy.max_body is None else policy.max_body,
        policy.json_depth or strict_json.DEEPEST,
        strict,
        None if body is None else check_of(body),
    )


def is_json(media: str) -> bool:
    """application/json, and everything ``+json`` (RFC 6839)."""
    return media == "application/json" or media.endswith("+json")


def check(request: Request, intake: Intake) -> Flow[Deny | None]:
    """Step 16. What was read is what the app reads; what a schema made of it is in ``request.given``."""
    media, charset = _content_type(request)
    pieces: list[bytes] = []
    # What does not say what it is, or says it twice, is JSON to many a framework.
    strict = intake.json and (not media or is_json(media))
    denied = yield from _read(request, intake.most, pieces if strict else None)
    if denied is not None:
        return denied
    if request.body is None or not request.body.size:
        return None if intake.check is None else Deny(problem.CONTENT_MISSING, "content_missing")
    if not intake.takes(media):
        return Deny(replace(problem.MEDIA_TYPE, headers=_accept(intake)), "media_type")
    if not strict:
        return None
    if charset not in _UTF8:
        return Deny(replace(problem.MEDIA_TYPE, headers=_accept(intake)), "charset")
    try:
        value = strict_json.read(b"".join(pieces), intake.depth)
    except (ValueError, RecursionError):
        return Deny(problem.BAD_JSON, "bad_json")
    if intake.check is None:
        return None
    request.given, faults = intake.check(value)
    return Deny(replace(problem.NOT_VALID, errors=tuple(faults)), "not_valid") if faults else None


def _read(request: Request, most: int, pieces: list[bytes] | None) -> Flow[Deny | None]:
    if request.body is not None:
        # A signature was verified over it.
        if pieces is not None:
            pieces.append(request.body.file.read())
            request.body.rewind()
        return None if request.body.size <= most else Deny(problem.CONTENT_TOO_LARGE, "body_too_large")
    body = yield ReadBody(request, most, SECONDS, _nothing if pieces is None else pieces.append)
    return unread(body) if body.reason else None


def _nothing(_: bytes) -> None:
    """What is no JSON is only counted."""


def _content_type(request: Request) -> tuple[str, str]:
    """(media type, charset), in lower case; several lines are none that can be believed."""
    lines = request.header("content-type")
    media, _, parameters = (lines[0] if len(lines) == 1 else "").lower().partition(";")
    charset = next((one.partition("=")[2] for one in parameters.split(";") if one.strip().startswith("charset=")), "")
    return media.strip(), charset.strip().strip('"')


def _accept(intake: Intake) -> tuple[tuple[str, str], ...]:
    """RFC 9110, 15.5.16: what would have been taken."""
    return (("Accept", ", ".join(sorted(intake.types or ("application/json",)))),)
