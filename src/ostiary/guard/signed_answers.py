"""Answers that leave signed (SIGN-7): held until their end, then sent with Content-Digest (RFC 9530) and Signature (RFC 9421).

What is signed is in ``wire/signed_response``. The digest is of what leaves the guard, after secrets were masked. An answer that cannot be
held, or cannot be signed, is replaced by a refusal: nobody gets an unsigned one who was promised a signature.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ostiary.guard import answers
from ostiary.guard.decision import Deny
from ostiary.wire import problem
from ostiary.wire.message import Message
from ostiary.wire.signed_response import sign_response

if TYPE_CHECKING:
    from ostiary.guard.core import Core
    from ostiary.guard.request import Request
    from ostiary.wire.signing_key import SignKey

TOO_LARGE, STREAMS, UNSIGNABLE = "answer_too_large", "answer_streams", "answer_unsignable"
_WITHOUT_CONTENT = frozenset({204, 205, 304})
_REPLACED = frozenset({"content-digest", "content-length", "transfer-encoding"})
_WHY = {
    TOO_LARGE: "its answer is larger than Signatures(max_answer=...) and cannot be held to be signed",
    STREAMS: "an event stream cannot be signed; leave sign_response out",
    UNSIGNABLE: "its answer cannot be signed",
}
logger = logging.getLogger("ostiary")


class AnswerSigner(NamedTuple):
    """``key`` signs, answers of at most ``most`` bytes are held for it."""

    key: SignKey
    most: int
    clock: Callable[[], float]


class Sealed(NamedTuple):
    """A complete answer."""

    status: int
    headers: list[tuple[str, str]]
    content: bytes


class Held:
    """One answer on its way out. ``over``: there is no point in waiting for more of it."""

    def __init__(self, core: Core, signer: AnswerSigner, request: Request, status: int, headers: Sequence[tuple[str, str]]) -> None:
        self._core = core
        self._signer = signer
        self._request = request
        self._status = status
        self._headers = list(headers)
        self._pieces: list[bytes] = []
        self._size = 0
        streams = any(name.lower() == "content-type" and value.lower().startswith("text/event-stream") for name, value in headers)
        self._reason = STREAMS if streams else ""

    @property
    def over(self) -> bool:
        return self._reason != ""

    def add(self, piece: bytes) -> bool:
        """True while there is room."""
        self._size += len(piece)
        if self._size > self._signer.most:
            self._reason = self._reason or TOO_LARGE
        if not self._reason:
            self._pieces.append(piece)
        return not self._reason

    def sealed(self) -> Sealed:
        """The answer with its signature, or the refusal that takes its place."""
        if self._reason:
            return self._instead(self._reason)
        try:
            return self._signed(self._status, self._headers, b"".join(self._pieces))
        except Exception:  # noqa: BLE001 whatever fails in here is a refusal
            return self._instead(UNSIGNABLE)

    def _signed(self, status: int, headers: list[tuple[str, str]], content: bytes) -> Sealed:
        request, empty = self._request, status in _WITHOUT_CONTENT
        if empty or request.method == "HEAD":
            content = b""
        kept = [(name, value) for name, value in headers if name.lower() not in _REPLACED]
        if request.method == "HEAD":
            kept += [(name, value) for name, value in headers if name.lower() == "content-length"]
        elif not empty:
            kept.append(("Content-Length", str(len(content))))
        lines = tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in kept)
        message = Message(fields=lines, status=status, request=request.message())
        added = sign_response(message, content, self._signer.key, created=int(self._signer.clock()))
        return Sealed(status, [*kept, *((name.decode("ascii"), value.decode("ascii")) for name, value in added)], content)

    def _instead(self, reason: str) -> Sealed:
        """The refusal, signed if anything of this request can be."""
        request, compiled = self._request, self._request.compiled
        route = f"{compiled.method} {compiled.template}" if compiled is not None else request.path
        logger.error("%s: %s", route, _WHY[reason], exc_info=reason == UNSIGNABLE)
        denied = Deny(problem.UNSIGNED, reason)
        self._core.refuse(request, denied)
        refused = answers.refusal(request, denied)
        headers = answers.settle(self._core, request, refused.headers)
        try:
            return self._signed(refused.status, headers, refused.body)
        except Exception:  # noqa: BLE001 said above
            return Sealed(refused.status, headers, refused.body)


def held(core: Core, request: Request, status: int, headers: Sequence[tuple[str, str]]) -> Held | None:
    """The answer of a route that signs; None on other routes, and before it is known which route is called."""
    signer = request.compiled.signer if request.compiled is not None else None
    return None if signer is None else Held(core, signer, request, status, headers)
