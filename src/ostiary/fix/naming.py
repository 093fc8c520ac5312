"""The environment variable that a literal moves to, named for what holds it, never for what it holds."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import libcst as cst

from ostiary.fix.nodes import last_name
from ostiary.fix.source import Source
from ostiary.scan.rules._literals import PASSWORD, dsn_password, family, looks
from ostiary.scan.rules._words import words

_SCHEMES = {
    "http": "SERVICE_URL",
    "https": "SERVICE_URL",
    "amqp": "BROKER_URL",
    "amqps": "BROKER_URL",
    "smtp": "SMTP_URL",
    "smtps": "SMTP_URL",
}
_STORES = ("redis", "rediss", "mongodb")
# Alone they say what it is and not whose.
_COMMON = frozenset({"PASSWORD", "TOKEN", "KEY", "SECRET", "API_KEY", "APIKEY", "PASSWD", "PWD", "AUTH", "CREDENTIAL", "AUTHORIZATION"})


class Names:
    """Gives each literal a name of its own in one run: two literals share one only when it is the whole of a constant's name."""

    def __init__(self) -> None:
        self._taken: dict[str, str] = {}

    def name(self, source: Source, node: cst.CSTNode, said: str, text: str) -> str:
        """``said`` is the name that the rule knows the literal by, "" for none."""
        own = spelled(said) or _by_looks(text)
        if said.isupper() and own == said:
            self._taken.setdefault(own, text)
            return own
        longer = "_".join([*_owners(source, node, own), own])
        wanted = [longer] if own in _COMMON else [own, longer]
        return next(name for name in _numbered(wanted) if self._taken.setdefault(name, text) == text)


def _numbered(names: list[str]) -> Iterator[str]:
    yield from names
    for number in count(2):
        yield f"{names[-1]}_{number}"


def spelled(name: str) -> str:
    """``smtpPassword`` and ``X-API-Key`` → ``SMTP_PASSWORD``, ``API_KEY``."""
    parts = words(name)
    return "_".join(parts[1:] if len(parts) > 1 and parts[0] == "x" else parts).upper()


def _by_looks(text: str) -> str:
    """What kind of thing it is: that is no character of it."""
    dsn = dsn_password(text)
    if dsn is not None:
        scheme = dsn[0].partition("+")[0].lower()
        return _SCHEMES.get(scheme) or (f"{scheme.upper()}_URL" if scheme in _STORES else "DATABASE_URL")
    return "_".join(words(family(text) or "")).upper() or "SECRET"


def _owners(source: Source, node: cst.CSTNode, own: str) -> list[str]:
    """What the literal belongs to, outermost first: the constant, the keys on the way, the class; at most two."""
    found: list[str] = []
    caller = ""
    for above in source.above(node):
        if isinstance(above, cst.Call):
            caller = caller or spelled(last_name(above.func))
        name = next(iter(_owner(above)), "")
        plain = spelled(name) if looks(name) < PASSWORD else ""
        if plain and plain != own and plain not in found:
            found.append(plain)
        if isinstance(above, (cst.FunctionDef, cst.ClassDef)):
            break
    return found[:2][::-1] or ([caller] if caller else [])


def _owner(node: cst.CSTNode) -> Iterator[str]:
    if isinstance(node, cst.DictElement) and isinstance(node.key, cst.SimpleString):
        yield str(node.key.raw_value)
    elif isinstance(node, cst.Assign):
        yield last_name(node.targets[0].target)
    elif isinstance(node, cst.AnnAssign):
        yield last_name(node.target)
    elif isinstance(node, (cst.ClassDef, cst.FunctionDef)):
        yield node.name.value
