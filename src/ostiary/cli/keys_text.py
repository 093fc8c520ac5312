"""Keys as table, sheet and JSON. Times are ISO 8601 in UTC; nothing of a key's secret is known here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ostiary.cli.moments import iso
from ostiary.guard.admin import Admin
from ostiary.guard.event import KeyUse
from ostiary.guard.keyrecord import KeyRecord, Standing
from ostiary.guard.keyring import Due
from ostiary.guard.leaked import Leak
from ostiary.report.common import clean, plural
from ostiary.report.json_report import dump as dump
from ostiary.report.page import Page

_WORDS = {
    Standing.OK: "working",
    Standing.NOT_YET: "waiting",
    Standing.EXPIRED: "expired",
    Standing.DISABLED: "disabled",
    Standing.REVOKED: "revoked",
}
_STYLES = {"working": "green", "waiting": "cyan", "expired": "yellow", "disabled": "yellow", "revoked": "red"}
_LABEL = 14


def word(standing: Standing) -> str:
    """working, waiting, expired, disabled or revoked."""
    return _WORDS[standing]


def table(admin: Admin, records: Sequence[KeyRecord], uses: Mapping[str, KeyUse], width: int, color: bool) -> str:
    """Two lines for each key: what it is, and what it may do until when."""
    page = Page(width, color)
    for record in records:
        state = word(admin.keyring.state(record))
        named = " · ".join(text for text in (record.name, record.owner) if text)
        page.line((f"{state:<8}", _STYLES[state]), "  ", (record.id, "bold"), f"  {named}", hang=24)
        page.line((" · ".join(_details(record, uses.get(record.id))), "dim"), indent=10, hang=2)
    return str(page)


def value(admin: Admin, record: KeyRecord, uses: Mapping[str, KeyUse]) -> dict[str, Any]:
    """A key as JSON: everything but the digest."""
    use = uses.get(record.id)
    return {
        "id": record.id,
        "state": word(admin.keyring.state(record)),
        "name": record.name,
        "owner": record.owner,
        "prefix": record.prefix,
        "kind": record.kind,
        "env": record.env,
        "scopes": list(record.scopes),
        "networks": _list(record.networks),
        "origins": _list(record.origins),
        "limits": None if record.limits is None else [str(limit) for limit in record.limits],
        "created": iso(record.created),
        "not_before": iso(record.not_before),
        "expires": iso(record.expires),
        "revoked": iso(record.revoked),
        "disabled": record.disabled,
        "rotated_from": record.rotated_from or None,
        "replaced_by": record.replaced_by or None,
        "imported": record.imported or None,
        "low_entropy": record.low_entropy,
        "exposed": iso(record.exposed),
        "exposed_where": record.exposed_where or None,
        "pepper": record.pepper_id,
        "signs": record.algorithm or None,
        "master_key": record.sealed_under or None,
        "metadata": dict(record.metadata),
        "last_used": None if use is None else {"time": iso(use.last_time), "address": use.address, "agent": use.agent, "calls": use.calls},
    }


def sheet(value: Mapping[str, Any]) -> str:
    """What ``value`` says, a line each; what is not set is left out."""
    shown = ((name, _plain(item)) for name, item in value.items() if item not in (None, "", [], {}, False))
    return "".join(f"{name.replace('_', ' '):<{_LABEL}}  {clean(text)}\n" for name, text in shown)


def sentence(record: KeyRecord) -> str:
    """The key in a few words."""
    named = ", ".join(text for text in (record.name, f"owner {record.owner}" if record.owner else "") if text)
    may = f"may {' '.join(record.scopes)}" if record.scopes else "has no scopes"
    return f"key {record.id}{f' ({named})' if named else ''} {may}, {_end(record)}"


def used(use: KeyUse | None) -> str:
    """When and from where it was last used."""
    if use is None:
        return "no use of it is on record"
    return f"last used {iso(use.last_time)} from {use.address or 'an unknown address'}, {plural(use.calls, 'call')}"


def leak_value(leak: Leak, revoked: bool) -> dict[str, Any]:
    """A key that was found in a text, as JSON."""
    record = leak.record
    return {
        "id": record.id,
        "name": record.name,
        "owner": record.owner,
        "live": leak.live and not revoked,
        "was": _WORDS.get(leak.standing, str(leak.standing)),
        "times": leak.times,
        "places": [{"file": file, "line": line} for file, line in leak.places],
    }


def leak_line(leak: Leak, revoked: bool) -> str:
    """The same in a line."""
    named = ", ".join(text for text in (leak.record.name, leak.record.owner) if text)
    where = ", ".join(f"{file}:{line}" for file, line in leak.places[:3]) + (f" and {leak.times - 3} more" if leak.times > 3 else "")
    word = "revoked" if leak.live and revoked else "LIVE" if leak.live else _WORDS.get(leak.standing, str(leak.standing))
    return clean(f"{word:<8}  {leak.record.id}{f'  {named}' if named else ''}  in {where}") + "\n"


def due_value(due: Due) -> dict[str, Any]:
    """A due key as JSON."""
    record = due.record
    return {"id": record.id, "name": record.name, "owner": record.owner, "when": iso(due.when), "why": due.why, "warning_days": due.days}


def due_table(found: Sequence[Due], width: int, color: bool) -> str:
    """A line for each due key, the most urgent first."""
    page = Page(width, color)
    for due in found:
        urgent = "red" if due.days in (0, 1) else "yellow"
        why = "expires" if due.why == "expires" else "too old"
        named = " · ".join(text for text in (due.record.name, due.record.owner) if text)
        page.line((f"{why} {iso(due.when)}", urgent), "  ", (due.record.id, "bold"), f"  {named}", hang=2)
    return str(page)


def _details(record: KeyRecord, use: KeyUse | None) -> list[str]:
    parts = (
        f"signs {record.algorithm}" if record.algorithm else "",
        " ".join(record.scopes) or "no scopes",
        f"from {' '.join(record.networks)}" if record.networks else "",
        _end(record),
        used(use) if use else "",
        "" if record.exposed is None else f"exposed in the {record.exposed_where} {iso(record.exposed)}",
        f"replaced by {record.replaced_by}" if record.replaced_by else "",
        "could be guessed" if record.low_entropy else "",
    )
    return [part for part in parts if part]


def _end(record: KeyRecord) -> str:
    if record.revoked is not None:
        return f"revoked {iso(record.revoked)}"
    return "does not expire" if record.expires is None else f"expires {iso(record.expires)}"


def _list(values: Sequence[str] | None) -> list[str] | None:
    return None if values is None else list(values)


def _plain(item: Any) -> str:
    if isinstance(item, list):
        return ", ".join(map(str, item))
    if isinstance(item, Mapping):
        return ", ".join(f"{name} {_plain(part)}" for name, part in item.items())
    return "yes" if item is True else str(item)
