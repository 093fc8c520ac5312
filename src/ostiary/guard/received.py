"""A request as it was received, byte by byte, as far as servers tell: what signatures are made of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from ostiary.wire.simple_signature import path_as_sent

Lines = tuple[tuple[bytes, bytes], ...]
_ABSOLUTE = re.compile(rb"\A[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")
# As gunicorn and werkzeug, uWSGI, mod_wsgi and waitress call it.
_RAW = ("RAW_URI", "REQUEST_URI")


def wsgi_fields(environ: Mapping[str, Any]) -> Lines:
    """The header lines. Lines of one name were joined by the server, ``_`` in names cannot be told from ``-``."""
    found = [(name[5:], value) for name, value in environ.items() if name.startswith("HTTP_")]
    found += [(name, environ[name]) for name in ("CONTENT_TYPE", "CONTENT_LENGTH") if environ.get(name)]
    return tuple((name.lower().replace("_", "-").encode("latin-1"), value.encode("latin-1")) for name, value in found)


def wsgi_path(environ: Mapping[str, Any]) -> bytes:
    """The path of the request line. Raises BadSignature where it cannot be known."""
    routed = (environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")).encode("latin-1")
    return _path((environ[name].encode("latin-1") for name in _RAW if environ.get(name)), routed)


def asgi_path(raw: bytes | None, path: str) -> bytes:
    """The same as ASGI tells it: ``raw_path``, and the decoded one."""
    return _path((raw,) if raw else (), path.encode("utf-8", "surrogateescape"))


def _path(told: Iterable[bytes], routed: bytes) -> bytes:
    """Only a path that decodes to the one which is routed was the one that was sent: a proxy or middleware may have written another."""
    for target in told:
        path = _ABSOLUTE.sub(b"", target.partition(b"?")[0], count=1) or b"/"
        if unquote_to_bytes(path) == routed:
            return path
    return path_as_sent(routed)
