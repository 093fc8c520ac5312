"""``ostiary usage``: who calls what, and what nobody uses."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Sequence
from typing import Any

from ostiary.cli.moments import iso
from ostiary.cli.output import put, talk
from ostiary.guard import usage as counted
from ostiary.guard.admin import Admin
from ostiary.report.common import clean, plural


def usage(store: str, by: Sequence[str], version_name: str | None, unused: bool, app: str | None, as_json: bool, as_csv: bool) -> int:
    """The table, or what is unused. The exit code is 0."""
    admin = Admin.open(store)
    try:
        rows = _unused(admin, app) if unused else _used(admin, by or ("route",), version_name)
    finally:
        admin.close()
    if as_json:
        put(json.dumps({"unused" if unused else "usage": rows}, indent=2) + "\n", data=True)
    elif as_csv:
        put(_csv(rows), data=True)
    else:
        put(_table(rows))
    talk(plural(len(rows), "line"))
    return 0


def _used(admin: Admin, by: Sequence[str], version_name: str | None) -> list[dict[str, Any]]:
    usages = [one for one in admin.usage() if version_name in (None, one.version)]
    names = {record.id: record.name for record in admin.keyring.list()} if "key" in by else {}
    rows = []
    for line in counted.grouped(usages, by):
        row: dict[str, Any] = dict(zip(by, line.names, strict=True))
        if "key" in by:
            row["name"] = names.get(row["key"], "")
        rows.append({**row, "calls": line.calls, "denied": line.denied, "last": iso(line.last_time)})
    return rows


def _unused(admin: Admin, app: str | None) -> list[dict[str, Any]]:
    now, records = time.time(), admin.keyring.list()
    rows = [
        {"what": "key", "name": record.id, "why": f"never used since {iso(record.created)}", "command": f"ostiary keys revoke {record.id}"}
        for record in counted.unused_keys(records, admin.uses(), now)
    ]
    for one in counted.narrowable(records, admin.scopes_used(), now):
        why = f"holds and never needed {' '.join(one.unused)}"
        rows.append({"what": "scope", "name": one.key_id, "why": why, "command": one.command})
    if app is not None:
        from ostiary.guard.appcheck import check

        known = [(row["method"], row["path"]) for row in check(app).rows()]
        rows += [
            {"what": "route", "name": " ".join(route), "why": "never called", "command": ""}
            for route in counted.unused_routes(known, admin.usage())
        ]
    return rows


def _table(rows: list[dict[str, Any]]) -> str:
    columns = list(rows[0]) if rows else []
    shown = [
        [clean(str(row[name] if row[name] is not None else "")) for name in columns]
        for row in ([dict(zip(columns, columns, strict=True)), *rows] if rows else [])
    ]
    widths = [max(len(line[at]) for line in shown) for at in range(len(columns))]
    return "".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() + "\n" for line in shown)


def _csv(rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else ["usage"])
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
