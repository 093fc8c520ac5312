"""Events as records of ``logging``."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from ostiary.errors import UsageError
from ostiary.guard.event import ALLOW, Event, as_json


class Logging:
    """To ``logger``: what was allowed at ``level``, what was or would have been refused at WARNING. ``extra`` holds ``event``, a dict."""

    def __init__(self, logger: str = "ostiary.events", *, level: int = logging.INFO) -> None:
        if not isinstance(logger, str) or isinstance(level, bool) or not isinstance(level, int):
            raise UsageError(f"Logging: the name of a logger and a level of logging, not {logger!r} and {level!r}")
        self._logger, self._level = logging.getLogger(logger), level

    def write(self, events: Sequence[Event]) -> None:
        for event in events:
            level = self._level if event.verdict == ALLOW else logging.WARNING
            if self._logger.isEnabledFor(level):
                who = event.key_id or event.principal or "-"
                self._logger.log(
                    level,
                    "%s %s %s %s %s from %s%s",
                    *(event.verdict or "note", event.status, event.method, event.path, who, event.address or "-"),
                    f" ({event.reason})" if event.reason else "",
                    extra={"event": as_json(event), "request_id": event.request_id, "key_id": event.key_id or "-"},
                )

    def close(self) -> None:
        """Handlers belong to the app."""
