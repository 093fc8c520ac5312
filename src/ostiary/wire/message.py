"""A message as a signature sees it: component values of RFC 9421, section 2.

Not supported, and refused: ``@request-target``, and the parameters ``sf`` and ``tr`` of fields.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote

from ostiary.errors import BadField, BadSignature, SignatureReason
from ostiary.wire.fields import Item, Token, parse_dictionary, serialise

_DEFAULT_PORTS = {"http": ":80", "ws": ":80", "https": ":443", "wss": ":443"}
# Two lines of one are joined to one value in a signature; an application reads the first, or the last.
_SINGULAR = frozenset({"authorization", "content-length", "content-type", "host"})
_FIELD_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9a-z]+")
_VISIBLE = re.compile(r"[!-~](?:[ -~]*[!-~])?")
_FIELD_VALUE = re.compile(rb"[\t -~]*")

Parsed = dict[tuple[str, bytes], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Message:
    """A request; with ``status`` the answer to ``request``.

    ``path`` and ``query`` (without ``?``) are the bytes on the wire, not decoded. ``authority`` is the effective one, as Host
    has it. ``fields`` are the header lines in their order, names in any case.
    """

    method: str = ""
    scheme: str = "https"
    authority: str = ""
    path: bytes = b"/"
    query: bytes = b""
    fields: tuple[tuple[bytes, bytes], ...] = ()
    status: int | None = None
    request: Message | None = None

    def values(self, name: str) -> list[bytes]:
        """Every line of a field, without blanks around it, folds undone."""
        wanted = name.encode("latin-1", "replace").lower()
        return [_unfolded(value) for given, value in self.fields if given.lower() == wanted]

    def value(self, name: str) -> bytes | None:
        """The lines of a field joined with ``, ``; None when it was not sent."""
        values = self.values(name)
        return b", ".join(values) if values else None


def _unfolded(value: bytes) -> bytes:
    first, *more = value.split(b"\r\n")
    if not all(line.startswith((b" ", b"\t")) for line in more):
        return value
    return b" ".join(line.strip(b" \t") for line in (first, *more)).strip(b" ")


def normal_authority(authority: str, scheme: str) -> str:
    """In lower case, without the port that the scheme has anyway."""
    return authority.lower().removesuffix(_DEFAULT_PORTS.get(scheme.lower(), ""))


def component(message: Message, identifier: Item, parsed: Parsed | None = None) -> bytes:
    """The value of one component. Raises BadSignature when the message has none, or the identifier is none that we know.

    ``parsed`` holds what was read for other components of this message, or nothing yet.
    """
    parsed = {} if parsed is None else parsed
    name: object = identifier.value
    parameters: dict[str, object] = dict(identifier.parameters)
    # A token is a str, too, and no name.
    if not isinstance(name, str) or isinstance(name, Token):
        raise _bad("the name of a component is a string")
    if "req" in parameters:
        if parameters.pop("req") is not True or message.request is None:
            raise _bad("req is a flag, and stands only in the signature of an answer")
        message = message.request
    if name.startswith("@"):
        return _derived(message, name, parameters, parsed)
    return _field(message, name, parameters, parsed)


def _bad(message: str) -> BadSignature:
    return BadSignature(SignatureReason.MALFORMED, message)


def _target(message: Message) -> str:
    query = f"?{_ascii(message.query)}" if message.query else ""
    return f"{message.scheme.lower()}://{normal_authority(message.authority, message.scheme)}{_path(message)}{query}"


def _path(message: Message) -> str:
    return _ascii(message.path) or "/"


def _ascii(data: bytes) -> str:
    try:
        return data.decode("ascii")
    except UnicodeDecodeError:
        raise _bad("path and query are ASCII, everything else is percent-encoded") from None


_DERIVED: dict[str, Callable[[Message], str]] = {
    "@method": lambda message: message.method,
    "@authority": lambda message: normal_authority(message.authority, message.scheme),
    "@scheme": lambda message: message.scheme.lower(),
    "@target-uri": _target,
    "@path": _path,
    "@query": lambda message: f"?{_ascii(message.query)}",
}


def _derived(message: Message, name: str, parameters: dict[str, object], parsed: Parsed) -> bytes:
    if name == "@query-param" and message.status is None:
        return _parameter(message, parameters.pop("name", None), parameters, parsed)
    if parameters:
        raise _bad(f"parameters of {name[:40]!r} that we do not know")
    if name == "@status" and message.status is not None:
        return f"{message.status:03d}".encode("ascii")
    if name not in _DERIVED or message.status is not None:
        raise _bad(f"{name[:40]!r} is no component of this message")
    value = _DERIVED[name](message)
    if _VISIBLE.fullmatch(value) is None:
        raise _bad(f"the value of {name} cannot be signed")
    return value.encode("ascii")


def _parameter(message: Message, wanted: object, others: dict[str, object], parsed: Parsed) -> bytes:
    """Of one query parameter, encoded as the URL standard writes forms."""
    if not isinstance(wanted, str) or others:
        raise _bad("@query-param has a name and nothing else")
    found = _once(parsed, "?", message.query, _by_name).get(wanted, [])
    if len(found) != 1:
        raise _bad(f"the query has {len(found)} parameters of the name that was signed")
    return _form(found[0]).encode("ascii")


def _once(parsed: Parsed, kind: str, data: bytes, read: Callable[[bytes], dict[str, Any]]) -> dict[str, Any]:
    """However many components of a field or of the query are signed, it is read once: or a call of 64 kB would cost seconds."""
    if (kind, data) not in parsed:
        parsed[kind, data] = read(data)
    return parsed[kind, data]


def _by_name(query: bytes) -> dict[str, Any]:
    found: dict[str, list[str]] = {}
    for name, value in parse_qsl(_ascii(query), keep_blank_values=True):
        found.setdefault(_form(name), []).append(value)
    return found


def _form(text: str) -> str:
    return quote(text, safe="*").replace("~", "%7E")


def _field(message: Message, name: str, parameters: dict[str, object], parsed: Parsed) -> bytes:
    if _FIELD_NAME.fullmatch(name) is None:
        raise _bad("the name of a field is written in lower case")
    lines = message.values(name)
    if not lines:
        raise BadSignature(SignatureReason.INCOMPLETE, f"{name[:80]} is signed and was not sent")
    if len(lines) > 1 and name in _SINGULAR:
        raise _bad(f"{name} comes {len(lines)} times")
    if parameters == {"bs": True}:
        return b", ".join(serialise(Item(line)) for line in lines)
    value = b", ".join(lines)
    if not parameters:
        if _FIELD_VALUE.fullmatch(value) is None:
            raise _bad(f"{name[:80]} holds what cannot be signed")
        return value
    if parameters.keys() != {"key"}:
        raise _bad(f"parameters of {name[:80]} that we do not know")
    return _member(name, value, parameters["key"], parsed)


def _member(name: str, value: bytes, key: object, parsed: Parsed) -> bytes:
    try:
        members = _once(parsed, ",", value, parse_dictionary)
    except BadField as error:
        raise _bad(f"{name[:80]}: {error}") from None
    if not isinstance(key, str) or key not in members:
        raise _bad(f"{name[:80]} has no such member")
    return serialise(members[key])
