"""``ostiary init`` writes a configuration that works as it stands."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ostiary.model.route import PublicMark, Route, State
from ostiary.scan.config import Config, load
from ostiary.scan.template import render


def read(folder: Path, text: str) -> Config:
    (folder / "ostiary.toml").write_text(text, encoding="utf-8")
    return replace(load(folder), file="")


def test_the_written_defaults_are_the_defaults(tmp_path: Path) -> None:
    """Nothing changes by writing it."""
    assert read(tmp_path, render(())) == Config()


def test_what_is_commented_out_is_valid_too(tmp_path: Path) -> None:
    """Every line that shows a default or an example may be uncommented."""
    lines = [line.removeprefix("# ") if "=" in line or "[[" in line else line for line in render(()).splitlines()]
    config = read(tmp_path, "\n".join(lines))
    assert (config.exclude, config.min_score, len(config.public), len(config.suppress)) == (("scripts/**",), 80, 2, 1)


def test_proposes_what_looks_public(tmp_path: Path) -> None:
    """A line for each route that is believed public, and for no other; odd characters survive."""
    mark = PublicMark("behaviour", 'issues a "token"\x7f')
    routes = (
        Route("POST", "/login/{id}", public=mark),
        Route("GET", "/open"),
        replace(Route("GET", "/closed", public=mark), protection=replace(Route("GET", "/").protection, state=State.PROTECTED)),
        Route("GET", "/test", public=mark, audience="sample"),
    )
    rules = read(tmp_path, render(routes)).public
    assert [(rule.pattern, rule.reason) for rule in rules] == [("POST /login/{id}", 'issues a "token"\x7f')]
