"""Content-Digest (RFC 9530): what the content hashes to, as it is sent, before any content coding is undone."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

from ostiary.errors import BadField, BadSignature, SignatureReason, UsageError
from ostiary.wire.fields import Item, parse_dictionary, serialise

# The two that RFC 9530 calls active; others may stand beside them and are not looked at.
_HASHES = {"sha-256": "sha256", "sha-512": "sha512"}


def content_digest(content: bytes, algorithm: str = "sha-256") -> bytes:
    """The value of Content-Digest for this content; ``algorithm`` is sha-256 or sha-512. Raises UsageError for another."""
    if algorithm not in _HASHES:
        raise UsageError(f"{algorithm[:40]!r} is no digest that we make: sha-256 or sha-512")
    return serialise({algorithm: Item(hashlib.new(_HASHES[algorithm], content).digest())})


def parse_content_digest(value: bytes) -> dict[str, bytes]:
    """The sha-256 and sha-512 of a Content-Digest, one at least. Raises BadSignature when there is none, or one cannot be one."""
    try:
        members = parse_dictionary(value)
    except BadField as error:
        raise BadSignature(SignatureReason.MALFORMED, f"Content-Digest: {error}") from None
    found = {name: _bytes(name, members[name]) for name in _HASHES if name in members}
    if not found:
        raise BadSignature(SignatureReason.MALFORMED, "Content-Digest has neither sha-256 nor sha-512")
    return found


def _bytes(name: str, member: object) -> bytes:
    if isinstance(member, Item) and isinstance(member.value, bytes) and len(member.value) == hashlib.new(_HASHES[name]).digest_size:
        return member.value
    raise BadSignature(SignatureReason.MALFORMED, f"Content-Digest: no digest under {name}")


class ContentCheck:
    """Compares content that comes piece by piece with what ``parse_content_digest`` gave; every digest has to be right."""

    def __init__(self, expected: Mapping[str, bytes]) -> None:
        if not expected:
            raise UsageError("a check of content needs a digest")
        self._running = [(hashlib.new(_HASHES[name]), digest) for name, digest in expected.items()]

    def update(self, piece: bytes) -> None:
        for running, _ in self._running:
            running.update(piece)

    def finish(self) -> None:
        """Raises BadSignature when the content was another."""
        if not all(hmac.compare_digest(running.digest(), digest) for running, digest in self._running):
            raise BadSignature(SignatureReason.DIGEST, "the content does not have the digest that was sent")


def verified_content(value: bytes, content: bytes) -> bytes:
    """``content``, when it is what the Content-Digest ``value`` says. Raises BadSignature."""
    check = ContentCheck(parse_content_digest(value))
    check.update(content)
    check.finish()
    return content
