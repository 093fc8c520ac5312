"""Runs ``ostiary keys`` and judges what it made."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ostiary.guard.keyrecord import Standing, verify
from ostiary.guard.pepper import load
from ostiary.guard.stores import open_store
from ostiary.wire import apikey
from tests.cli.run import ostiary


def keys(*words: str | Path, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return ostiary("keys", *words, cwd=cwd, **variables)


def made(cwd: Path, *words: str) -> tuple[str, str]:
    """A new key: its id and itself."""
    text = keys("create", *words, cwd=cwd).stdout.strip()
    parts = apikey.parse(text)
    if parts is None:
        raise ValueError(text)
    return parts.id, text


def shown(cwd: Path, key: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(keys("show", key, "--json", cwd=cwd).stdout)
    return value


def standing(cwd: Path, text: str) -> Standing:
    """What a guard of this folder says of the key now."""
    parts = apikey.parse(text)
    if parts is None:
        raise ValueError(text)
    store = open_store(f"sqlite:///{cwd}/ostiary.db", "keys")
    return verify(store.find(parts.id), parts.secret, load(cwd, None, {}), datetime.now(UTC).timestamp())
