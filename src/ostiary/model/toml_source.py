"""A configuration text and its tables: values of the right kind, or a ConfigError at the line where the mistake stands."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from ostiary.errors import ConfigError
from ostiary.model.toml_lines import line_of, line_of_error

# One file serves both: each reads its own part and knows the other's by name.
SCAN_KEYS = ("exclude", "include-tests", "fail-on", "min-score", "public", "suppress")
GUARD_KEYS = ("guard", "policy")
# tomllib needs a time that is quadratic in the parts of a key
_DEEP_KEY = re.compile(r"""(?:["']?[\w-]{1,64}+["']?[ \t]*+\.[ \t]*+){100}""")


def read_toml(text: str, shown: str) -> dict[str, Any]:
    """The whole text as tables; ``shown`` is the file's name in errors."""
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


def section(text: str, shown: str, name: str) -> tuple[TomlSource, dict[str, Any]]:
    """The table with the dotted ``name``, empty where there is none; the whole text without a name."""
    table: Any = read_toml(text, shown)
    for part in filter(None, name.split(".")):
        table = table.get(part, {}) if isinstance(table, dict) else {}
    source = TomlSource(text, shown, name)
    if not isinstance(table, dict):
        raise source.wrong(f"{name} is a table", "")
    return source, table


def did_you_mean(word: str, known: Collection[str]) -> str:
    """``; did you mean x?`` or nothing."""
    from difflib import get_close_matches

    close = get_close_matches(word.lower().replace("_", "-"), known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


@dataclass(frozen=True, slots=True)
class TomlSource:
    """One table of the text, so that a mistake in it can be shown where it stands."""

    body: str
    shown: str
    table: str
    index: int = 0

    def inside(self, name: str, index: int = 0) -> TomlSource:
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
