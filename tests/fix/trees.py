"""Small trees, fixed in memory or on disk."""

from __future__ import annotations

from pathlib import Path

from ostiary import api
from ostiary.fix import Fixes

FLASK = "import os\n\nfrom flask import Flask, abort, request\n\napp = Flask(__name__)\n"
FASTAPI = "import os\n\nfrom fastapi import Depends, FastAPI, Header, HTTPException, Query, Request\n\napp = FastAPI()\n"


def written(folder: Path, **files: str | bytes) -> Path:
    """A tree of Python files."""
    for name, content in files.items():
        data = content if isinstance(content, bytes) else content.encode()
        (folder / f"{name}.py").write_bytes(data)
    return folder


def fixed(folder: Path, *only: str) -> Fixes:
    """Patches of a tree; nothing is written."""
    return api.fix(folder, only=only)


def after(fixes: Fixes, file: str) -> str:
    """A file as it shall be."""
    return fixes.files[file][1].decode()


def changed(folder: Path, source: str, *only: str) -> list[str]:
    """The lines that a fix of one file puts in, without blanks at both ends."""
    fixes = fixed(written(folder, service=source), *only)
    if not fixes.patches:
        return []
    old = source.splitlines()
    return [line.strip() for line in after(fixes, "service.py").splitlines() if line not in old]
