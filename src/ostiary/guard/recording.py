"""The recorder of one guard, put together from what a person set: store, seals, sinks, housekeeping."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ostiary.guard.alerts import channels_of
from ostiary.guard.audit import Recorder
from ostiary.guard.keeper import Keeper
from ostiary.guard.pepper import AUDIT, Peppers, find
from ostiary.guard.retention import age_of
from ostiary.guard.seal import Sealer
from ostiary.guard.sinks import feeds_of
from ostiary.guard.stores import folder_of, open_store
from ostiary.wire.redact import default as redactor

if TYPE_CHECKING:
    from ostiary.guard.keyring import Keyring
    from ostiary.guard.policies import Policies
    from ostiary.guard.settings import Options, Settings

_NOTHING: tuple[str, ...] = ()


def recorder_of(given: Options, settings: Settings, policies: Policies, address: Callable[[str], str], keyring: Keyring | None) -> Recorder:
    """``address`` is how events keep one; the keys of ``keyring`` are warned of before they end. Raises UsageError for a store, a sink, an audit key or an age that cannot be."""
    keys = _audit_keys(given, settings.events_url)
    store = open_store(settings.events_url, "events")
    older = None if given.keep_events is None else age_of(given.keep_events)
    channels = None if given.alerts is None else channels_of(given.alerts)
    keeper = Keeper(store, keys, older=older, keyring=keyring, channels=channels, clock=settings.clock)
    return Recorder(
        store,
        clock=settings.clock,
        redact=redactor.text,
        address=address,
        sealer=None if keys is None else Sealer(keys),
        demands=lambda route: policies.demanded.get(route, _NOTHING),
        feeds=feeds_of(given.sinks),
        tick=keeper.tick if keeper.needed else None,
    )


def _audit_keys(given: Options, url: str) -> Peppers | None:
    """None where nobody made one, and in memory: who can change that has the key, too."""
    return None if url == "memory://" else find(AUDIT, folder_of(url), given.audit_key)
