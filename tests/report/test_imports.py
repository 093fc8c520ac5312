"""What a report loads."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("rich", "flask", "fastapi", "starlette", "werkzeug", "pydantic", "typer", "ostiary.scan.code")


def loaded_by(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(run.stdout.split()) & set(HEAVY)


def test_the_package_loads_no_framework_and_no_terminal_library() -> None:
    """``import ostiary.report`` is free of rich, of web frameworks and of the source reader."""
    assert loaded_by("import ostiary.report") == set()


def test_json_sarif_and_html_load_no_terminal_library() -> None:
    """Only the text report draws."""
    scan = "from ostiary.report import render; from ostiary.model.scan import Scan"
    assert loaded_by(f"{scan}; render('json', Scan('x')); render('sarif', Scan('x')); render('html', Scan('x'))") == set()
    assert loaded_by(f"{scan}; render('text', Scan('x'))") == {"rich"}
