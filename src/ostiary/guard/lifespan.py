"""Start and end of an ASGI server, around those of the app."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from ostiary.errors import UsageError

if TYPE_CHECKING:
    from ostiary.guard.core import Core

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]
_ANSWERS = (".complete", ".failed")


async def lifespan(core: Core, ready: Callable[[], None], app: App, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    """A declaration that cannot be ends the start with its sentence: a server that only saw an exception might go on without lifespan.

    For an app that knows no lifespan (Django raises) the guard answers itself: it must be told when the server ends.
    """
    try:
        ready()
    except UsageError as error:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": str(error)})
        return
    seen: list[Message] = []

    async def received() -> Message:
        seen.append(await receive())
        return seen[-1]

    async def sent(message: Message) -> None:
        seen.append(message)
        await _closing(core, send, message)

    try:
        await app(scope, received, sent)
    except Exception:
        if any(message["type"].endswith(_ANSWERS) for message in seen):
            raise
        if not seen:
            await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await _closing(core, send, {"type": "lifespan.shutdown.complete"})


async def _closing(core: Core, send: Send, message: Message) -> None:
    """Writes the last events before the server ends: uvicorn ends by a signal, and nothing at exit would run."""
    if message["type"].startswith("lifespan.shutdown"):
        core.recorder.close()
        await core.aclose()
    await send(message)
