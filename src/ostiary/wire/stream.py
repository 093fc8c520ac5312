"""An answer that comes in pieces: nothing secret passes where one piece ends and the next begins."""

from __future__ import annotations

import codecs
from collections.abc import Iterable

from ostiary.wire.needle import Needle
from ostiary.wire.redact import Redactor

# No private key in PEM is longer; what only pretends to be one is not held any further.
_MOST_HELD = 20_000


class CleanStream:
    """Takes the bytes of one answer piece by piece; gives them back cleaned, up to ``Redactor.longest`` characters later.

    A private key is held from its first line to its last. ``removed`` are the families of what was taken out.
    """

    def __init__(self, redactor: Redactor, *, seen: Iterable[Needle] = ()) -> None:
        self._redactor = redactor
        self._seen = tuple(seen)
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._held = ""
        self.removed: list[str] = []

    def feed(self, piece: bytes) -> bytes:
        """What is sure after this piece; often less than was given, sometimes nothing."""
        clean, self._held, families = self._redactor.partial(self._held + self._decoder.decode(piece), seen=self._seen)
        self.removed += families
        if len(self._held) > _MOST_HELD + self._redactor.longest:
            clean, self._held = clean + self._all(self._held), ""
        return clean.encode("utf-8", "surrogateescape")

    def end(self) -> bytes:
        """The rest."""
        clean, self._held = self._all(self._held + self._decoder.decode(b"", final=True)), ""
        return clean.encode("utf-8", "surrogateescape")

    def _all(self, text: str) -> str:
        clean, removed = self._redactor.examine(text, seen=self._seen, answer=True)
        self.removed += [one.family for one in removed]
        return str(clean)
