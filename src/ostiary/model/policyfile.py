"""Policies by path, from the ``[[policy]]`` tables of ``ostiary.toml`` (or ``[[tool.ostiary.policy]]`` of ``pyproject.toml``).

    [[policy]]
    path = "/api/v1/orders/**"         # over templates such as /api/v1/orders/{id}; * is one segment or a part of it, ** any number
    methods = ["GET"]                  # every method without it
    require = ["orders:read"]          # all of these scopes; [] demands a credential and no scope
    limits = ["100 per day", "5 per second by address"]

Further keys: ``public = "reason"``, ``any`` (one of these scopes), ``schemes``, ``networks`` (CIDR), ``mode`` ("monitor" or
"enforce"), ``owner`` (the path parameter that must be the caller), ``csrf`` (false: pages of other sites may call), ``cors`` (a table:
origins, methods, headers, expose, credentials, max-age), ``on-outage`` (closed, open, share), ``deprecated`` (a table: since, sunset,
successor, after-sunset). A table that has none of public, require, any and schemes says nothing about who may call.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, cast

from ostiary.errors import UsageError
from ostiary.model import limit, outage, patterns, scope
from ostiary.model.limit import Limit
from ostiary.model.media import media_types
from ostiary.model.route import Location, Policy
from ostiary.model.toml_source import GUARD_KEYS, SCAN_KEYS, TomlSource, section

if TYPE_CHECKING:
    from ostiary.model.cors import Cors
    from ostiary.model.lifecycle import Lifecycle

_SECTION = "tool.ostiary"
_LIFECYCLE = {"since": "since", "sunset": "sunset", "successor": "successor", "after-sunset": "after_sunset"}
_CORS = {name.replace("_", "-"): name for name in ("origins", "methods", "headers", "expose", "credentials", "max_age")}
_ACCESS = ("public", "require", "any", "schemes")
_DECIDING = (*_ACCESS, "signed")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY", "WEBSOCKET")
_PATH = re.compile(r"/[^\s?#<>]*")
_COMPONENT = re.compile(r"@(?:method|authority|scheme|target-uri|path|query)|[!#$%&'*+\-.^_`|~0-9a-z]+")
_SCHEME = re.compile(r"[a-z][a-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class PathPolicy:
    """One ``[[policy]]`` table. ``methods`` None is every method; ``policy.declared`` is False where it does not say who may call."""

    path: str
    methods: tuple[str, ...] | None
    policy: Policy

    def matches(self, method: str, template: str) -> bool:
        """Is this route meant? ``template`` writes parameters as ``{name}``."""
        return (self.methods is None or method in self.methods) and patterns.matches(self.path, template)


def parse(text: str, file: str) -> tuple[PathPolicy, ...]:
    """The policies of a text, in its order; ConfigError with file and line for every mistake. What is the scanner's is left alone."""
    source, table = section(text, file, _SECTION if PurePath(file).name == "pyproject.toml" else "")
    source.known_keys(table, (*GUARD_KEYS, *SCAN_KEYS))
    items = source.typed(table, "policy", list, "written as [[policy]] tables") or []
    found = tuple(_policy(source.inside("policy", index), item) for index, item in enumerate(items))
    _refuse_said_twice(source, found, items)
    return found


def matching(policies: tuple[PathPolicy, ...], method: str, template: str) -> tuple[PathPolicy, ...]:
    """Those that mean this route, the most specific first, whatever their order in the file (equal ones keep it).

    Segments are weighed from the left: a fixed one before one with a ``*`` in it, that before ``*``, that before ``**``; on equal
    paths the one with methods goes first. Each value is then taken from the first that says it.
    """
    return ranked(tuple(one for one in policies if one.matches(method, template)))


def ranked(policies: tuple[PathPolicy, ...]) -> tuple[PathPolicy, ...]:
    """The most specific first."""
    return tuple(sorted(policies, key=_specific, reverse=True))


def _specific(one: PathPolicy) -> tuple[tuple[int, ...], bool, bool]:
    ranks = [0 if part == "**" else 1 if part == "*" else 2 if "*" in part else 3 for part in one.path.strip("/").split("/")]
    # The end of a path is more specific than anything that might follow, and less when it ends in **.
    return (*ranks, -1 if ranks[-1] == 0 else 4), not one.path.endswith("/"), one.methods is not None


def _policy(source: TomlSource, item: object) -> PathPolicy:
    if not isinstance(item, dict):
        raise source.wrong("a policy is a [[policy]] table", "")
    source.known_keys(item, ("path", "methods", *_READERS))
    if not item.keys() - {"path", "methods"}:
        raise source.wrong(
            "a policy says something: public, require, any, schemes, limits, networks, owner, mode, csrf, cors or deprecated", ""
        )
    _refuse_contradiction(source, item)
    read = {field: reader(source, item, key) for key, (field, reader) in _READERS.items()}
    policy = Policy(
        **{field: value for field, value in read.items() if value is not None},
        declared=any(item.get(key, False) is not False for key in _DECIDING),
        public="public" in item,
        at=Location(source.shown, source.line("path")),
    )
    return PathPolicy(_path(source, item), _methods(source, item), policy)


def _refuse_contradiction(source: TomlSource, item: dict[str, Any]) -> None:
    if "public" not in item:
        return
    for key in _DECIDING[1:]:
        if key in item:
            raise source.wrong(f"a route is public or has {key}, not both", key)


def _path(source: TomlSource, item: dict[str, Any]) -> str:
    path = source.text(item, "path")
    if path is None:
        raise source.wrong('a policy names its path, as in path = "/api/v1/*"', "")
    if not _PATH.fullmatch(path):
        raise source.wrong(f"{path!r} is no path; write it as /orders/{{id}} or /api/v1/*, and methods apart", "path")
    return path


def _methods(source: TomlSource, item: dict[str, Any]) -> tuple[str, ...] | None:
    if "methods" not in item:
        return None
    names = tuple(name.upper() for name in source.texts(item, "methods"))
    if not names:
        raise source.wrong("methods is empty; leave it out for every method", "methods")
    for name in names:
        if name not in METHODS:
            raise source.wrong(f"{name!r} is no method ({', '.join(METHODS)})", "methods")
    return tuple(dict.fromkeys(names))


def _reason(source: TomlSource, item: dict[str, Any], key: str) -> str:
    reason = source.text(item, key)
    if reason is not None and not any(character.isalnum() for character in reason):
        raise source.wrong("public needs a reason", key)
    return (reason or "").strip()


def _scopes(source: TomlSource, item: dict[str, Any], key: str) -> tuple[str, ...]:
    names = source.texts(item, key)
    if key == "any" and key in item and not names:
        raise source.wrong("any is empty: no scope would do; leave it out, or name scopes", key)
    return tuple(_explained(source, key, scope.parse, name) for name in dict.fromkeys(names))


def _schemes(source: TomlSource, item: dict[str, Any], key: str) -> tuple[str, ...]:
    names = source.texts(item, key)
    if key in item and not names:
        raise source.wrong("schemes is empty; leave it out to accept every scheme", key)
    for name in names:
        if not _SCHEME.fullmatch(name):
            raise source.wrong(f"{name!r} is no name of a scheme", key)
    return tuple(dict.fromkeys(names))


def _limits(source: TomlSource, item: dict[str, Any], key: str) -> tuple[Limit, ...] | None:
    if key not in item:
        return None
    given = item[key]
    if not isinstance(given, str | list):
        raise source.wrong('limits is a text, as in "5 per minute", or a list of them', key)
    texts = (given,) if isinstance(given, str) else source.texts(item, key)
    return tuple(found for text in texts for found in _explained(source, key, limit.parse, text))


def _networks(source: TomlSource, item: dict[str, Any], key: str) -> tuple[str, ...] | None:
    if key not in item:
        return None
    texts = source.texts(item, key)
    if not texts:
        raise source.wrong("networks is empty: nobody could call; leave it out to admit every address", key)
    for text in texts:
        try:
            ip_network(text)
        except ValueError as error:
            raise source.wrong(f"{text!r} is no network, as in 10.0.0.0/8 or 2001:db8::/32 ({error})", key) from None
    return texts


def _monitor(source: TomlSource, item: dict[str, Any], key: str) -> bool | None:
    mode = source.text(item, key)
    if mode is None:
        return None
    if mode not in ("monitor", "enforce"):
        raise source.wrong(f"mode is monitor or enforce, not {mode!r}", key)
    return mode == "monitor"


def _on_outage(source: TomlSource, item: dict[str, Any], key: str) -> str | None:
    value = source.text(item, key)
    return None if value is None else str(_explained(source, key, outage.choice, value))


def _lifecycle(source: TomlSource, item: dict[str, Any], key: str) -> Lifecycle | None:
    """``deprecated = {since = 2026-01-01, sunset = 2027-01-01, successor = "/api/v2"}``."""
    said: dict[str, Any] | None = source.typed(item, key, dict, "a table, as in {since = 2026-01-01, sunset = 2027-01-01}")
    if said is None:
        return None
    for name in said:
        if name not in _LIFECYCLE:
            raise source.wrong(f"{name} is nothing that {key} knows ({', '.join(_LIFECYCLE)})", key)
    if "since" not in said:
        raise source.wrong(f"{key} says since when", key)
    from ostiary.model.lifecycle import lifecycle

    return cast("Lifecycle", _explained(source, key, lambda _: lifecycle(**{_LIFECYCLE[name]: value for name, value in said.items()}), ""))


def _cors(source: TomlSource, item: dict[str, Any], key: str) -> Cors | None:
    """``cors = {origins = ["https://app.example.com"], credentials = true}``."""
    said: dict[str, Any] | None = source.typed(item, key, dict, 'a table, as in {origins = ["https://app.example.com"]}')
    if said is None:
        return None
    for name in said:
        if name not in _CORS:
            raise source.wrong(f"{name} is nothing that {key} knows ({', '.join(_CORS)})", key)
    origins = said.get("origins", [])
    if not isinstance(origins, list):
        raise source.wrong("origins is a list of texts", key)
    from ostiary.model.cors import cross_origin

    more = {_CORS[name]: value for name, value in said.items() if name != "origins"}
    return cast("Cors", _explained(source, key, lambda _: cross_origin(*origins, **more), ""))


def _signed(source: TomlSource, item: dict[str, Any], key: str) -> tuple[str, ...] | bool | None:
    """True is the least that a signature covers, a list adds to that."""
    if key not in item or isinstance(item[key], bool):
        return None if key not in item else () if item[key] else False
    names = source.texts(item, key)
    for name in names:
        if not _COMPONENT.fullmatch(name):
            raise source.wrong(f"{name!r} is no component of a request: a header in lower case, or one such as @target-uri", key)
    return names


def _flag(source: TomlSource, item: dict[str, Any], key: str) -> bool | None:
    said: bool | None = source.typed(item, key, bool, "true or false")
    return said


def _size(source: TomlSource, item: dict[str, Any], key: str) -> int | None:
    size: int | None = source.typed(item, key, int, "a number of bytes")
    if size is not None and (isinstance(size, bool) or size < 0):
        raise source.wrong(f"{key} is a number of bytes", key)
    return size


def _distinct(source: TomlSource, item: dict[str, Any], key: str) -> tuple[str, Limit] | None:
    """``distinct = {order_id = "100 per hour"}``."""
    said: dict[str, Any] | None = source.typed(item, key, dict, 'a table, as in {order_id = "100 per hour"}')
    if said is None:
        return None
    if len(said) != 1:
        raise source.wrong(f"{key} names one parameter", key)
    ((parameter, rate),) = said.items()
    return cast("tuple[str, Limit]", _explained(source, key, lambda _: limit.distinct_of(parameter, rate), ""))


def _accepts(source: TomlSource, item: dict[str, Any], key: str) -> tuple[str, ...] | None:
    types = source.texts(item, key)
    return cast("tuple[str, ...]", _explained(source, key, lambda _: media_types(types), "")) if key in item else None


def _concurrent(source: TomlSource, item: dict[str, Any], key: str) -> int | None:
    most: int | None = source.typed(item, key, int, "a whole number")
    if most is not None and most < 1:
        raise source.wrong(f"{key} is a whole number from 1 on", key)
    return most


def _explained(source: TomlSource, key: str, read: Any, text: str) -> Any:
    """What ``read`` makes of the text; its refusal with the place in the file."""
    try:
        return read(text)
    except UsageError as error:
        raise source.wrong(str(error), key) from None


# What a table may say: the field of the Policy that it becomes, and who reads it.
_READERS: dict[str, tuple[str, Callable[[TomlSource, dict[str, Any], str], Any]]] = {
    "public": ("reason", _reason),
    "require": ("scopes", _scopes),
    "any": ("any_scopes", _scopes),
    "schemes": ("schemes", _schemes),
    "limits": ("limits", _limits),
    "networks": ("networks", _networks),
    "mode": ("monitor", _monitor),
    "owner": ("owner", lambda source, item, key: source.text(item, key)),
    "csrf": ("csrf", lambda source, item, key: source.typed(item, key, bool, "true or false")),
    "on-outage": ("on_outage", _on_outage),
    "deprecated": ("lifecycle", _lifecycle),
    "cors": ("cors", _cors),
    "signed": ("signed", _signed),
    "signed_stream": ("signed_stream", _flag),
    "max_body": ("max_body", _size),
    "sign_response": ("sign_response", _flag),
    "distinct": ("distinct", _distinct),
    "concurrent": ("concurrent", _concurrent),
    "accepts": ("accepts", _accepts),
    "json_depth": ("json_depth", _concurrent),
}


def _refuse_said_twice(source: TomlSource, found: tuple[PathPolicy, ...], items: list[dict[str, Any]]) -> None:
    """Tables of one path may add to each other; for one method each thing is said once."""
    said: dict[tuple[str, str, str], int] = {}
    for index, (one, item) in enumerate(zip(found, items, strict=True)):
        for key in item.keys() - {"path", "methods"}:
            what = "access" if key in _ACCESS else key
            for method in one.methods or ("",):
                first = said.setdefault((one.path, method, what), index)
                if first != index:
                    line = source.inside("policy", first).line("path")
                    raise source.inside("policy", index).wrong(
                        f"for {method or 'every method'} of {one.path} line {line} has decided that", key
                    )
