"""What a guard adds to one call, in microseconds: ours beside the least that does the work, and beside what one would put together.

Each app answers the same small JSON to an authenticated call, in process, without a server. A round measures every app once, in turn;
what is printed is the median over the rounds, and how much it is above the bare app of the same framework. Time is CPU time of the whole
process: the thread that writes events is part of what a guard costs.

    python bench/guard.py [--rounds 15] [--calls 1000] [--only cost|features|refused]
"""

from __future__ import annotations

import argparse
import logging
import statistics
from functools import partial
from typing import Any

import guard_apps as apps
from guard_drive import Timed, asgi, wsgi

UNKNOWN = "nobody-has-this-key-of-forty-characters-1"
_MANY_FAILURES = {"failures": "1000000000 per minute"}
Rows = dict[str, Timed]
_WORLDS: dict[str, tuple[Any, str]] = {"Flask": (wsgi, "flask"), "FastAPI": (asgi, "fastapi")}


def cost(name: str, method: str, routes: int) -> Rows:
    """Everything armed: key, scope, two limits, headers, RateLimit, request id, redaction, event recorded and written."""
    drive, prefix = _WORLDS[name]
    floor = apps.FloorWsgi if drive is wsgi else apps.FloorAsgi
    bare = _app(prefix, "bare")(routes)
    ours, key = _app(prefix, "ours")(routes)
    theirs = _app(prefix, "theirs")(routes)
    inner = bare.wsgi_app if drive is wsgi else bare
    made = {"bare app": (bare, apps.KEY), "floor": (floor(inner), apps.KEY), "what one would put together": (theirs, apps.KEY)}
    return {what: drive(app, with_key, method) for what, (app, with_key) in (made | {"Ostiary": (ours, key)}).items()}


def features(name: str) -> Rows:
    """The full guard with one feature left out: what it adds is the difference to the full one."""
    drive, prefix = _WORLDS[name]
    from ostiary.guard.limit_headers import LimitFields

    ours = _app(prefix, "ours")
    without: dict[str, dict[str, Any]] = {
        "full": {},
        "without limits": {"limits": None},
        "without RateLimit fields": {"limit_fields": LimitFields(rate_limit=False)},
        "without security headers": {"security_headers": False},
        "without redaction of logs": {"redact_logs": False},
        "in monitor mode (bodies unwatched)": {"mode": "monitor"},
    }
    rows = {"bare app": drive(_app(prefix, "bare")(), apps.KEY)}
    for what, settings in without.items():
        rows[what] = drive(*ours(**settings))
    return rows


def refused(name: str) -> Rows:
    """An unknown key. Under ``until dispatch`` the framework does its routing and answers nothing."""
    drive, prefix = _WORLDS[name]
    floor = apps.FloorWsgi if drive is wsgi else apps.FloorAsgi
    ours, _ = _app(prefix, "ours")(**_MANY_FAILURES)
    http_refused, key = _app(prefix, "ours")(deny=["203.0.113.0/24"])
    return {
        "until dispatch": drive(_app(prefix, "until_dispatch")(), UNKNOWN, expected=401),
        "floor: refused by the shim, in all": drive(floor(_app(prefix, "bare")()), UNKNOWN, expected=401),
        "Ostiary: refused by the shim (deny list), in all": drive(http_refused, key, expected=403),
        "Ostiary: refused at the route (unknown key), in all": drive(ours, UNKNOWN, expected=401),
    }


def _app(prefix: str, kind: str) -> Any:
    return getattr(apps, f"{prefix}_{kind}")


def measure(title: str, rows: Rows, rounds: int, calls: int) -> None:
    """Interleaved: a change of the machine's pace meets all alike."""
    taken: dict[str, list[float]] = {what: [] for what in rows}
    for run in rows.values():
        run(300)
    for _ in range(rounds):
        for what, run in rows.items():
            taken[what].append(run(calls))
    base = statistics.median(next(iter(taken.values())))
    print(f"\n{title}: microseconds a call, and above the first row")
    for what, found in taken.items():
        print(f"  {statistics.median(found):7.1f}  {statistics.median(found) - base:+7.1f}  {what}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--only", choices=("cost", "features", "refused"))
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)
    run = partial(measure, rounds=given.rounds, calls=given.calls)
    for name in _WORLDS:
        if given.only in (None, "cost"):
            for routes in (10, 500):
                for method in ("GET", "POST"):
                    run(f"{name}, {method}, {routes} routes", cost(name, method, routes))
        if given.only in (None, "features"):
            run(f"{name}, feature by feature", features(name))
        if given.only in (None, "refused"):
            run(f"{name}, refused", refused(name))


if __name__ == "__main__":
    main()
