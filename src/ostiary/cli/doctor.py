"""``ostiary doctor``: what around a guard is not as it should be."""

from __future__ import annotations

import json
import os
import time
from collections import Counter

from ostiary.cli.output import color, put, talk, width
from ostiary.guard.doctor import examine
from ostiary.guard.doctor.line import Line, Patient
from ostiary.report.common import plural
from ostiary.report.page import Page

_STYLES = {"ok": "green", "warning": "yellow", "problem": "red"}


def doctor(target: str | None, url: str | None, as_json: bool) -> int:
    """Prints every line; 1 when there is a problem."""
    found = examine(_patient(target, url))
    counts = Counter(line.state for lines in found.values() for line in lines)
    if as_json:
        rows = [{"about": about, **line._asdict()} for about, lines in found.items() for line in lines]
        put(json.dumps({"healthy": not counts["problem"], "lines": rows}, indent=2) + "\n", data=True)
    else:
        put(_page(found))
    talk(f"{plural(counts['problem'], 'problem')}, {plural(counts['warning'], 'warning')}, {counts['ok']} fine")
    return 1 if counts["problem"] else 0


def _patient(target: str | None, url: str | None) -> Patient:
    from ostiary.guard.appcheck import installed_on, load, no_guard
    from ostiary.guard.doctor.running import ask

    app = None if target is None else load(target)
    installed = None if app is None else installed_on(app)
    if app is not None and installed is None:
        raise no_guard(str(target))
    return Patient(app=app, installed=installed, answer=None if url is None else ask(url, time.time), environ=os.environ)


def _page(found: dict[str, list[Line]]) -> str:
    page = Page(width(), color())
    for about, lines in found.items():
        if lines:
            page.heading(about)
        for line in lines:
            page.line((f"{line.state:<8}", _STYLES[line.state]), f" {line.what}", indent=2, hang=9)
            if line.write:
                page.line(("write: ", "dim"), line.write, indent=11, hang=7)
    return str(page)
