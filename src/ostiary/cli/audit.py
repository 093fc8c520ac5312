"""``ostiary audit …``: the record of what the guard decided: its seals, its age, and what of it leaves."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from ostiary.cli.moments import duration, iso, moment
from ostiary.cli.output import Progress, put, talk
from ostiary.errors import UsageError
from ostiary.guard import history
from ostiary.guard.event import Event, as_json
from ostiary.report.common import plural

COMMANDS: dict[str, click.Command] = {}
_SHOWN = 20
_FILE = click.Path(path_type=Path)
_store = click.option(
    "--store",
    envvar="OSTIARY_STORE",
    default="sqlite:///ostiary.db",
    show_default=True,
    metavar="URL",
    help="The store of the app; OSTIARY_STORE.",
)


def _command(name: str) -> Callable[[Any], Any]:
    def register(function: Any) -> Any:
        COMMANDS[name] = click.command(name)(function)
        return COMMANDS[name]

    return register


@contextmanager
def _opened(store: str) -> Iterator[history.Record]:
    record = history.Record.open(store)
    try:
        yield record
    finally:
        record.close()


@_command("init")
@_store
def init(store: str) -> int:
    """Make an audit key, with which the guard seals events from its next start.

    It stands in ostiary.audit-key beside the store, mode 0600. Better is another place: move its line to OSTIARY_AUDIT_KEY, or the file to where
    OSTIARY_AUDIT_KEY_FILE names it.

    \b
      ostiary audit init
    """
    file = history.make_key(store)
    talk(f"made {file}; back it up apart from the events, and start the app again: what it writes from now on is sealed")
    return 0


@_command("verify")
@click.option("--checkpoint", type=_FILE, metavar="FILE", help="What was kept elsewhere: also tells a tail that was cut with its head.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@_store
def verify(checkpoint: Path | None, as_json: bool, store: str) -> int:
    """Tell whether events were changed, removed, reordered, put in or cut; exit with 1 and say which.

    What retention removed and what was erased lawfully is counted, not accused.

    \b
      ostiary audit verify
      ostiary audit verify --checkpoint /mnt/elsewhere/checkpoint.json
    """
    with _opened(store) as record, Progress() as progress:
        verdict = record.verify(checkpoint, lambda done: progress("verifying event", done, 0))
    numbers = {
        "events": verdict.events,
        "sealed": verdict.sealed,
        "chains": verdict.chains,
        "pruned": verdict.pruned,
        "erased": verdict.erased,
    }
    if as_json:
        problems = [{**problem._asdict(), "kind": str(problem.kind)} for problem in verdict.problems]
        put(json.dumps({"holds": verdict.holds, **numbers, "problems": problems, "more": verdict.more}, indent=2) + "\n", data=True)
    else:
        put("".join(f"{problem.kind:<15} {problem.text}\n" for problem in verdict.problems[:_SHOWN]))
    hidden = 0 if as_json else max(0, len(verdict.problems) - _SHOWN) + verdict.more
    if hidden:
        talk(f"and {hidden} more; --json shows them")
    talk(", ".join(f"{number} {name}" for name, number in numbers.items()))
    talk("the history holds" if verdict.holds else f"the history does not hold: {plural(len(verdict.problems) + verdict.more, 'problem')}")
    return 0 if verdict.holds else 1


@_command("checkpoint")
@click.option("-o", "--output", type=_FILE, metavar="FILE", help="Write it there instead.")
@_store
def checkpoint(output: Path | None, store: str) -> int:
    """Print how far each chain of events goes, signed with the audit key.

    Keep it where who can change the events cannot reach it, every night for instance.

    \b
      ostiary audit checkpoint -o /mnt/elsewhere/checkpoint.json
    """
    with _opened(store) as record:
        put(record.checkpoint(), output, data=True)
    return 0


@_command("prune")
@click.option("--older", required=True, metavar="TIME", help="Remove events older than that: 90d, 12w.")
@_store
def prune(older: str, store: str) -> int:
    """Remove old events. A signed mark stays, so that verify tells it from tampering.

    Sealed events are verified first, since what was done to them could not be told afterwards. Guard(keep_events="90 days") does it by itself.

    \b
      ostiary audit prune --older 90d
    """
    with _opened(store) as record, Progress() as progress:
        if record.keys is not None and not record.verify(progress=lambda done: progress("verifying event", done, 0)).holds:
            raise UsageError("the history does not hold, and its traces would be removed: look at ostiary audit verify first")
        removed = record.prune(duration(older), lambda done: progress("removing event", done, 0))
    talk(f"{plural(removed, 'event')} removed")
    return 0


@_command("erase")
@click.argument("principal")
@_store
def erase(principal: str, store: str) -> int:
    """Take address and agent out of every event of PRINCIPAL, for good.

    The rest of the events stays and the history goes on to hold.

    \b
      ostiary audit erase alice
    """
    with _opened(store) as record:
        erased = record.erase(principal)
    talk(f"address and agent erased in {plural(erased, 'event')} of {principal}")
    return 0


@_command("export")
@click.option("--from", "since", metavar="WHEN", help="From then on: 2027-01-31, or 7d for seven days ago.")
@click.option("--to", "until", metavar="WHEN", help="Before then.")
@click.option(
    "--format", "name", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True, help="JSON, one event a line; or CSV."
)
@click.option("-o", "--output", type=_FILE, metavar="FILE", help="Write it there instead.")
@_store
def export(since: str | None, until: str | None, name: str, output: Path | None, store: str) -> int:
    """Print events in the order in which they were written.

    \b
      ostiary audit export --from 7d
      ostiary audit export --from 2027-01-01 --to 2027-02-01 --format csv -o january.csv
    """
    with _opened(store) as record, Progress() as progress:
        found = []
        for number, event in enumerate(record.events(_ago(since, 0.0), _ago(until, 253_402_300_800.0)), 1):
            found.append(event)
            progress("reading event", number, 0)
    put(_jsonl(found) if name == "jsonl" else _csv(found), output, data=True)
    talk(plural(len(found), "event"))
    return 0


def _ago(text: str | None, default: float) -> float:
    """A duration counts backwards here."""
    if text is None:
        return default
    now = time.time()
    try:
        return now - duration(text)
    except UsageError:
        return moment(text, now)


def _jsonl(events: list[Event]) -> str:
    return "".join(json.dumps({**as_json(event), "when": iso(event.time)}, separators=(",", ":")) + "\n" for event in events)


_NAMES = ("when", "request_id", "route_method", "route", *Event._fields[3:])
_FORMULA = ("=", "+", "-", "@")


def _csv(events: list[Event]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_NAMES)
    writer.writerows([iso(event.time), *map(_cell, (event.request_id, *event.route, *event[3:]))] for event in events)
    return text.getvalue()


def _cell(value: object) -> object:
    """What a spreadsheet would take for a formula begins with an apostrophe: strangers choose paths and agents."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
