"""Errors that users may catch.

OstiaryError
├── UsageError          a person's mistake: path, option, configuration, suppression (exit code 2)
│   ├── ConfigError     names file and line
│   ├── MissingSecret   names the variable
│   └── MissingExtra    names the extra and the command that brings it
├── BadField            what a stranger sent is no structured field (RFC 9651)
├── BadSignature        a signature, digest or webhook that proves nothing; ``reason`` says why
└── Defect              our own (exit code 4)
"""

from __future__ import annotations

from enum import StrEnum


class OstiaryError(Exception):
    """Base of every error that Ostiary raises on purpose."""


class UsageError(OstiaryError):
    """A person's mistake; the message says what to do."""


class ConfigError(UsageError):
    """A bad configuration, policy, baseline or suppression; the message begins with ``file:line``."""

    def __init__(self, message: str, file: str, line: int = 0) -> None:
        super().__init__(f"{file}:{line}: {message}" if line else f"{file}: {message}")


class MissingSecret(UsageError):
    """A secret that is absent, empty or too short; the message names it and holds no character of it."""


class MissingExtra(UsageError, ImportError):
    """A feature whose optional dependencies are not installed."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs: pip install 'ostiary[{extra}]'")


class BadField(OstiaryError):
    """What a stranger sent is no well-formed structured field (RFC 9651)."""


class SignatureReason(StrEnum):
    """Why a signature was refused: for events and programs. The caller is told less."""

    MALFORMED = "signature_malformed"
    SEVERAL = "signature_several"
    INCOMPLETE = "signature_incomplete"
    WRONG = "signature_wrong"
    DIGEST = "digest_wrong"
    STALE = "signature_stale"
    EXPIRED = "signature_expired"
    FUTURE = "signature_future"
    REPLAYED = "signature_replayed"


class BadSignature(OstiaryError):
    """A signature, digest or webhook that proves nothing. The message is for the log; it holds no secret and no signature."""

    def __init__(self, reason: SignatureReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Defect(OstiaryError):
    """A defect of Ostiary itself."""
