"""How many worker processes a server was told to run, as far as the environment and its command line say (LIMIT-4)."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

_SERVERS = ("gunicorn", "uvicorn", "hypercorn", "granian", "fastapi")
_COUNTS = ("WEB_CONCURRENCY", "UVICORN_WORKERS")
_OPTIONS = ("-w", "--workers")


class Workers(NamedTuple):
    """``number`` processes, as ``source`` says; 1 and "" where nothing does."""

    number: int
    source: str


def configured(environ: Mapping[str, str] = os.environ, argv: Sequence[str] | None = None) -> Workers:
    """The most that anything says: WEB_CONCURRENCY, UVICORN_WORKERS, GUNICORN_CMD_ARGS, and the command line where it is a server's."""
    return max(_said(environ, sys.argv if argv is None else argv), default=Workers(1, ""))


def _said(environ: Mapping[str, str], argv: Sequence[str]) -> Iterator[Workers]:
    for name in _COUNTS:
        yield from _count(environ.get(name, ""), name)
    yield from _options(_words(environ.get("GUNICORN_CMD_ARGS", "")), "GUNICORN_CMD_ARGS")
    if argv and any(name in _SERVERS for name in argv[0].replace("\\", "/").split("/")[-2:]):
        yield from _options(argv[1:], "the command line")


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def _options(words: Sequence[str], source: str) -> Iterator[Workers]:
    for at, word in enumerate(words):
        name, _, value = word.partition("=")
        if name in _OPTIONS:
            yield from _count(value or "".join(words[at + 1 : at + 2]), source)
        elif word.startswith("-w") and not word.startswith("--"):
            yield from _count(word[2:], source)


def _count(text: str, source: str) -> Iterator[Workers]:
    if text.isascii() and text.isdigit() and int(text) > 0:
        yield Workers(int(text), source)
