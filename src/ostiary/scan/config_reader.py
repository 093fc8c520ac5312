"""One configuration text into a Config; every mistake is refused with its line and, where one is near, the word that was meant."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from ostiary import weaknesses
from ostiary.errors import ConfigError
from ostiary.model.finding import Severity
from ostiary.scan import patterns
from ostiary.scan.config import Config, PublicRule, SuppressRule
from ostiary.scan.gate import FAIL_ON, NEVER
from ostiary.scan.toml_lines import line_of, line_of_error

_TOP = ("exclude", "include-tests", "fail-on", "min-score", "public", "suppress")
_SUPPRESS = ("weakness", "file", "route", "fingerprint", "reason", "until", "owner")
# tomllib needs a time that is quadratic in the parts of a key
_DEEP_KEY = re.compile(r"""(?:["']?[\w-]{1,64}+["']?[ \t]*+\.[ \t]*+){100}""")
_PLACES = ("file", "route", "fingerprint")


def read_config(text: str, shown: str, section: str) -> Config:
    """``section`` is the dotted table that holds our keys, empty for the whole text."""
    table: Any = _toml(text, shown)
    for name in filter(None, section.split(".")):
        table = table.get(name, {}) if isinstance(table, dict) else {}
    source = _Source(text, shown, section)
    if not isinstance(table, dict):
        raise source.wrong(f"{section} is a table", "")
    return _config(source, table)


def _toml(text: str, shown: str) -> dict[str, Any]:
    if deep := _DEEP_KEY.search(text):
        raise ConfigError("bad TOML: a key is nested too deep", shown, text.count("\n", 0, deep.start()) + 1)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"bad TOML: {error}", shown, line_of_error(str(error), text)) from None
    except RecursionError:
        raise ConfigError("bad TOML: nested too deep", shown, 1) from None
    except ValueError:
        # what Python refuses and tomllib does not catch: a number of thousands of digits
        raise ConfigError("bad TOML: a number is too long", shown, 1) from None


def did_you_mean(word: str, known: Collection[str]) -> str:
    """``; did you mean x?`` or nothing."""
    from difflib import get_close_matches

    close = get_close_matches(word.lower().replace("_", "-"), known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _config(source: _Source, table: dict[str, Any]) -> Config:
    source.known_keys(table, _TOP)
    return Config(
        exclude=source.texts(table, "exclude"),
        include_tests=source.typed(table, "include-tests", bool, "true or false") or False,
        fail_on=_fail_on(source, table),
        min_score=_min_score(source, table),
        public=_public(source, table),
        suppress=_suppress(source, table),
        file=source.shown,
    )


def _fail_on(source: _Source, table: dict[str, Any]) -> Severity | None:
    value = source.typed(table, "fail-on", str, "a text")
    if value is None:
        return Config().fail_on
    if value not in FAIL_ON:
        raise source.wrong(f"fail-on is one of {', '.join(FAIL_ON)}, not {value!r}{did_you_mean(value, FAIL_ON)}", "fail-on")
    return None if value == NEVER else Severity(value)


def _min_score(source: _Source, table: dict[str, Any]) -> int | None:
    value: int | None = source.typed(table, "min-score", int, "a whole number")
    if value is not None and not 0 <= value <= 100:
        raise source.wrong(f"min-score is between 0 and 100, not {value}", "min-score")
    return value


def _public(source: _Source, table: dict[str, Any]) -> tuple[PublicRule, ...]:
    rules = source.typed(table, "public", dict, "a table of pattern = reason") or {}
    inner = source.inside("public")
    return tuple(_public_rule(inner, pattern, reason) for pattern, reason in rules.items())


def _public_rule(source: _Source, pattern: str, reason: object) -> PublicRule:
    if patterns.route_pattern(pattern) is None:
        raise source.wrong(_no_pattern(pattern), pattern)
    if not isinstance(reason, str) or not _says_something(reason):
        raise source.wrong(f"public {pattern!r} needs a reason", pattern)
    return PublicRule(pattern.strip(), reason.strip(), source.where(pattern))


def _suppress(source: _Source, table: dict[str, Any]) -> tuple[SuppressRule, ...]:
    items = source.typed(table, "suppress", list, "written as [[suppress]] tables") or []
    return tuple(_suppress_rule(source.inside("suppress", index), item) for index, item in enumerate(items))


def _suppress_rule(source: _Source, item: object) -> SuppressRule:
    if not isinstance(item, dict):
        raise source.wrong("a suppression is a [[suppress]] table", "")
    source.known_keys(item, _SUPPRESS)
    if not any(place in item for place in _PLACES):
        raise source.wrong(f"a suppression names its {' or '.join(_PLACES)}", "")
    if "weakness" not in item and "fingerprint" not in item:
        raise source.wrong("a suppression names its weakness or fingerprint", "")
    return SuppressRule(
        reason=_reason(source, item),
        weakness=_weakness(source, item),
        file=source.text(item, "file"),
        route=_route(source, item),
        fingerprint=source.text(item, "fingerprint"),
        until=_until(source, item),
        owner=source.text(item, "owner"),
        where=source.where("weakness" if "weakness" in item else "fingerprint"),
    )


def _reason(source: _Source, item: dict[str, Any]) -> str:
    reason = source.text(item, "reason")
    if reason is None or not _says_something(reason):
        raise source.wrong("a suppression needs a reason", "reason" if reason is not None else "")
    return reason


def _weakness(source: _Source, item: dict[str, Any]) -> str | None:
    weakness = source.text(item, "weakness")
    known = weaknesses.all_ids()
    if weakness is not None and weakness not in known:
        raise source.wrong(f"no weakness is called {weakness!r}{did_you_mean(weakness, known)}", "weakness")
    return weakness


def _route(source: _Source, item: dict[str, Any]) -> str | None:
    text = source.text(item, "route")
    if text is not None and patterns.route_pattern(text) is None:
        raise source.wrong(_no_pattern(text), "route")
    return text


def _no_pattern(text: str) -> str:
    return f'{text!r} is no route pattern; write it as "GET /path" or "/path/*"'


def _until(source: _Source, item: dict[str, Any]) -> date | None:
    value = item.get("until")
    if value is None or (isinstance(value, date) and not isinstance(value, datetime)):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise source.wrong("until is a day, as in 2030-12-31", "until") from None


def _says_something(reason: str) -> bool:
    return any(character.isalnum() for character in reason)


@dataclass(frozen=True, slots=True)
class _Source:
    """One table of the text, so that a mistake in it can be shown where it stands."""

    body: str
    shown: str
    table: str
    index: int = 0

    def inside(self, name: str, index: int = 0) -> _Source:
        return replace(self, table=".".join(filter(None, (self.table, name))), index=index)

    def line(self, key: str) -> int:
        return line_of(self.body, self.table, key, self.index)

    def where(self, key: str) -> str:
        return f"{self.shown}:{self.line(key)}"

    def wrong(self, message: str, key: str) -> ConfigError:
        return ConfigError(message, self.shown, self.line(key))

    def known_keys(self, table: dict[str, Any], known: tuple[str, ...]) -> None:
        for key in table:
            if key not in known:
                raise self.wrong(f"unknown key {key!r}{did_you_mean(key, known)}", key)

    def typed(self, table: dict[str, Any], key: str, kind: type, what: str) -> Any:
        value = table.get(key)
        # bool is an int to isinstance, and ``min-score = true`` a mistake to everybody else.
        if value is not None and type(value) is not kind:
            raise self.wrong(f"{key} is {what}", key)
        return value

    def text(self, table: dict[str, Any], key: str) -> str | None:
        value: str | None = self.typed(table, key, str, "a text")
        if value is not None and not value.strip():
            raise self.wrong(f"{key} is empty", key)
        return value

    def texts(self, table: dict[str, Any], key: str) -> tuple[str, ...]:
        value = self.typed(table, key, list, "a list of texts") or []
        if not all(isinstance(item, str) for item in value):
            raise self.wrong(f"{key} is a list of texts", key)
        return tuple(value)
