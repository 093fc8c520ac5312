"""The short way to a scan reads the same as click does, and leaves to click what is not plain."""

from __future__ import annotations

import subprocess
import sys
from itertools import chain
from pathlib import Path
from typing import Any

import click
import pytest

from ostiary.cli.app import app
from ostiary.cli.quick import scan_words

SCAN = app.commands["scan"]


def by_click(words: list[str]) -> dict[str, Any]:
    with SCAN.make_context("scan", list(words)) as context:
        return context.params


def spellings(option: click.Option) -> list[list[str]]:
    """Every way to type an option with each of its values, or with one that fits."""
    if option.is_flag:
        return [[name] for name in option.opts]
    values = (
        option.type.choices if isinstance(option.type, click.Choice) else ["0", "100"] if option.name == "min_score" else ["a file.json"]
    )
    apart = [[name, value] for name in option.opts for value in values]
    return apart + [[f"{name}={value}"] for name, value in apart if name.startswith("--")]


OPTIONS = [one for one in SCAN.params if isinstance(one, click.Option)]


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_every_option_is_read_as_click_reads_it(option: click.Option) -> None:
    """Alone, and with a path before or behind it: what click has and this does not is seen here."""
    for words in spellings(option):
        for typed in (words, ["src", *words], [*words, "src"]):
            assert scan_words(typed) == by_click(typed)


@pytest.mark.parametrize("words", [[], ["."], ["src"], [""], ["a b"], list(chain(*(spellings(option)[0] for option in OPTIONS)))])
def test_words_together_are_read_as_click_reads_them(words: list[str]) -> None:
    """None, a path, and every option at once."""
    assert scan_words(words) == by_click(words)


def test_the_last_of_two_counts() -> None:
    """As with click."""
    words = ["--format", "json", "--format", "sarif", "-o", "a", "--output", "b"]
    found = scan_words(words)
    assert found == by_click(words)
    assert found is not None
    assert (found["name"], found["output"]) == ("sarif", Path("b"))


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["-h"],
        ["a", "b"],
        ["--"],
        ["-"],
        ["-qofile"],
        ["-o=file"],
        ["--output"],
        ["--output", "--quiet"],
        ["--format", "xml"],
        ["--format", "JSON"],
        ["--fail-on=none"],
        ["--min-score", "101"],
        ["--min-score=-1"],
        ["--min-score", "many"],
        ["--quiet=yes"],
        ["--sarif-file", "x"],
        ["--form", "json"],
    ],
)
def test_what_is_not_plain_is_left_to_click(words: list[str]) -> None:
    """Help, mistakes, and words run together."""
    assert scan_words(words) is None


def test_a_scan_in_json_loads_neither_click_nor_what_it_brings_along(tmp_path: Path) -> None:
    """They would take a quarter of a small scan."""
    (tmp_path / "app.py").write_text("from flask import Flask\napp = Flask(__name__)\n", encoding="utf-8")
    command = [sys.executable, "-X", "importtime", "-c", "from ostiary.cli import main; main()", "scan", str(tmp_path), "--format", "json"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    loaded = {line.rpartition("|")[2].strip() for line in run.stderr.splitlines() if line.startswith("import time:")}
    assert "ostiary.scan.run" in loaded
    assert not loaded & {"click", "dataclasses", "inspect", "pkgutil", "http"}
