"""One page: text in, Weakness out, every mistake named with its line."""

from __future__ import annotations

import json
import re
from typing import Any

from ostiary.errors import ConfigError
from ostiary.model.finding import Severity, Weakness
from ostiary.model.records import dataclass

CATEGORIES: dict[str, str] = {
    "authentication": "Authentication",
    "secrets": "API keys and secrets",
    "integrity": "Request integrity",
    "tokens": "Tokens",
    "authorization": "Authorization",
    "flows": "Business flows",
    "properties": "Properties",
    "injection": "Input and injection",
    "resources": "Resources",
    "exposure": "Exposure",
    "transport": "Transport and browser",
    "upstream": "Server-side requests and consumption",
    "inventory": "Inventory",
    "llm": "Language-model endpoints",
}

_FENCE = "+++"
_KEYS = frozenset({"title", "category", "severity", "cwe", "owasp", "subsumes", "references"})
_STANDARDS = frozenset({"asvs", "pci", "soc2"})
_WHY, _ATTACK, _LINKS = "Why", "Attack", "References"
_FIXES = {"flask": "Fix: Flask", "fastapi": "Fix: FastAPI"}
_REQUIRED = (_WHY, _ATTACK, *_FIXES.values())
_CODE = re.compile(r"```python\n(.*?)\n```", re.DOTALL)


def parse(weakness: str, text: str, file: str) -> Weakness:
    """The page as a value; ConfigError with ``file`` and line when front matter or sections are not as they must be."""
    page = _Page(file, text.split("\n"))
    end = page.front_matter_end()
    front = page.front_matter(end)
    sections = page.sections(end + 1)
    references = {name: page.strings(front["references"], name) for name in sorted(_STANDARDS)}
    links = tuple(line[2:] for line in sections.get(_LINKS, "").split("\n") if line.startswith("- "))
    return Weakness(
        id=weakness,
        title=page.string(front, "title"),
        category=page.one_of(front, "category", CATEGORIES),
        severity=Severity(page.one_of(front, "severity", {level.value: "" for level in Severity})),
        cwe=page.numbers(front, "cwe"),
        owasp=page.strings(front, "owasp"),
        subsumes=page.strings(front, "subsumes"),
        references=references | ({"links": links} if links else {}),
        why=sections[_WHY],
        attack=sections[_ATTACK],
        fixes={framework: sections[title] for framework, title in _FIXES.items()},
    )


def essence(weakness: Weakness, framework: str) -> str:
    """The first code block of the fix for ``flask`` or ``fastapi``: at most three lines, to be shown beside a finding."""
    found = _CODE.match(weakness.fixes.get(framework, ""))
    return found.group(1) if found else ""


@dataclass(frozen=True, slots=True)
class _Page:
    """The lines of one page, and how to say which of them is wrong."""

    file: str
    lines: list[str]

    def wrong(self, message: str, line: int) -> ConfigError:
        return ConfigError(message, self.file, line)

    def front_matter_end(self) -> int:
        """Index of the closing ``+++``."""
        if self.lines[0] != _FENCE:
            raise self.wrong("a page begins with +++", 1)
        if _FENCE not in self.lines[1:]:
            raise self.wrong("the front matter has no closing +++", len(self.lines))
        return self.lines.index(_FENCE, 1)

    def front_matter(self, end: int) -> dict[str, Any]:
        front = self._table(end)
        self._exactly(front, _KEYS)
        if not isinstance(front["references"], dict):
            raise self.wrong("references is a table", self.line_of("references"))
        self._exactly(front["references"], _STANDARDS)
        return front

    def _table(self, end: int) -> dict[str, Any]:
        """Flat TOML whose values, each on its line, are JSON as well: a score needs every page, and tomllib would take most of that time."""
        front: dict[str, Any] = {}
        here = front
        for number, line in enumerate(self.lines[1:end], 2):
            key, equals, value = line.partition("=")
            if line.startswith("["):
                here = front[line.strip("[] ")] = {}
            elif equals:
                here[key.strip()] = self._value(value, number)
            elif line.strip():
                raise self.wrong("bad TOML: a line is key = value", number)
        return front

    def _value(self, text: str, line: int) -> Any:
        try:
            return json.loads(text)
        except ValueError as error:
            raise self.wrong(f"bad TOML: {error}", line) from None

    def _exactly(self, table: dict[str, Any], keys: frozenset[str]) -> None:
        for key in table:
            if key not in keys:
                raise self.wrong(f"unknown key {key!r}", self.line_of(key))
        for key in sorted(keys - table.keys()):
            raise self.wrong(f"the front matter has no {key!r}", 1)

    def line_of(self, key: str) -> int:
        start = re.compile(rf"\s*\[?\"?{re.escape(key)}\b")
        return next((number for number, line in enumerate(self.lines, 1) if start.match(line)), 1)

    def string(self, table: dict[str, Any], key: str) -> str:
        value = table[key]
        if not isinstance(value, str) or not value:
            raise self.wrong(f"{key} is a text", self.line_of(key))
        return value

    def one_of(self, table: dict[str, Any], key: str, known: dict[str, str]) -> str:
        value = self.string(table, key)
        if value not in known:
            raise self.wrong(f"{key} {value!r} is none of {', '.join(known)}", self.line_of(key))
        return value

    def strings(self, table: dict[str, Any], key: str) -> tuple[str, ...]:
        return tuple(self._items(table, key, str, "texts"))

    def numbers(self, table: dict[str, Any], key: str) -> tuple[int, ...]:
        return tuple(self._items(table, key, int, "numbers"))

    def _items(self, table: dict[str, Any], key: str, kind: type, plural: str) -> list[Any]:
        value = table[key]
        if not isinstance(value, list) or not all(type(item) is kind for item in value):
            raise self.wrong(f"{key} is a list of {plural}", self.line_of(key))
        return value

    def sections(self, start: int) -> dict[str, str]:
        """Title → text of each ``##`` section after line index ``start``; a ``##`` within a code block begins none."""
        found: dict[str, list[str]] = {}
        current: list[str] = []
        in_code = False
        for number, line in enumerate(self.lines[start:], start + 1):
            in_code ^= line.startswith("```")
            if in_code or not line.startswith("## "):
                current.append(line)
            else:
                current = found[self._new_title(line, found, number)] = []
        for title in _REQUIRED:
            if not "".join(found.get(title, [])).strip():
                raise self.wrong(f"section {title!r} is missing or empty", len(self.lines))
        return {title: "\n".join(lines).strip() for title, lines in found.items()}

    def _new_title(self, line: str, found: dict[str, list[str]], number: int) -> str:
        title = line.removeprefix("## ").strip()
        if title not in (*_REQUIRED, _LINKS) or title in found:
            raise self.wrong(f"section {title!r} is unknown or there twice", number)
        return title
