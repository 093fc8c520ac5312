"""``ostiary guard …``: what the guard of an app demands, and what is wrong with it."""

from __future__ import annotations

import json

import click

from ostiary.cli.moments import duration, iso
from ostiary.cli.output import put, talk
from ostiary.report.common import plural


@click.command()
@click.argument("target", metavar="MODULE:APP")
@click.option("--url", metavar="URL", help="Also ask the running app, with forged forwarding headers.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Only the exit code.")
def check(target: str, url: str | None, as_json: bool, quiet: bool) -> int:
    """List what each route of an app demands; exit with 1 when something is wrong.

    The app is imported, as its server would do it. Wrong is: a route that nobody declared, a gate of the app's own that is named and
    is not on the route, a pattern without a route, counters that workers do not share, and with --url a server that lets strangers choose their address.

    \b
      ostiary guard check wsgi:app
      ostiary guard check "shop:create_app()" --json
      ostiary guard check wsgi:app --url http://127.0.0.1:8000/health
    """
    from ostiary.guard.appcheck import check as check_app

    found = check_app(target, url)
    if as_json:
        problems = [problem._asdict() for problem in found.problems]
        put(json.dumps({"routes": found.rows(), "problems": problems}, indent=2) + "\n", data=True)
    elif not quiet:
        put(_table(found.rows()))
    for problem in found.problems:
        talk(f"{problem.what}: {problem.hint}" + (f" ({problem.where})" if problem.where else ""), quiet=quiet)
    for warning in found.warnings:
        talk(f"warning: {warning}", quiet=quiet)
    fine = f"{plural(len(found.declared), 'route')}, all declared" + (", forged addresses are not believed" if url else "")
    verdict = plural(len(found.problems), "problem") if found.problems else fine
    talk(verdict + (" (monitor mode: nothing is refused)" if found.monitor else ""), quiet=quiet)
    return 1 if found.problems else 0


def _table(rows: list[dict[str, str]]) -> str:
    columns = [name for name in (rows[0] if rows else ()) if name != "at"]
    widths = [max([len(row[name]) for row in rows], default=0) for name in columns]
    lines = ["  ".join(row[name].ljust(width) for name, width in zip(columns, widths, strict=True)).rstrip() for row in rows]
    return "".join(f"{line}\n" for line in lines)


@click.command()
@click.option(
    "--store", envvar="OSTIARY_STORE", default="sqlite:///ostiary.db", show_default=True, help="Where the events are; or OSTIARY_STORE."
)
@click.option("--refused", is_flag=True, help="Only what was refused, or would have been in monitor mode.")
@click.option("-n", "--number", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many of the newest.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def events(store: str, refused: bool, number: int, as_json: bool) -> int:
    """Show what the guard of a running app has decided, the newest last.

    In monitor mode the verdict "monitor" is what enforce would refuse.

    \b
      ostiary guard events
      ostiary guard events --refused -n 200
    """
    from ostiary.guard.recent import recent

    found = recent(store, number, refused=refused)
    if as_json:
        put(json.dumps([event._asdict() for event in found], indent=2) + "\n", data=True)
        return 0
    rows = [
        {
            "when": iso(event.time) or "",
            "verdict": event.verdict,
            "status": str(event.status),
            "call": f"{event.method} {event.path}",
            "reason": event.reason,
            "who": event.key_id or event.principal or "-",
            "address": event.address,
        }
        for event in found
    ]
    put(_table(rows))
    talk(plural(len(found), "event"))
    return 0


@click.command()
@click.option(
    "--store", envvar="OSTIARY_STORE", default="sqlite:///ostiary.db", show_default=True, help="Where the events are; or OSTIARY_STORE."
)
@click.option("--since", default="24h", show_default=True, metavar="TIME", help="How far back to tell; what is older is learned from.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def anomalies(store: str, since: str, as_json: bool) -> int:
    """Tell what is out of the ordinary in the record, and why; exit with 1 when something is.

    Spikes of refusals, keys from new networks, keys that call far more than ever, walks through ids, searches for paths that are not there. Guard(alerts=[…])
    tells it while it happens.

    \b
      ostiary guard anomalies
      ostiary guard anomalies --since 7d --json
    """
    import time

    from ostiary.guard.anomaly import anomalies as found_in
    from ostiary.guard.history import Record

    record = Record.open(store)
    try:
        oldest = time.time() - duration(since)
        found = [one for one in found_in(record.events()) if one.time >= oldest]
    finally:
        record.close()
    if as_json:
        put(json.dumps([one._asdict() for one in found], indent=2) + "\n", data=True)
    else:
        put(_table([{"when": iso(one.time) or "", "kind": one.kind, "why": one.why} for one in found]))
    talk(f"{len(found)} out of the ordinary since {since}")
    return 1 if found else 0


COMMANDS: dict[str, click.Command] = {"check": check, "events": events, "anomalies": anomalies}
