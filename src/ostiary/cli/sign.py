"""``ostiary sign``: a request as a curl command that carries its signature. The key itself is not in it."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from ostiary.client import Signer, SignKey
from ostiary.errors import UsageError
from ostiary.wire.secret import read_file, secret


def sign(
    url: str,
    method: str | None,
    headers: tuple[str, ...],
    data: str | None,
    key_id: str,
    key: Path | None,
    lifetime: int | None,
    *,
    simple: bool,
) -> int:
    """Prints the command; raises UsageError."""
    content = _content(data)
    method = method or ("GET" if data is None else "POST")
    given = [_header(line) for line in headers]
    signer = Signer(_key(key_id, key), "simple" if simple else "rfc9421", lifetime)
    added = signer.headers(method, url, given, content)
    lines = [f"{name}: {value}" if value else f"{name};" for name, value in (*given, *added.items())]
    # What curl would change in an address must stay as it was signed.
    words = ["curl", "--path-as-is", "--globoff", *(["--head"] if method == "HEAD" else ["--request", method])]
    parts = [shlex.join(words), *(shlex.join(["--header", line]) for line in lines)]
    if data is not None:
        parts.append(shlex.join(["--data-binary" if data.startswith("@") else "--data-raw", data]))
    click.echo(" \\\n  ".join([*parts, shlex.quote(url)]))
    return 0


def _content(data: str | None) -> bytes:
    if data is None or not data.startswith("@"):
        return (data or "").encode("utf-8", "surrogateescape")
    try:
        return Path(data[1:]).read_bytes()
    except OSError as error:
        raise UsageError(f"{data[1:]}: {error.strerror}") from None


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or not name or not line.isascii() or not line.isprintable() or set(name) & set(' "(),/;<=>?@[\\]{}'):
        raise UsageError(f"not a header: {line!r}; write 'Name: value'")
    return name, value.strip()


def _key(key_id: str, file: Path | None) -> SignKey:
    text = read_file(file) if file is not None else secret("OSTIARY_SIGNING_KEY").reveal()
    if text.startswith("-----BEGIN "):
        return SignKey.from_pem(key_id, text.encode("utf-8"))
    return SignKey.hmac(key_id, text.encode("utf-8"))
