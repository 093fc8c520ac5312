"""HTTP Basic (RFC 7617) with a key: its id is the name, the key itself the password. For tools that know nothing else."""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import TYPE_CHECKING

from ostiary.errors import UsageError
from ostiary.guard.ask import Flow
from ostiary.guard.authn import Answer, Authenticator, Refusal
from ostiary.guard.authn.presented import FORM, Malformed
from ostiary.guard.decision import Principal

if TYPE_CHECKING:
    from ostiary.guard.network import Trust
    from ostiary.guard.request import Request

NAME = "basic"
_SCHEME = "basic"


class Basic:
    """``Guard(authenticators=[Basic()])``: the keys of this guard, as name and password."""

    name = NAME
    ambient = False
    automatic = True

    def __init__(self) -> None:
        self._keys: Authenticator | None = None

    def bind(self, keys: Authenticator | None) -> None:
        """Called by the guard with what verifies its keys."""
        self._keys = keys

    def find(self, request: Request, trust: Trust) -> str:  # noqa: ARG002 whoever stands between
        """``id:key``. Raises Malformed for two, and for what is neither base64 nor a name and a key."""
        found = [
            rest
            for line in request.header("authorization")
            for scheme, _, rest in [line.strip().partition(" ")]
            if scheme.lower() == _SCHEME
        ]
        if not found:
            return ""
        if len(found) > 1:
            raise Malformed
        try:
            text = base64.b64decode(found[0].strip(), validate=True).decode("ascii")
        except (binascii.Error, ValueError):
            raise Malformed from None
        if not FORM.fullmatch(text.partition(":")[2]):
            raise Malformed
        return text

    def prove(self, request: Request, text: str, now: float) -> Flow[Answer]:
        """The key is verified as everywhere; then the name must be its id."""
        if self._keys is None:
            raise UsageError("Basic needs the keys of a guard")
        name, _, request.credential = text.partition(":")
        known = self._keys.known(request.credential, now)
        answer: Answer = known if known is not None else (yield from self._keys.verify(request.credential, now))
        if isinstance(answer, Principal) and not hmac.compare_digest(name.encode(), answer.key_id.encode()):
            return Refusal("basic_name", answer.key_id)
        return answer if answer is not None else Refusal("key_unknown")
