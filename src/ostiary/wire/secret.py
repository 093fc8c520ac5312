"""Secrets that the application uses: read from the environment, a file or a function, hidden from there on."""

from __future__ import annotations

import hmac
import os
import stat
from collections.abc import Callable
from typing import NoReturn

from ostiary.errors import MissingSecret, UsageError
from ostiary.wire.redact import default

_LARGEST = 64 * 1024


class Secret:
    """A value that does not show itself: ``reveal()`` gives it, everything else gives its name.

    Equal in constant time to a Secret or text of the same value. Pickle refuses it and JSON does not know it; copies are the
    object itself. It has no hash.
    """

    __slots__ = ("_value", "name")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, name: str, value: str) -> None:
        self.name = name
        self._value = value
        default.register(value, f"secret {name}")

    def reveal(self) -> str:
        """The value itself: hand it on, do not keep it."""
        return self._value

    def __str__(self) -> str:
        return f"[secret {self.name}]"

    __repr__ = __str__

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __eq__(self, other: object) -> bool:
        theirs = other.reveal() if isinstance(other, Secret) else other
        if not isinstance(theirs, str):
            return NotImplemented
        return hmac.compare_digest(self._value.encode("utf-8", "surrogatepass"), theirs.encode("utf-8", "surrogatepass"))

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __getstate__(self) -> NoReturn:
        raise TypeError(f"{self} is not for pickling: read it again where it is needed")

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        self.__getstate__()


def secret(name: str, *, provider: Callable[[str], str | None] | None = None, minimum: int = 1) -> Secret:
    """The secret ``name``: what ``provider(name)`` gives; without one, the environment variable NAME, or the file that NAME_FILE names.

    From a file one newline at the end is dropped. Values of 8 characters or more are removed from logs from now on. Raises
    MissingSecret when it is absent, blank or shorter than ``minimum`` characters; UsageError when NAME and NAME_FILE are both
    set, or the file cannot be read or may be read by others. No message holds a character of the value.
    """
    value = provider(name) if provider is not None else _from_environment(name)
    if value is not None and not isinstance(value, str):
        raise UsageError(f"{name}: the provider gave {type(value).__name__}, not text")
    if value is None or not value.strip():
        where = "the provider gave none" if provider is not None else f"set {name}, or {name}_FILE to the path of a file that holds it"
        raise MissingSecret(f"{name} is missing or empty: {where}")
    if len(value) < minimum:
        raise MissingSecret(f"{name} has {len(value)} characters, {minimum} are needed")
    return Secret(name, value)


def _from_environment(name: str) -> str | None:
    value, path = os.environ.get(name), os.environ.get(f"{name}_FILE")
    if value and path:
        raise UsageError(f"{name} and {name}_FILE are both set: unset one")
    return read_file(path) if path else value


def read_file(path: str | os.PathLike[str]) -> str:
    """The text of a secret file without the newline at its end, when nobody else may read it.

    Its owner must be this user or root. Group and others may have no right at all, unless root owns the file, nobody else may
    write it and it stands on a file system of its own, as the secrets of containers do. Raises UsageError with the path and
    the command that repairs the rights.
    """
    shown = os.fspath(path)
    try:
        # Not blocking: a pipe in place of the file must not stop the start.
        handle = os.open(shown, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    except (OSError, ValueError) as error:
        raise UsageError(f"{shown}: {getattr(error, 'strerror', None) or error}") from None
    try:
        wrong = refusal(shown, os.fstat(handle))
        if wrong is not None:
            raise UsageError(wrong)
        with os.fdopen(handle, "rb", closefd=False) as file:
            return _text(shown, file.read(_LARGEST + 1))
    finally:
        os.close(handle)


def _text(shown: str, data: bytes) -> str:
    if len(data) > _LARGEST:
        raise UsageError(f"{shown}: more than {_LARGEST} bytes, this is no secret")
    try:
        return data.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise UsageError(f"{shown}: not UTF-8; keep binary secrets in base64") from None


def refusal(shown: str, found: os.stat_result, *, user: int | None = None, root_device: int | None = None) -> str | None:
    """Why a secret must not be read from a file of this kind, owner and mode; None when it may. ``user`` is ours by default."""
    if not stat.S_ISREG(found.st_mode):
        return f"{shown}: not a regular file"
    if user is None:
        if not hasattr(os, "getuid"):
            return None  # Windows has no such rights
        user = os.getuid()
    if found.st_uid not in (user, 0):
        return f"{shown}: belongs to user {found.st_uid}, who could change it: chown {user} {shown}"
    if not found.st_mode & 0o077:
        return None
    device = os.stat("/").st_dev if root_device is None else root_device
    if found.st_uid == 0 and not found.st_mode & 0o022 and found.st_dev != device:
        return None
    return f"{shown}: others may read it (mode {stat.S_IMODE(found.st_mode):04o}): chmod 600 {shown}"
