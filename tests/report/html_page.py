"""A page as a browser takes it apart."""

from __future__ import annotations

from html.parser import HTMLParser

from ostiary.model.scan import Scan
from ostiary.report import View, render

VOID = {"meta", "input", "wbr"}


class Page(HTMLParser):
    """Its tags, words and what is wrong: every tag must be closed in its place."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _value in attrs]
        self.wrong += [f"<{tag}> has {name} twice" for name in names if names.count(name) > 1]
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open[-1] != tag:
            self.wrong.append(f"</{tag}> within {self.open[-2:]}")
        else:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)

    def all(self, name: str) -> list[str]:
        return [value or "" for _tag, attributes in self.tags for key, value in attributes.items() if key == name]

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())


def page(scan: Scan, view: View | None = None) -> Page:
    return Page(render("html", scan, view))
