"""``ostiary doctor``: what around a guard would make it useless or an outage: proxy, scheme, secrets, stores, clock, workers, libraries (DX-8).

Every check is a small function of a `Patient` that gives lines. Nothing is changed and no file is made; the one thing that is written is
a nonce that lives for a second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from ostiary.errors import OstiaryError
from ostiary.guard.doctor import around, libraries, running, secrets, stores
from ostiary.guard.doctor.line import Line, Patient, problem

Check = Callable[[Patient], Iterator[Line]]
CHECKS: Mapping[str, tuple[Check, ...]] = {
    "app": (around.declarations, around.mode, around.framework),
    "proxy": (around.proxy, running.forged),
    "scheme": (around.scheme, running.scheme),
    "headers": (around.headers, around.cors, running.headers),
    "secrets": (secrets.pepper, secrets.master, secrets.audit),
    "stores": (stores.keys, stores.counters, stores.nonces, stores.events),
    "clock": (stores.clocks, running.clock),
    "workers": (stores.workers,),
    "logs": (around.logs,),
    "libraries": (libraries.versions, libraries.peers, libraries.extras),
}


def examine(patient: Patient) -> dict[str, list[Line]]:
    """The lines of every check, by what they are about. What a check cannot do is a problem of its own, and the others go on."""
    return {about: [line for check in checks for line in _lines(check, patient)] for about, checks in CHECKS.items()}


def _lines(check: Check, patient: Patient) -> Iterator[Line]:
    try:
        yield from check(patient)
    except OstiaryError as error:
        yield problem(str(error))
