"""The Markdown of a weakness page as HTML: paragraphs, lists, code, emphasis and links to https. All else is text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import takewhile

from ostiary.report.html_element import Html, element, join, text, web_link

_FENCE = "```"
_ITEM = re.compile(r"(?:([-*])|\d+\.)\s+")
_INLINE = re.compile(
    r"(?P<ticks>`+)(?P<code>.+?)(?P=ticks)(?!`)"
    r"|\*\*(?P<strong>[^*]+)\*\*"
    r"|(?<!\w)\*(?P<em>[^*\s][^*]*)\*(?!\w)"
    r"|\[(?P<label>[^\]]+)\]\((?P<address>[^)\s]+)\)"
    r"|<(?P<auto>https://[^>\s]+)>"
    r"|(?P<bare>https://[^\s<>()`\"']*[^\s<>()`\"'.,;:!?])",
    re.DOTALL,
)


def markdown(source: str) -> Html:
    """The blocks of a page's section, one after another."""
    return join(_blocks(source.strip("\n").split("\n")))


def _blocks(lines: list[str]) -> Iterator[Html]:
    rest = lines
    while rest:
        first = rest[0]
        if not first.strip():
            rest = rest[1:]
        elif first.startswith(_FENCE):
            body = list(takewhile(lambda line: not line.startswith(_FENCE), rest[1:]))
            rest = rest[len(body) + 2 :]
            yield code_block("\n".join(body))
        else:
            block = [first, *takewhile(_continues, rest[1:])]
            rest = rest[len(block) :]
            yield from _prose(block)


def _continues(line: str) -> bool:
    return bool(line.strip()) and not line.startswith(_FENCE)


def code_block(source: str) -> Html:
    """Code as it stands, never cut."""
    return element("pre", element("code", text(source, longest=None)))


def _prose(lines: list[str]) -> Iterator[Html]:
    """A paragraph, a list, or the one right before the other."""
    before = list(takewhile(lambda line: not _ITEM.match(line), lines))
    if before:
        yield element("p", inline("\n".join(before)))
    if len(before) < len(lines):
        yield _list(lines[len(before) :])


def _list(lines: list[str]) -> Html:
    """Every line that begins no item goes on with the one before."""
    items: list[str] = []
    for line in lines:
        found = _ITEM.match(line)
        if found:
            items.append(line[found.end() :])
        else:
            items[-1] += "\n" + line.strip()
    first = _ITEM.match(lines[0])
    kind = "ul" if first and first.group(1) else "ol"
    return element(kind, *(element("li", inline(item)) for item in items))


def inline(source: str) -> Html:
    """Code, emphasis and links within a line."""
    parts: list[Html] = []
    end = 0
    for found in _INLINE.finditer(source):
        parts += (text(source[end : found.start()], None), _span(found))
        end = found.end()
    return join([*parts, text(source[end:], None)])


def _span(found: re.Match[str]) -> Html:
    if found["code"]:
        return element("code", text(found["code"], None))
    if found["strong"]:
        return element("strong", inline(found["strong"]))
    if found["em"]:
        return element("em", inline(found["em"]))
    address = found["address"] or found["auto"] or found["bare"]
    return web_link(found["label"] or address, address)
