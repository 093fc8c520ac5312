"""Takes credentials out of texts, bytes and values, and says where and of what family they were, never what they were.

What must never leave, not even in an answer (``answer=True``): our keys, private keys in PEM, registered values and those
seen in this request. From logs also goes what a name, a scheme or a first part gives away. A mark stands in their place:
``[redacted:GitHub token]``, for our own keys ``[redacted:key <id>]``. Marks stay as they are when they come by again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from threading import Lock
from typing import NamedTuple

from ostiary.errors import UsageError
from ostiary.wire import apikey, named
from ostiary.wire.needle import SHORTEST, Needle
from ostiary.wire.secret_patterns import SLACK_WEBHOOK, family
from ostiary.wire.walk import Walk


class Removed(NamedTuple):
    """One thing taken out: where it stood (``headers.cookie``, ``[2].url``, empty for a text) and its family."""

    path: str
    family: str


class Cleaned(NamedTuple):
    """A value without its secrets, and what was removed; ``value`` is the very object when nothing was."""

    value: object
    removed: tuple[Removed, ...]


class _Span(NamedTuple):
    start: int
    end: int
    rank: int  # the least names the mark when several overlap: the id of a key says more than "header"
    family: str


class Redactor:
    """Knows forms of credentials, and values that were registered. Safe to use from several threads."""

    def __init__(self, *, names: Iterable[str] = ()) -> None:
        """``names``: headers and fields that hold credentials, besides the known ones."""
        self._lock = Lock()
        self._needles: tuple[Needle, ...] = ()
        self._names = frozenset(map(named.normal, names))

    def register(self, value: str, family: str = "secret") -> bool:
        """From now on ``value`` is removed in every form; False when it has fewer than 8 characters or stands in our own mark.

        Raises UsageError when ``family`` has control characters, brackets, or a part of the value in it.
        """
        if not family.isprintable() or "[" in family or "]" in family or (value and value in family):
            raise UsageError("the family of a secret is a short printable name without brackets, and not the secret")
        if len(value) < SHORTEST or value in f"[redacted:{family}]":
            return False
        needle = Needle(value, family)
        with self._lock:
            self._needles = (*(known for known in self._needles if known.value != value), needle)
        return True

    def unregister(self, value: str) -> None:
        """Forget a value; nothing happens when it is not known."""
        with self._lock:
            self._needles = tuple(known for known in self._needles if known.value != value)

    def add_names(self, *names: str) -> None:
        """Headers and fields that hold credentials, from now on."""
        with self._lock:
            self._names |= frozenset(map(named.normal, names))

    @property
    def needles(self) -> tuple[Needle, ...]:
        """The registered values."""
        return self._needles

    @property
    def longest(self) -> int:
        """Characters that a stream holds back so that no key or registered value is cut in two (private keys are longer)."""
        return max([apikey.LONGEST, *(needle.longest for needle in self._needles)])

    def text(self, text: str, *, seen: Iterable[Needle] = (), answer: bool = False) -> str:
        """The text with marks; the very object when there is nothing to remove."""
        return self._text(text, seen, answer)[0]

    def data(self, data: bytes, *, seen: Iterable[Needle] = (), answer: bool = False) -> bytes:
        """The same for bytes, read as UTF-8; what is not UTF-8 stays as it is."""
        return self._data(data, seen, answer)[0]

    def value(self, value: object, *, seen: Iterable[Needle] = ()) -> object:
        """The same for texts, bytes, mappings, lists, tuples and sets, however deep; other objects stay as they are."""
        return self.examine(value, seen=seen).value

    def examine(self, value: object, *, seen: Iterable[Needle] = (), answer: bool = False) -> Cleaned:
        """The value with marks, and what was removed as paths and families. Cycles are cut; deeper than 32 is not shown."""
        removed: list[Removed] = []

        def leaf(item: str | bytes, path: str, whole: bool) -> str | bytes:
            clean, families = self._data(item, seen, answer, whole) if isinstance(item, bytes) else self._text(item, seen, answer, whole)
            removed.extend(Removed(path, found) for found in families)
            return clean

        walk = Walk(leaf, (lambda _: False) if answer else self._is_named)
        return Cleaned(walk(value), tuple(removed))

    def _is_named(self, name: str) -> bool:
        return len(name) <= 64 and named.names_credential(name, self._names)  # answers are cached, so not for what a stranger makes long

    def _data(self, data: bytes, seen: Iterable[Needle], answer: bool, whole: bool = False) -> tuple[bytes, tuple[str, ...]]:
        text = data.decode("utf-8", "surrogateescape")
        clean, families = self._text(text, seen, answer, whole)
        return (clean.encode("utf-8", "surrogateescape"), families) if families else (data, ())

    def partial(self, text: str, *, seen: Iterable[Needle] = ()) -> tuple[str, str, tuple[str, ...]]:
        """Of an answer that is not complete: what is sure, cleaned; the rest, to be given again with what follows; the families."""
        cut = max(0, len(text) - max([self.longest, *(needle.longest for needle in seen)]))
        spans = self._spans(text, seen, answer=True)
        # From the back: a span across the cut moves it, and may then reach over the one before.
        for span in sorted(spans, reverse=True):
            cut = span.start if span.start < cut < span.end else cut
        sure = [span for span in spans if span.end <= cut]
        clean, families = _marked(text[:cut], sure) if sure else (text[:cut], ())
        return clean, text[cut:], families

    def _text(self, text: str, seen: Iterable[Needle], answer: bool, whole: bool = False) -> tuple[str, tuple[str, ...]]:
        """``whole``: the name under which it stands says that all of it is a credential."""
        if len(text) < _SHORTEST and not whole:
            return text, ()
        spans = self._spans(text, seen, answer)
        if whole and text and not _MARK.fullmatch(text):
            spans.append(_Span(0, len(text), 6, "named value"))
        return _marked(text, spans) if spans else (text, ())

    def _spans(self, text: str, seen: Iterable[Needle], answer: bool) -> list[_Span]:
        spans = [_Span(*span, 1, needle.family) for needle in (*self._needles, *seen) for span in needle.spans(text)]
        spans.extend(_keys(text, answer))
        spans.extend(_private_keys(text))
        if not answer:
            spans.extend(_tokens(text))
            spans.extend(_urls(text))
            spans.extend(_Span(start, end, 5, what) for start, end, what in named.spans(text, self._names))
        return spans


def _marked(text: str, spans: list[_Span]) -> tuple[str, tuple[str, ...]]:
    """The text with one mark for each run of overlapping spans, and the families of the marks."""
    pieces: list[str] = []
    families: list[str] = []
    at = 0
    for start, end, what in _merged(spans):
        pieces += [text[at:start], f"[redacted:{what}]"]
        families.append(what)
        at = end
    pieces.append(text[at:])
    return "".join(pieces), tuple(families)


def _merged(spans: list[_Span]) -> Iterator[tuple[int, int, str]]:
    spans.sort()
    start, end, rank, what = spans[0]
    for span in spans[1:]:
        if span.start >= end:
            yield start, end, what
            start, end, rank, what = span
            continue
        end = max(end, span.end)
        if span.rank < rank:
            rank, what = span.rank, span.family
    yield start, end, what


_SHORTEST = 6  # "?sig=a"
_MARK = re.compile(r"\[redacted:[^\[\]\r\n]*+\]")
# Thirteen: the id and one character of the secret.
_CORE = re.compile(r"_[sp]k_[a-z0-9]{2,8}_([0-9A-Za-z]{13,}+)")
_LOWER = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
_TAIL = apikey.ID_LENGTH + apikey.SECRET_LENGTH + apikey.CRC_LENGTH


def _keys(text: str, answer: bool) -> Iterator[_Span]:
    """Our keys, whatever their checksum; in logs those that were cut short too. The id is named only when the checksum is right."""
    if "_sk_" not in text and "_pk_" not in text:
        return
    for found in _CORE.finditer(text):
        if answer and len(found[1]) < _TAIL:
            continue
        start = found.start()
        while start > max(0, found.start() - 12) and text[start - 1] in _LOWER:
            start -= 1
        tail = found.start(1) + _TAIL
        parts = apikey.parse(text[start:tail])
        yield _Span(start, min(tail, found.end()), 0, f"key {parts.id}" if parts else "key")


_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_UNENDED = re.compile(r"[A-Za-z0-9+/=\s\\:,-]*+")
_LONGEST_PEM = 20_000


def _private_keys(text: str) -> Iterator[_Span]:
    """PEM and PGP private keys; one whose end is missing goes as far as its alphabet does."""
    at = 0
    while (at := text.find("-----BEGIN ", at)) >= 0:
        begin = _BEGIN.match(text, at)
        if begin is None:
            at += 11
            continue
        start, at = at, _private_key_end(text, begin.end())
        yield _Span(start, at, 2, "private key")


def _private_key_end(text: str, start: int) -> int:
    end = text.find("-----END ", start, start + _LONGEST_PEM)
    closing = text.find("-----", end + 9, end + 80) if end >= 0 else -1
    if closing >= 0:
        return closing + 5
    return _UNENDED.match(text, start).end()  # type: ignore[union-attr]


_TOKEN = re.compile(r"\b[\w.\-]{20,}+", re.ASCII)


def _tokens(text: str) -> Iterator[_Span]:
    """Tokens that their first characters give away; a JSON Web Token, and a signed cookie like it, has three parts or more."""
    for found in _TOKEN.finditer(text):
        start = found.start()
        if start and text[start - 1] == "%":
            start += 2  # "%3D" before it
        token = text[start : found.end()].rstrip(".")
        what = family(token)
        if what is not None and (not token.startswith("eyJ") or token.count(".") >= 2):
            yield _Span(start, start + len(token), 3, what)


_PASSWORD = re.compile(r"://[^\s:/@?#\"'<>]{0,256}+:([^\s/@\"'<>]{1,256}+)@")
_WEBHOOK = re.compile(re.escape(SLACK_WEBHOOK) + r"[A-Za-z0-9_/]{8,}+")


def _urls(text: str) -> Iterator[_Span]:
    """The password of ``scheme://user:password@host``, and addresses that are secrets as a whole."""
    if "://" not in text:
        return
    for found in _PASSWORD.finditer(text):
        if not _MARK.fullmatch(found[1]):
            yield _Span(*found.span(1), 4, "password in a URL")
    yield from (_Span(*found.span(), 3, "Slack webhook") for found in _WEBHOOK.finditer(text))


default = Redactor()
