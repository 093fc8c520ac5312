"""One page of the catalogue, or the list of all."""

from __future__ import annotations

from ostiary import weaknesses
from ostiary.errors import UsageError
from ostiary.model.finding import Severity, Weakness

_NAMES = {"flask": "Flask", "fastapi": "FastAPI"}


def page(weakness: str, framework: str | None = None) -> str:
    """The page as Markdown, with the fix for one framework or for both."""
    if framework is not None and framework not in _NAMES:
        raise UsageError(f"--framework is one of {', '.join(_NAMES)}; not {framework!r}")
    found = weaknesses.get(weakness)
    fixes = [f"## Fix in {_NAMES[name]}\n\n{text}" for name, text in found.fixes.items() if framework in (None, name)]
    return "\n\n".join([f"# {found.title}", _facts(found), f"## Why\n\n{found.why}", f"## Attack\n\n{found.attack}", *fixes]) + "\n"


def drawn(markdown: str, width: int) -> str:
    """The page for a terminal."""
    import io

    from rich.console import Console
    from rich.markdown import Markdown

    file = io.StringIO()
    Console(file=file, width=width, color_system="standard", force_terminal=True, legacy_windows=False).print(Markdown(markdown))
    return file.getvalue()


def catalogue() -> str:
    """Every weakness with its severity and title, by category."""
    pages = sorted((weaknesses.get(name) for name in weaknesses.all_ids()), key=lambda one: (one.category, -one.severity.rank, one.id))
    width = max((len(one.id) for one in pages), default=0)
    lines: list[str] = []
    for category in dict.fromkeys(one.category for one in pages):
        lines += ["", weaknesses.CATEGORIES.get(category, category)]
        lines += [_row(one, width) for one in pages if one.category == category]
    return "\n".join(lines[1:]) + "\n"


def _row(one: Weakness, width: int) -> str:
    return f"  {one.id:<{width}}  {one.severity.value:<{max(map(len, Severity))}}  {one.title}"


def _facts(found: Weakness) -> str:
    numbers = [f"CWE-{number}" for number in found.cwe] + [f"OWASP {name}" for name in found.owasp]
    standards = [f"{name.upper()} {', '.join(values)}" for name, values in found.references.items() if values and name != "links"]
    return " · ".join([f"`{found.id}`", found.severity.value, *numbers, *standards])
