"""Will the service run in several processes? What the Python files of a tree say: ``uvicorn.run(…, workers=4)``, ``gunicorn.conf.py``."""

from __future__ import annotations

import re

from ostiary.model.route import Location
from ostiary.scan.code.ir import argument, column_of, last_name, line_of
from ostiary.scan.code.world import World
from ostiary.scan.lazy import Pattern
from ostiary.scan.records import record
from ostiary.scan.rules._bits import number
from ostiary.scan.rules._callers import calls_of
from ostiary.scan.rules._flows import Flow

_GUNICORN = Pattern(r"(?:\A|/)\w*gunicorn[\w.]*\.py\Z")
_SETTING = Pattern(rb"^workers\s*=\s*(.+)$", re.MULTILINE)
_NUMBER = Pattern(rb"\b(\d+)\b")


@record(frozen=True)
class Workers:
    """``sure`` when a number above one is written down; else it is computed from the machine or the environment."""

    at: Location
    sure: bool


def workers(world: World) -> Workers | None:
    """Where several workers are asked for; None when nothing that was read says so."""
    return _uvicorn(world) or _gunicorn(world)


def _uvicorn(world: World) -> Workers | None:
    for function, call in calls_of(world, "run"):
        given = argument(call, None, "workers")
        if given is None or last_name(call[2][2] if call[2][0] == "attr" else call[2]) not in ("uvicorn", "hypercorn", "granian"):
            continue
        count = number(Flow(world, function), given)
        if (count is not None and count > 1) or (count is None and given[0] == "call"):
            return Workers(Location(function.module.path, line_of(call[1]), column_of(call[1])), count is not None)
    return None


def _gunicorn(world: World) -> Workers | None:
    """gunicorn's settings are a Python file that nothing imports, so its text is looked at."""
    for file in sorted(world.index.finder.files.values(), key=lambda f: f.path):
        found = _SETTING.search(file.source) if _GUNICORN.search(file.path) else None
        if found is None:
            continue
        text = found.group(1)
        numbers = [int(n) for n in _NUMBER.findall(text)]
        if max(numbers, default=0) > 1 or b"cpu_count" in text:
            return Workers(Location(file.path, file.source.count(b"\n", 0, found.start()) + 1), text.strip().isdigit())
    return None
