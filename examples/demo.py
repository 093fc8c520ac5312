"""Scans the four example services and shows what Ostiary says: ``python examples/demo.py``.

Two are written as careless teams write them (grade F), two are their hardened twins (grade A).
Ends with exit code 1 when a grade is another, so that the demo is also a promise.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

GRADES = {"careless_flask": "F", "careless_fastapi": "F", "hardened_flask": "A", "hardened_fastapi": "A"}
HERE = Path(os.path.relpath(Path(__file__).parent))
OUTPUT = Path("demo-output")


class DemoError(Exception):
    """The demo did not show what it promises; the message says what."""


def ostiary(*arguments: str) -> None:
    """Runs the installed command; it prints to our terminal."""
    command = Path(sysconfig.get_path("scripts")) / "ostiary"
    if not command.exists():
        raise DemoError("the ostiary command is not installed beside this Python; run: pip install .")
    sys.stdout.flush()
    code = subprocess.run([str(command), *arguments], check=False).returncode
    if code != 0:
        raise DemoError(f"ostiary {' '.join(arguments)} ended with exit code {code}")


def heading(text: str, line: str) -> None:
    print(f"\n{text}\n{line * len(text)}\n")


def show(name: str) -> str:
    """Prints one service's routes and findings, writes its SARIF file, returns its grade."""
    folder, sarif, facts = str(HERE / name), OUTPUT / f"{name}.sarif", OUTPUT / f"{name}.json"
    heading(name, "=")
    heading(f"ostiary routes {folder}", "-")
    ostiary("routes", folder)
    heading(f"ostiary scan {folder}", "-")
    ostiary("scan", folder, "--fail-on", "never", "--sarif", str(sarif), "--json", str(facts))
    print(f"\nSARIF for code scanning: {sarif}")
    return grade(name, facts)


def grade(name: str, facts: Path) -> str:
    score = json.loads(facts.read_text(encoding="utf-8"))["score"]
    if score is None:
        raise DemoError(f"{name} got no score")
    return str(score["grade"])


def main() -> int:
    OUTPUT.mkdir(exist_ok=True)
    try:
        seen = {name: show(name) for name in GRADES}
    except DemoError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    heading("In short", "=")
    for name, wanted in GRADES.items():
        print(f"  {name:<18} {seen[name]}" + ("" if seen[name] == wanted else f"   should be {wanted}"))
    wrong = [name for name, wanted in GRADES.items() if seen[name] != wanted]
    if wrong:
        print(f"demo: not the promised grade: {', '.join(wrong)}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
