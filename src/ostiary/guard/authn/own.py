"""A way of the app's own to tell who is calling, in one function: ``Guard(authenticators=[authenticator("session", who)])``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ostiary.errors import UsageError
from ostiary.guard.ask import Call, Flow
from ostiary.guard.authn import Answer, Refusal
from ostiary.guard.decision import Principal

if TYPE_CHECKING:
    from ostiary.guard.network import Trust
    from ostiary.guard.request import Request

Function = Callable[["Request"], Any]
_LONGEST_NAME = 40


class Own:
    """Asks a function: a Principal, or a text for its subject, lets in; a Refusal does not; None is "not my kind of credential"."""

    ambient = True
    automatic = True

    def __init__(self, name: str, function: Function) -> None:
        self.name = name
        self.function = function

    def find(self, request: Request, trust: Trust) -> None:
        """It is asked, whatever there is."""

    def prove(self, request: Request, text: str, now: float) -> Flow[Answer]:  # noqa: ARG002 the function reads for itself
        answer = yield Call(self.function, (request,), blocking=True)
        if isinstance(answer, str) and answer:
            return Principal(answer, self.name)
        if answer is None or isinstance(answer, (Principal, Refusal)):
            return answer
        raise TypeError(f"{self.name}: a Principal, a subject, a Refusal or None, not {type(answer).__name__}")


def authenticator(name: str, function: Function) -> Own:
    """``function(request)`` tells who is calling (guard.request.Request: ``header(name)``, ``method``, ``path``); sync or async.

    It is asked where a call brings no credential, or a text that has not the form of our keys and that nobody proved a moment ago. It
    returns a Principal, a text (the subject, without scopes), a Refusal, or None: not my kind of credential. What it raises is 503.
    Raises UsageError.
    """
    if not isinstance(name, str) or not name.replace("-", "").isalnum() or len(name) > _LONGEST_NAME:
        raise UsageError(f"authenticator: a name of letters, digits and -, not {name!r}")
    if not callable(function):
        raise UsageError(f'authenticator: a function of the request, as in authenticator("session", who), not {function!r}')
    return Own(name, function)
