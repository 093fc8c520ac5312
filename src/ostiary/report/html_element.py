"""HTML that cannot be built unescaped: a plain text becomes harmless wherever it is put, only ``Html`` is taken as it is."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from ostiary.model.route import Location
from ostiary.report.common import clean

_VOID = frozenset({"input", "meta"})
_LONGEST = 4000
_WEB = "https://"


class Html(str):
    """Markup that is ready. Made by the functions of this module and from constants, never from a text of the scanned tree."""

    __slots__ = ()


def text(value: str, longest: int | None = _LONGEST) -> Html:
    """The text as one reads it: markup escaped, control and bidi characters spelled out, what is endless cut with a word about it."""
    if longest is not None and len(value) > longest:
        value = f"{value[:longest]} … ({len(value) - longest} more characters)"
    return Html(escape(clean(value), quote=True))


def element(name: str, /, *children: str, **attributes: str | int | bool | None) -> Html:
    """``<name …>children</name>``; ``class_`` and ``aria_label`` become ``class`` and ``aria-label``, None and False leave one out."""
    start = name + "".join(_attribute(key, value) for key, value in attributes.items() if value is not None and value is not False)
    return Html(f"<{start}>" if name in _VOID else f"<{start}>{join(children)}</{name}>")


def join(parts: Iterable[str], between: str = "") -> Html:
    """The parts in a row, each harmless."""
    return Html(str(_harmless(between)).join(map(_harmless, parts)))


def section(title: str, *children: str) -> Html:
    """A section with its heading; its id is its title in small letters with hyphens."""
    anchor = anchor_of(title)
    return element("section", element("h2", title, id=f"{anchor}-title"), *children, id=anchor, aria_labelledby=f"{anchor}-title")


def anchor_of(title: str) -> str:
    """The id of a section, for links to it."""
    return title.lower().replace(" ", "-")


def code(value: str, class_: str | None = None) -> Html:
    """Names of the source; a long one may break after a slash or a colon."""
    return element("code", Html(text(value).replace("/", "/<wbr>").replace(":", ":<wbr>")), class_=class_)


def place(at: Location | None) -> Html:
    """``file:line``; nothing when it is not known."""
    return code(str(at) if at.line else at.file, "at") if at else Html()


def web_link(label: str, address: str) -> Html:
    """A link to an https page; the label alone when the address is anything else."""
    return element("a", label, href=address, rel="noopener noreferrer") if address.startswith(_WEB) else text(label)


def _harmless(part: str) -> Html:
    return part if isinstance(part, Html) else text(part)


def _attribute(name: str, value: str | int | bool) -> str:
    name = name.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{_harmless(str(value))}"'
