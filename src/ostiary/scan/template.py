"""The ``ostiary.toml`` that ``ostiary init`` writes: every key with its default, and the routes that look public on purpose."""

from __future__ import annotations

import json
from collections.abc import Iterable

from ostiary.model.finding import Audience
from ostiary.model.route import Route, State
from ostiary.scan.state import state_of

_HEAD = """\
# Configuration of Ostiary. Every key is optional; what is commented out shows the default.

# Files and folders that are not read, as globs from here; .gitignore is honoured anyway.
# exclude = ["scripts/**"]

# Are tests and examples read, too? Their findings never count in the score.
# include-tests = false

# A scan fails (exit code 1) on a finding of this severity or more: critical, high, medium, low or never.
fail-on = "high"

# … and when the score is below this, 0 to 100.
# min-score = 80

# Routes that are public on purpose, each with the reason. METHOD may be left out; * is one segment, ** any number.
[public]
"""
_EXAMPLE = '# "GET /health" = "asked by the load balancer"\n# "/docs/**" = "documentation for our customers"\n'
_TAIL = """
# Findings that you accept. Name the weakness and a file, a route or a fingerprint; the reason is required.
# [[suppress]]
# weakness = "missing-rate-limit"
# route = "GET /status"
# reason = "limited by the gateway"
# until = 2030-12-31
# owner = "platform team"
"""


def render(routes: Iterable[Route]) -> str:
    """The text of a configuration that proposes a ``[public]`` line for each route that the scan believes public."""
    believed = {_line(route) for route in routes if state_of(route) is State.PUBLIC and route.audience != Audience.SAMPLE}
    proposals = "".join(sorted(believed))
    return f"{_HEAD}{_proposal(proposals)}{_TAIL}"


def _proposal(lines: str) -> str:
    return f"# Believed public; keep, mend or remove each line:\n{lines}" if lines else _EXAMPLE


def _line(route: Route) -> str:
    reason = route.public.reason if route.public else ""
    return f"{_toml(f'{route.method} {route.path}')} = {_toml(reason or 'believed public')}\n"


def _toml(text: str) -> str:
    """A TOML basic string; DEL is the one character that JSON leaves and TOML forbids."""
    return json.dumps(text).replace("\x7f", "\\u007f")
