"""The pepper: the secret under which key digests are stored. The database alone is worth nothing without it (OWASP ASVS 5, 11.4)."""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import re
import secrets
import stat
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ostiary.errors import UsageError

FILE_NAME = "ostiary.pepper"
VARIABLE = "OSTIARY_PEPPER"


@dataclass(frozen=True, slots=True)
class Kind:
    """A secret that is kept as a pepper is: what it is called, where it is looked for, and what makes it."""

    noun: str
    variable: str
    file_name: str
    maker: str


PEPPER = Kind("pepper", VARIABLE, FILE_NAME, "ostiary keys init makes one")
AUDIT = Kind("audit key", "OSTIARY_AUDIT_KEY", "ostiary.audit-key", "ostiary audit init makes one")
MASTER = Kind("master key", "OSTIARY_MASTER_KEY", "ostiary.master", "ostiary keys init --signing makes one")
_A = {"pepper": "a pepper", "audit key": "an audit key", "master key": "a master key"}
_SHORTEST = 32
_LARGEST_FILE = 65_536
_FEWEST_CHARACTERS = 8
_ID = re.compile(r"[A-Za-z0-9-]{1,32}")


@dataclass(frozen=True, slots=True)
class Peppers:
    """Peppers by id, the newest first: new keys are stored under that one, old keys are verified under theirs. Hides its values."""

    current_id: str
    _by_id: Mapping[str, bytes] = field(repr=False)
    source: str = ""

    @classmethod
    def of(cls, *values: bytes, source: str = "", kind: Kind = PEPPER) -> Peppers:
        """From bytes (at least 32 each), newest first; each is named by a fingerprint of itself. Raises UsageError."""
        return cls.named([(fingerprint(value), value) for value in values], source, kind)

    @classmethod
    def named(cls, pairs: Iterable[tuple[str, bytes]], source: str = "", kind: Kind = PEPPER) -> Peppers:
        """From (id, bytes), newest first. Raises UsageError for none, for two of one id, and for what is too short."""
        pairs = list(pairs)
        by_id = dict(pairs)
        if not pairs or any(len(value) < _SHORTEST for value in by_id.values()):
            raise UsageError(f"{source or kind.noun}: {_A[kind.noun]} is at least {_SHORTEST} random bytes; {kind.maker}")
        if len(by_id) < len(pairs):
            raise UsageError(f"{source or kind.noun}: two {kind.noun}s of the same id")
        return cls(pairs[0][0], by_id, source)

    @classmethod
    def random(cls, token: Callable[[int], bytes] = secrets.token_bytes) -> Peppers:
        """One that lives as long as the process: for keys that are stored nowhere."""
        return cls.of(token(_SHORTEST), source="memory")

    def get(self, pepper_id: str) -> bytes | None:
        return self._by_id.get(pepper_id)

    @property
    def current(self) -> bytes:
        return self._by_id[self.current_id]

    def values(self) -> tuple[bytes, ...]:
        return tuple(self._by_id.values())

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(self._by_id)


def fingerprint(pepper: bytes) -> str:
    """Eight hex digits that name a pepper and tell nothing about it."""
    return hmac.digest(pepper, b"ostiary pepper id", "sha256")[:4].hex()


def load(folder: Path | None, given: str | bytes | Peppers | None = None, environ: Mapping[str, str] = os.environ) -> Peppers:
    """The peppers, from the first that is there: ``given``, OSTIARY_PEPPER, OSTIARY_PEPPER_FILE, ``<folder>/ostiary.pepper``.

    Raises UsageError when there is none, when one is empty or too short, and when others may read or replace the file.
    """
    found = find(PEPPER, folder, given, environ)
    if found is None:
        file = default_file(folder)
        raise UsageError(f"no pepper: set {VARIABLE} or {VARIABLE}_FILE" + (f", or let ostiary keys init make {file}" if file else ""))
    return found


def find(
    kind: Kind, folder: Path | None, given: str | bytes | Peppers | None = None, environ: Mapping[str, str] = os.environ
) -> Peppers | None:
    """The same for any kind; None when there is none anywhere."""
    found = _from_words(kind, given, environ)
    if found is not None or folder is None or not os.path.lexists(folder / kind.file_name):
        return found
    return read(folder / kind.file_name, kind=kind)


def configured(environ: Mapping[str, str] = os.environ) -> bool:
    """Does the environment name a pepper? Then no file is made."""
    return VARIABLE in environ or f"{VARIABLE}_FILE" in environ


def default_file(folder: Path | None) -> Path | None:
    """Where the pepper of a store in this folder is looked for."""
    return None if folder is None else folder / FILE_NAME


def _from_words(kind: Kind, given: str | bytes | Peppers | None, environ: Mapping[str, str]) -> Peppers | None:
    if isinstance(given, Peppers):
        return given
    option = f"{kind.noun.replace(' ', '_')}="
    if isinstance(given, bytes):
        return Peppers.of(given, source=option, kind=kind)
    if given is not None:
        return parse(given, option, kind)
    if kind.variable in environ:
        return parse(environ[kind.variable], kind.variable, kind)
    if f"{kind.variable}_FILE" in environ:
        return read(Path(environ[f"{kind.variable}_FILE"]), mounted=True, kind=kind)
    return None


def parse(text: str, source: str, kind: Kind = PEPPER) -> Peppers:
    """One pepper a line, the newest first: ``id:base64``, base64 of 32 bytes or more, or at least 32 characters. Raises UsageError."""
    lines = [line.strip() for line in text.splitlines()]
    return Peppers.named([_entry(line, source, kind) for line in lines if line and not line.startswith("#")], source, kind)


def _entry(line: str, source: str, kind: Kind) -> tuple[str, bytes]:
    name, colon, rest = line.partition(":")
    value = _base64(rest) if colon and _ID.fullmatch(name) else None
    if value is not None:
        return name, value
    value = _base64(line) or line.encode("utf-8", "surrogatepass")
    if len(value) < _SHORTEST or len(set(line)) < _FEWEST_CHARACTERS:
        raise UsageError(f"{source}: {_A[kind.noun]} is at least {_SHORTEST} random bytes, in base64; {kind.maker}")
    return fingerprint(value), value


def _base64(text: str) -> bytes | None:
    try:
        value = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return value if len(value) >= _SHORTEST else None


def create(file: Path, token: Callable[[int], bytes] = secrets.token_bytes, kind: Kind = PEPPER) -> Peppers:
    """Writes a new pepper (32 random bytes) to a file of mode 0600 that must not exist yet. Raises UsageError."""
    pepper = token(_SHORTEST)
    line = f"{fingerprint(pepper)}:{base64.b64encode(pepper).decode()}\n"
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        what = "key" if kind is PEPPER else "sealed event"
        raise UsageError(f"{file} is there already, and every {what} depends on it") from None
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from None
    with os.fdopen(handle, "w", encoding="ascii") as stream:
        stream.write(line)
        stream.flush()
        os.fsync(stream.fileno())
    return Peppers.of(pepper, source=str(file), kind=kind)


def read(file: Path, *, mounted: bool = False, kind: Kind = PEPPER) -> Peppers:
    """From a file that nobody else may read; ``mounted``: a secret mount of root's that nobody else may write will do. Raises UsageError."""
    try:
        return parse(_content(file, mounted, kind).decode(), str(file), kind)
    except OSError as error:
        raise UsageError(f"{kind.noun} {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{kind.noun} {file}: not text; it holds one id:base64 a line") from None


def _content(file: Path, mounted: bool, kind: Kind) -> bytes:
    # Not to hang on a pipe
    handle = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    try:
        _check_rights(file, os.fstat(handle), mounted, kind)
        return os.read(handle, _LARGEST_FILE)
    finally:
        os.close(handle)


def _check_rights(file: Path, status: os.stat_result, mounted: bool, kind: Kind) -> None:
    if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST_FILE:
        raise UsageError(f"{kind.noun} {file}: not a file of a few lines")
    if not hasattr(os, "getuid"):
        return
    if status.st_uid not in (os.getuid(), 0):
        raise UsageError(f"{kind.noun} {file}: belongs to another user; repair it with: sudo chown {os.getuid()} {file}")
    allowed = 0o755 if mounted and status.st_uid == 0 else 0o700
    if status.st_mode & 0o777 & ~allowed:
        raise UsageError(
            f"{kind.noun} {file}: others may read or write it (mode {status.st_mode & 0o777:04o}); repair it with: chmod 600 {file}"
        )
