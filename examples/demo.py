"""Scan, guard, prove: ``python examples/demo.py``, as ``make demo`` runs it.

1. Scans two services as careless teams write them: grade F.
2. Starts their hardened twins, guarded by Ostiary, under gunicorn (two workers) and uvicorn, and calls them for real.
3. Scans the twins: grade A. Writes SARIF and HTML reports.

Ends with exit code 1 when anything is other than promised, so that the demo is also a test.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from guarded import Service, Step, conversation, fastapi_service, flask_service

GRADES = {"careless_flask": "F", "careless_fastapi": "F", "hardened_flask": "A", "hardened_fastapi": "A"}
HERE = Path(os.path.relpath(Path(__file__).parent))
OUTPUT = Path("demo-output")


class DemoError(Exception):
    """The demo did not show what it promises; the message says what."""


def ostiary(*arguments: str, environment: dict[str, str] | None = None, captured: bool = False) -> str:
    """Runs the installed command; it prints to our terminal unless its output is wanted."""
    command = Path(sysconfig.get_path("scripts")) / "ostiary"
    if not command.exists():
        raise DemoError("the ostiary command is not installed beside this Python; run: pip install .")
    sys.stdout.flush()
    done = subprocess.run(
        [str(command), *arguments],
        check=False,
        env=os.environ | (environment or {}),
        stdout=subprocess.PIPE if captured else None,
        text=True,
    )
    if done.returncode != 0:
        raise DemoError(f"ostiary {' '.join(arguments)} ended with exit code {done.returncode}")
    return done.stdout or ""


def heading(text: str, line: str) -> None:
    print(f"\n{text}\n{line * len(text)}\n", flush=True)


def scan(name: str) -> str:
    """Prints one service's routes and findings, writes its reports, returns its grade."""
    folder, facts = str(HERE / name), OUTPUT / f"{name}.json"
    reports = {kind: OUTPUT / f"{name}.{kind}" for kind in ("html", "sarif")}
    heading(f"ostiary routes {folder}", "-")
    ostiary("routes", folder)
    heading(f"ostiary scan {folder}", "-")
    ostiary("scan", folder, "--fail-on", "never", "--json", str(facts), *(f"--{kind}={path}" for kind, path in reports.items()))
    print(f"\nReport: {reports['html']} · for code scanning: {reports['sarif']}")
    score = json.loads(facts.read_text(encoding="utf-8"))["score"]
    if score is None:
        raise DemoError(f"{name} got no score")
    return str(score["grade"])


def guarded(service: Service) -> list[Step]:
    """Starts one twin, mints keys for it as a person would, and calls it."""
    heading(f"{service.name}: {' '.join(service.shown)}", "-")
    with service.running():
        return conversation(service, lambda *words: ostiary("keys", *words, environment=service.environment, captured=True).strip())


def prove(folder: Path) -> list[str]:
    """What the running twins did other than promised."""
    wrong = []
    for make in (flask_service, fastapi_service):
        service = make(HERE, folder)
        for step in guarded(service):
            print(f"  {'ok ' if step.right else 'NO '} {step.what:<58} {step.answer}", flush=True)
            wrong += [] if step.right else [f"{service.name}: {step.what}: {step.answer}"]
    return wrong


def main() -> int:
    OUTPUT.mkdir(exist_ok=True)
    seen, wrong = {}, []
    try:
        heading("1. As careless teams write them", "=")
        seen = {name: scan(name) for name in ("careless_flask", "careless_fastapi")}
        heading("2. Their hardened twins, running, with the guard", "=")
        with tempfile.TemporaryDirectory(prefix="ostiary-demo-") as folder:
            wrong = prove(Path(folder))
        heading("3. The twins, scanned", "=")
        seen |= {name: scan(name) for name in ("hardened_flask", "hardened_fastapi")}
    except (DemoError, OSError, subprocess.SubprocessError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    heading("In short", "=")
    for name, wanted in GRADES.items():
        print(f"  {name:<18} {seen[name]}" + ("" if seen[name] == wanted else f"   should be {wanted}"))
    wrong += [f"{name} has grade {seen[name]}, not {wanted}" for name, wanted in GRADES.items() if seen[name] != wanted]
    for one in wrong:
        print(f"demo: {one}", file=sys.stderr)
    print(f"\nReports to open: {OUTPUT}/careless_flask.html, {OUTPUT}/hardened_flask.html")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
