"""Static keys for small apps: from the environment or a file, no store (KEY-11). An app whose key is not set does not start."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping

from ostiary.errors import UsageError
from ostiary.guard.ask import Flow
from ostiary.guard.authn import Answer, Refusal
from ostiary.guard.authn.presented import FORM, LONGEST
from ostiary.guard.decision import Principal
from ostiary.model import scope as scope_text
from ostiary.wire import apikey
from ostiary.wire.secret import secret

NAME = "static-key"
SHORTEST = 16


class StaticKeys:
    """Keys that live in variables. Compared as digests under a pepper of this process: all of them, always, in constant time."""

    name = NAME

    def __init__(self, keys: Mapping[str, str], scopes: Iterable[str] = ("*",)) -> None:
        self._pepper = secrets.token_bytes(32)
        self.seed = hashlib.blake2b("\0".join(keys.values()).encode("utf-8", "surrogatepass")).digest()
        """Secret bytes that every process with the same keys has."""
        granted = tuple(scope_text.parse(text) for text in ((scopes,) if isinstance(scopes, str) else scopes))
        self._keys = [(self._digest(value), Principal(name, NAME, name, name, granted)) for name, value in keys.items()]

    def _digest(self, text: str) -> bytes:
        return hmac.digest(self._pepper, text.encode("utf-8", "surrogatepass"), "sha256")

    def known(self, text: str, now: float) -> Principal | None:  # noqa: ARG002 static keys do not end
        """Static keys need no cache: they are checked at once."""
        found = None
        given = self._digest(text)
        for digest, principal in self._keys:
            if hmac.compare_digest(digest, given):
                found = principal
        return found

    def worthwhile(self, text: str) -> bool:  # noqa: ARG002 nothing is looked up
        return True

    def verify(self, text: str, now: float) -> Flow[Answer]:
        """What ``known`` did not know is refused, unless it has the form of our minted keys."""
        yield from ()
        found = self.known(text, now)
        return found if found is not None else None if apikey.looks_like(text) else Refusal("key_unknown")


def static(*names: str, scopes: Iterable[str] = ("*",)) -> StaticKeys:
    """Keys from the variables NAME or NAME_FILE; several, so that clients can move from one to the next.

    Raises MissingSecret, which names the variable, when one is missing, empty or shorter than 16 characters.
    """
    if not names:
        from ostiary.guard.declaration import PolicyError

        raise PolicyError('static needs a name: keys=static("API_KEY")')
    return StaticKeys({name: _sendable(name, secret(name, minimum=SHORTEST).reveal()) for name in names}, scopes)


def _sendable(name: str, value: str) -> str:
    """Raises UsageError for a key that no client can present: it would never match."""
    if not FORM.fullmatch(value):
        raise UsageError(f"{name}: a key is 1 to {LONGEST} visible ASCII characters without space, comma and semicolon")
    return value
