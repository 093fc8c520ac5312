"""Which credential a call carries: read from headers, refused in the query, never more than one (KEY-8)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote

from ostiary.wire import apikey

if TYPE_CHECKING:
    from ostiary.guard.authn import Reader
    from ostiary.guard.network import Trust
    from ostiary.guard.request import Request

LONGEST = 8192
# A bearer token (RFC 6750) or a key of somebody else's: visible ASCII without what separates list items.
FORM = re.compile(rf"[!-+\--:<-~]{{1,{LONGEST}}}")
_MOST_PARAMETERS = 200


class Malformed(Exception):
    """Two credentials, or one that no honest client sends."""


def presented(request: Request, header: str) -> str:
    """The one credential of a call, "" when there is none. Raises Malformed.

    WSGI servers join two headers of one name with a comma: that is two.
    """
    found = [value for line in request.header(header) for value in _values(line)]
    for line in request.header("authorization"):
        scheme, _, rest = line.strip().partition(" ")
        if scheme.lower() == "bearer" or (scheme and not rest):
            found += _values(rest) or [""]
        elif "," in rest and re.search(r",\s*bearer\s", rest, re.IGNORECASE):
            raise Malformed
    if found in ([], [""]):
        return ""
    if len(found) > 1 or not FORM.fullmatch(found[0]):
        raise Malformed
    return found[0]


def read(request: Request, readers: tuple[Reader, ...], trust: Trust, text: str) -> list[tuple[Reader, str]]:
    """Who of ``readers`` is to be asked, with what it found ("" when only it can tell). ``text``: what ``presented`` gave. Raises Malformed.

    Two credentials that the call itself brings are one too many. What belongs to the connection counts where the call brings none, and
    functions of the app are not asked about a key of ours.
    """
    found = [(reader, own) for reader in readers if (own := reader.find(request, trust)) != ""]
    brought = [(reader, own) for reader, own in found if own and not reader.ambient]
    if len(brought) + bool(text) > 1:
        raise Malformed
    if brought or apikey.looks_like(text):
        return [(reader, own or "") for reader, own in brought]
    return [(reader, own or "") for reader, own in found if own is None or not text]


def _values(line: str) -> list[str]:
    return [value.strip(" \t") for value in line.split(",")]


def in_query(query: str, parameters: frozenset[str]) -> str | None:
    """A credential in the query: anything of our form, or the value of a configured parameter. A business ``?key=`` is left alone."""
    found = apikey.PATTERN.search(unquote(query) if "%" in query else query)
    if found is not None:
        return found.group()
    if not parameters:
        return None
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        return ""
    return next((value for name, value in pairs if name.lower() in parameters), None)
