"""Credentials that are known by the name before them: ``Authorization: Bearer …``, ``{'x-api-key': '…'}``, ``?access_token=…``.

Every repetition is possessive or bounded and the search goes on behind what it found, so that hostile text costs linear time.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from functools import lru_cache

# What follows these goes to the end of the line: they hold spaces, commas and quotes.
_LINES = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie"})
_HEADERS = _LINES | {
    "cookies", "api-key", "apikey", "private-token", "x-auth", "x-amz-security-token", "x-amzn-oidc-data", "x-goog-iap-jwt-assertion",
}  # fmt: skip
_FIELDS = frozenset(
    {"password", "passwd", "access-token", "refresh-token", "id-token", "auth-token", "client-secret", "secret-key", "private-key"}
)
_IN_QUERY = frozenset({"token", "auth", "jwt", "secret", "session-token", "signature", "sig", "x-amz-signature", "x-goog-signature"})
_ENDINGS = ("-api-key", "-apikey", "-auth-token", "-access-token", "-secret-key", "-access-key", "-secret", "-password", "-authorization")
# One of these stands in every name above: one fast look spares the expression on most lines.
_STEMS = ("auth", "key", "token", "cookie", "passw", "secret", "sig", "jwt", "bearer", "basic")

_PAIR = re.compile(
    r"""(?:(?<![A-Za-z0-9_\-])|(?<=%3[Ff])|(?<=%26))([A-Za-z][A-Za-z0-9_\-]{1,59}+)"""
    r"""(\\{0,7}+["'])?\s{0,4}+(:|=>|=|,|%3[Dd])\s{0,4}+(?:b(?=["']))?(\\{0,7}+["']|\[(?!redacted:)|\()?"""
)
_SCHEME = re.compile(r"(?<![A-Za-z0-9])(bearer|token|apikey|basic)(?: |%20|\+){1,3}+([A-Za-z0-9._~+/\-]{8,}+={0,2}+)", re.IGNORECASE)
# A mark counts as one sign, so that a text that comes by twice stays as it is.
_MARK = r"\[redacted:[^\[\]\r\n]*+\]"
_WORD = re.compile(rf"""(?:(?:bearer|basic|token|apikey) {{1,3}}+)?+(?:{_MARK}|(?!\\r\\n)[^\s"'&])*+""", re.IGNORECASE)
_IN_URL = re.compile(rf"""(?:{_MARK}|(?!%26|%23)[^\s"'&#<>])*+""")
_IN_LIST = {"[": re.compile(rf"(?:{_MARK}|[^\]\r\n])*+"), "(": re.compile(rf"(?:{_MARK}|[^)\r\n])*+")}
_LINE_END = re.compile(r"[\r\n]|\\r\\n")
_QUOTE = re.compile(r"""[\s,]*+(?:b(?=["']))?(\\{0,7}+["'])""")
_DONE = re.compile(rf"(?:[A-Za-z]{{1,20}}+ )?{_MARK}")


@lru_cache(maxsize=4096)
def normal(name: str) -> str:
    """``HTTP_X_API_KEY``, ``{X-Api-Key}i`` and ``x_api_key`` are one name: ``x-api-key``."""
    bare = name[1:].partition("}")[0] if name.startswith("{") else name
    return bare.lower().replace("_", "-").removeprefix("http-")


@lru_cache(maxsize=4096)
def names_credential(name: str, more: frozenset[str] = frozenset()) -> bool:
    """Is it a header or field that holds a credential wherever it stands? ``more``: further names, normal."""
    bare = normal(name)
    if bare in _HEADERS or bare in _FIELDS or bare in more:
        return True
    return f"-{bare}".endswith(_ENDINGS) or (
        bare.startswith("x-") and bare.endswith("-token") and "csrf" not in bare and "xsrf" not in bare
    )


def spans(text: str, more: frozenset[str] = frozenset()) -> Iterator[tuple[int, int, str]]:
    """Values of named credentials in a text, as (start, end, family): header, field, query parameter, or the scheme's name."""
    if not _may_name(text, more):
        return
    at = 0
    while (found := _PAIR.search(text, at)) is not None:
        start, end = _value(text, found, more)
        if end > start and not _DONE.fullmatch(text, start, end):
            yield start, end, _family(text, found)
        at = max(start, end)
    yield from _schemes(text)


def _may_name(text: str, more: frozenset[str]) -> bool:
    low = text.lower()
    for stem in _STEMS:  # plain loops: this is asked for every line that is logged
        if stem in low:
            return True
    if not more:
        return False
    low = low.replace("_", "-")
    return any(name in low for name in more)


def _value(text: str, found: re.Match[str], more: frozenset[str]) -> tuple[int, int]:
    """Start and end of the value; both the same when the name is no credential's."""
    start = found.end()
    if found[4] in _IN_LIST and names_credential(_name(text, found), more):
        return _listed(text, start, found[4])
    return start, _end(text, found, more)


def _end(text: str, found: re.Match[str], more: frozenset[str]) -> int:
    _, closing, separator, opening = found.groups()
    start, name = found.end(), _name(text, found)
    bare = normal(name)
    known = names_credential(name, more)
    if _in_query(text, found):
        return _IN_URL.match(text, start).end() if known or bare in _IN_QUERY else start  # type: ignore[union-attr]
    if not known or (separator == "," and closing is None):
        return start
    if opening is not None:
        return _closed(text, start, opening)
    if bare in _FIELDS and closing is None and separator == ":":
        return start  # "password: at least 8 characters" is prose
    if bare in _LINES and separator == ":" and closing is None:
        return _line(text, found)
    return _WORD.match(text, start).end()  # type: ignore[union-attr]


def _name(text: str, found: re.Match[str]) -> str:
    """Without the letter of an escaped line end before it: ``\\r\\nAuthorization: …`` in the ``repr`` of a request."""
    escaped = found[1][0] in "nrt" and text[found.start() - 1 : found.start()] == "\\"
    return found[1][1:] if escaped else found[1]


def _in_query(text: str, found: re.Match[str]) -> bool:
    """After ``?``, ``&``, their percent forms, or a slash: in a URL, where no value holds a space."""
    before = text[max(0, found.start() - 3) : found.start()]
    return found[2] is None and (before[-1:] in ("?", "&", ";", "/") or before.lower() in ("%3f", "%26")) and found[3] != ","


def _listed(text: str, start: int, opening: str) -> tuple[int, int]:
    """From the first quoted value of a list to the last; what stands in the brackets when nothing is quoted."""
    first = last = -1
    at = start
    while (quote := _QUOTE.match(text, at)) is not None:
        last = _closed(text, quote.end(), quote[1])
        first = quote.end() if first < 0 else first
        at = last + len(quote[1])
    if first >= 0:
        return first, last
    return start, _IN_LIST[opening].match(text, start).end()  # type: ignore[union-attr]


def _closed(text: str, start: int, quote: str) -> int:
    """Up to the same quote again, escaped ones left out; to the end when there is none."""
    at = text.find(quote, start)
    while at > 0 and len(quote) == 1 and _is_escaped(text, at):
        at = text.find(quote, at + 1)
    return at if at >= 0 else len(text)


def _is_escaped(text: str, at: int) -> bool:
    count = 0
    while count < 8 and at - count > 0 and text[at - count - 1] == "\\":
        count += 1
    return count % 2 == 1


def _line(text: str, found: re.Match[str]) -> int:
    """To the end of the line, or to the quote that stands before the name: ``curl -H 'Authorization: …' URL``."""
    before = text[found.start() - 1 : found.start()]
    if before in ('"', "'"):
        return _closed(text, found.end(), before)
    end = _LINE_END.search(text, found.end())
    return end.start() if end else len(text)


def _family(text: str, found: re.Match[str]) -> str:
    if _in_query(text, found):
        return "query parameter"
    return "field" if normal(_name(text, found)) in _FIELDS else "header"


def _schemes(text: str) -> Iterator[tuple[int, int, str]]:
    """``Bearer …`` and ``Basic …`` without a name before them; in prose what follows has no digit, and decodes to nothing."""
    for found in _SCHEME.finditer(text):
        scheme, value = found[1].lower(), found[2]
        if _is_basic(value) if scheme == "basic" else _is_token(value, 8 if scheme == "bearer" else 20):
            yield found.start(2), found.end(2), f"{scheme} credential"


def _is_token(value: str, least: int) -> bool:
    """Long, or with a digit in it; no path or version, as in ``token HTTP/1.1``."""
    return len(value) >= 32 or (len(value) >= least and any(c.isdigit() for c in value) and not value.startswith(("/", "HTTP/")))


def _is_basic(value: str) -> bool:
    """Base64 with a colon in it (RFC 7617)."""
    try:
        return b":" in base64.b64decode(value + "=" * (-len(value) % 4), altchars=None, validate=True)
    except binascii.Error:
        return False
