"""What the request path leaves of a call, and the event that is made of it in the thread that writes.

A call is a plain tuple: nothing of it is formatted, cleaned or looked up while the caller waits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from ostiary.guard.event import Event, spelled
from ostiary.guard.stores.base import Spent

if TYPE_CHECKING:
    from ostiary.guard.decision import Principal
    from ostiary.guard.policies import Compiled
    from ostiary.guard.request import Request
    from ostiary.model.limit import Limit

Call = tuple[
    float,
    str,
    "Compiled | None",
    str,
    str,
    int,
    float,
    "Principal | None",
    str,
    str,
    str,
    str,
    "tuple[Limit, ...]",
    "Spent | tuple[int, ...] | None",
    str,
    "Sequence[str]",
    "Sequence[str]",
]
"""Ended (Unix seconds), id, route, method, path, status, started, principal, address, agent, reason, verdict, limits, spent, version, removed from the body, headers that lost something."""
_LEFT = itemgetter(1)
_GONE = "[redacted]"
_made = tuple.__new__  # what a NamedTuple does, without the call around it


def left(request: Request, status: int, ended: float, version: str) -> Call:
    """One call that is over, without the credential it came with. ``version``: the one that a header named, "" where the path tells."""
    path, agent, credential = request.path, request.agent(), request.credential
    if credential and (credential in path or credential in agent):
        path, agent = path.replace(credential, _GONE), agent.replace(credential, _GONE)
    return (
        ended,
        request.id,
        request.compiled,
        request.method,
        path,
        status,
        request.started,
        request.principal,
        request.address,
        agent,
        request.reason,
        request.verdict,
        request.limits,
        request.left if request.said is not None else request.spent,
        version,
        request.removed,
        request.removed_headers,
    )


class Batch:
    """Makes events of calls. Texts come again and again: within one batch each is cleaned once."""

    def __init__(self, redact: Callable[[str], str], address: Callable[[str], str]) -> None:
        """``redact`` takes secrets out of paths and agents; ``address`` is how an address is kept."""
        self._redacted = _Each(lambda text: spelled(redact(text)))
        self._spelled = _Each(spelled)
        self._address = _Each(lambda text: spelled(address(text)))

    def event(self, call: Call) -> Event:
        """The event of a call, as ``event.cleaned`` demands it."""
        (
            ended,
            request_id,
            compiled,
            method,
            path,
            status,
            started,
            who,
            address,
            agent,
            reason,
            verdict,
            limits,
            spent,
            version,
            body,
            headers,
        ) = call
        return _made(
            Event,
            (
                ended,
                request_id,
                compiled.route if compiled is not None else ("", ""),
                version or (compiled.version if compiled is not None else ""),
                self._spelled[method],
                self._redacted[path],
                status,
                max(int((ended - started) * 1e6), 0),
                self._spelled[who.subject] if who is not None else "",
                self._spelled[who.key_id] if who is not None else "",
                self._address[address],
                self._redacted[agent],
                self._spelled[reason],
                verdict,
                self._limit_state(limits, spent),
                self._removed(body, headers) if body or headers else "",
            ),
        )

    def _removed(self, body: Sequence[str], headers: Sequence[str]) -> str:
        """What was taken out of the answer: where, and by which pattern, never what it was."""
        parts = [*(f"header {name}" for name in dict.fromkeys(headers)), *(f"body ({family})" for family in dict.fromkeys(body))]
        return spelled("removed from the answer: " + ", ".join(parts))

    def _limit_state(self, limits: tuple[Limit, ...], spent: Spent | tuple[int, ...] | None) -> str:
        """What is left of the limit that has least, as ``3 of 5 per minute``; empty where none was asked."""
        if not spent:
            return ""
        if not isinstance(spent, Spent):
            remaining = min(spent[::2])
            return f"{remaining} of {self._spelled[limits[spent[::2].index(remaining)].text]}"
        if not spent.states:
            return ""
        index, remaining, _ = min(spent.states, key=_LEFT)
        return f"{remaining} of {self._spelled[limits[index].text]}"


class _Each(dict[str, str]):
    """A function's answers, each worked out once."""

    def __init__(self, function: Callable[[str], str]) -> None:
        self._function = function

    def __missing__(self, text: Any) -> str:
        found = self[text] = self._function(text)
        return found
