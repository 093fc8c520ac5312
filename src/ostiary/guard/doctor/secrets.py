"""Pepper, master key, audit key: are they there, who may read them, how old are they?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ostiary.guard import pepper as peppers
from ostiary.guard.doctor.line import Line, Patient, ok, problem, warning
from ostiary.guard.stores import file_of, folder_of, is_sql

_DAY = 86_400
_OLD = 730
_REDIS = ("redis", "unix:")


def pepper(patient: Patient) -> Iterator[Line]:
    core = patient.core
    if core is not None and core.key_store is None:
        yield ok("keys come from the environment: no pepper is needed")
        return
    if core is not None:
        yield from _found(peppers.PEPPER, core.peppers, patient)
        return
    found = peppers.find(peppers.PEPPER, _folder(patient), environ=patient.environ)
    if found is None:
        yield problem("no pepper: no key can be made or checked", "ostiary keys init, or set OSTIARY_PEPPER (the same on every host)")
    else:
        yield from _found(peppers.PEPPER, found, patient)


def master(patient: Patient) -> Iterator[Line]:
    """It is needed for HMAC signing keys and for tokens alone; `Core` fails without it where it is."""
    found = peppers.find(peppers.MASTER, _folder(patient), environ=patient.environ)
    if found is None:
        yield ok("no master key in the environment or beside the store: needed for HMAC signing keys and tokens= only")
    else:
        yield from _found(peppers.MASTER, found, patient)


def audit(patient: Patient) -> Iterator[Line]:
    if patient.core is not None and patient.core.recorder.seals:
        yield ok("events are sealed")
        return
    found = peppers.find(peppers.AUDIT, _folder(patient), environ=patient.environ)
    if found is None:
        yield warning("no audit key: whoever can write the store can change the record unseen", "ostiary audit init")
    else:
        yield from _found(peppers.AUDIT, found, patient)


def _folder(patient: Patient) -> Path | None:
    url = patient.url("keys")
    return None if url.startswith(_REDIS) else folder_of(url)


def _found(kind: peppers.Kind, found: peppers.Peppers, patient: Patient) -> Iterator[Line]:
    """Rights were checked when it was read; a file is old when nothing was added for two years."""
    file = Path(found.source)
    if not file.is_file():
        yield ok(f"{kind.noun} from {found.source or 'the app'}")
        return
    days = int(max(0.0, patient.clock() - file.stat().st_mtime) // _DAY)
    if days > _OLD:
        yield warning(f"{kind.noun} {file}: {days} days old", "a new line at its top; older lines stay, for what was made under them")
    else:
        yield ok(f"{kind.noun} {file}: only its owner may read it, {days} days old")
    url = patient.url("keys")
    store = None if is_sql(url) or url.startswith(_REDIS) else file_of(url)
    if store is not None and file.absolute().parent == store.absolute().parent:
        yield warning(
            f"{kind.noun} and keys lie in one folder: a copy of it has both",
            f"move the file elsewhere and name it in {kind.variable}_FILE; back it up apart",
        )
