"""One configuration text into a Config; every mistake is refused with its line and, where one is near, the word that was meant."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from ostiary import weaknesses
from ostiary.model import patterns, toml_source
from ostiary.model.finding import Severity
from ostiary.model.toml_source import TomlSource, did_you_mean
from ostiary.scan.config import Config, PublicRule, SuppressRule
from ostiary.scan.gate import FAIL_ON, NEVER

_SUPPRESS = ("weakness", "file", "route", "fingerprint", "reason", "until", "owner")
_PLACES = ("file", "route", "fingerprint")


def read_config(text: str, shown: str, section: str) -> Config:
    """``section`` is the dotted table that holds our keys, empty for the whole text."""
    return _config(*toml_source.section(text, shown, section))


def _config(source: TomlSource, table: dict[str, Any]) -> Config:
    source.known_keys(table, (*toml_source.SCAN_KEYS, *toml_source.GUARD_KEYS))
    return Config(
        exclude=source.texts(table, "exclude"),
        include_tests=source.typed(table, "include-tests", bool, "true or false") or False,
        fail_on=_fail_on(source, table),
        min_score=_min_score(source, table),
        public=_public(source, table),
        suppress=_suppress(source, table),
        file=source.shown,
    )


def _fail_on(source: TomlSource, table: dict[str, Any]) -> Severity | None:
    value = source.typed(table, "fail-on", str, "a text")
    if value is None:
        return Config().fail_on
    if value not in FAIL_ON:
        raise source.wrong(f"fail-on is one of {', '.join(FAIL_ON)}, not {value!r}{did_you_mean(value, FAIL_ON)}", "fail-on")
    return None if value == NEVER else Severity(value)


def _min_score(source: TomlSource, table: dict[str, Any]) -> int | None:
    value: int | None = source.typed(table, "min-score", int, "a whole number")
    if value is not None and not 0 <= value <= 100:
        raise source.wrong(f"min-score is between 0 and 100, not {value}", "min-score")
    return value


def _public(source: TomlSource, table: dict[str, Any]) -> tuple[PublicRule, ...]:
    rules = source.typed(table, "public", dict, "a table of pattern = reason") or {}
    inner = source.inside("public")
    return tuple(_public_rule(inner, pattern, reason) for pattern, reason in rules.items())


def _public_rule(source: TomlSource, pattern: str, reason: object) -> PublicRule:
    if patterns.route_pattern(pattern) is None:
        raise source.wrong(_no_pattern(pattern), pattern)
    if not isinstance(reason, str) or not _says_something(reason):
        raise source.wrong(f"public {pattern!r} needs a reason", pattern)
    return PublicRule(pattern.strip(), reason.strip(), source.where(pattern))


def _suppress(source: TomlSource, table: dict[str, Any]) -> tuple[SuppressRule, ...]:
    items = source.typed(table, "suppress", list, "written as [[suppress]] tables") or []
    return tuple(_suppress_rule(source.inside("suppress", index), item) for index, item in enumerate(items))


def _suppress_rule(source: TomlSource, item: object) -> SuppressRule:
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


def _reason(source: TomlSource, item: dict[str, Any]) -> str:
    reason = source.text(item, "reason")
    if reason is None or not _says_something(reason):
        raise source.wrong("a suppression needs a reason", "reason" if reason is not None else "")
    return reason


def _weakness(source: TomlSource, item: dict[str, Any]) -> str | None:
    weakness = source.text(item, "weakness")
    known = weaknesses.all_ids()
    if weakness is not None and weakness not in known:
        raise source.wrong(f"no weakness is called {weakness!r}{did_you_mean(weakness, known)}", "weakness")
    return weakness


def _route(source: TomlSource, item: dict[str, Any]) -> str | None:
    text = source.text(item, "route")
    if text is not None and patterns.route_pattern(text) is None:
        raise source.wrong(_no_pattern(text), "route")
    return text


def _no_pattern(text: str) -> str:
    return f'{text!r} is no route pattern; write it as "GET /path" or "/path/*"'


def _until(source: TomlSource, item: dict[str, Any]) -> date | None:
    value = item.get("until")
    if value is None or (isinstance(value, date) and not isinstance(value, datetime)):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise source.wrong("until is a day, as in 2030-12-31", "until") from None


def _says_something(reason: str) -> bool:
    return any(character.isalnum() for character in reason)
