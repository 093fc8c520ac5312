"""Keeps credentials out of logs: ``ostiary.redact.install()``, with or without the guard.

A record is cleaned when it enters ``logging`` (message, arguments, extras, exception, stack) and its text once more when a
handler has formatted it, so that every logger, handler and formatter is covered, whenever it was made. Records carry
``request_id`` and ``key_id``, ``-`` outside a request. structlog and loguru have functions of their own below.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Callable, Iterable, MutableMapping
from typing import Any, TextIO

from ostiary.redact_send import otel_log_processor, otel_span_processor, sentry_before_send
from ostiary.wire.redact import Redactor, default
from ostiary.wire.seen import NOBODY, Current, Seen, current
from ostiary.wire.standin import Whole, stand_in

__all__ = [
    "NOBODY",
    "Current",
    "Redactor",
    "Seen",
    "Stream",
    "add_names",
    "covers",
    "current",
    "install",
    "loguru_patcher",
    "otel_log_processor",
    "otel_span_processor",
    "register",
    "sentry_before_send",
    "structlog_processor",
    "uninstall",
]

register = default.register
add_names = default.add_names


_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "request_id", "key_id"}
_UNPRINTABLE = "[redacted:cannot be printed]"


def text(value: str) -> str:
    """A text without credentials: known forms, registered values and those of the current request."""
    return default.text(value, seen=current.get().needles)


def _value(value: Any) -> Any:
    """Cleaned by what it is; the two kinds that most arguments are without a walk."""
    if type(value) is str:
        return text(value)
    return value if type(value) is int else default.value(value, seen=current.get().needles)


_covered: tuple[str, ...] | None = None
_active = _in_place = False
_below: dict[str, Callable[..., Any]] = {}  # what was there before us


def install(*, loggers: Iterable[str] | None = None) -> None:
    """From now on no record holds a credential; ``loggers`` names those to cover with their children, all by default.

    Calling it again only changes which are covered. Undone by ``uninstall()``.
    """
    global _active, _covered, _in_place
    _covered = None if loggers is None else tuple(loggers)
    _active = True
    if not _in_place:
        _in_place = True
        _below.update(handle=logging.Logger.handle, format=logging.Handler.format)
        logging.Logger.handle = _handle  # type: ignore[method-assign]
        logging.Handler.format = _format  # type: ignore[method-assign]


def uninstall() -> None:
    """Records are left alone again; nothing happens when ``install()`` was not called."""
    global _active, _in_place
    _active = False
    # Where somebody else has wrapped ours since, ours stays below and only passes on.
    if logging.Logger.handle is _handle and logging.Handler.format is _format:
        _in_place = False
        logging.Logger.handle = _below["handle"]  # type: ignore[method-assign]
        logging.Handler.format = _below["format"]  # type: ignore[method-assign]


def covers(name: str) -> bool:
    """Are the records of the logger of this name cleaned?"""
    if not _active:
        return False
    return _covered is None or any(name == known or known in ("", "root") or name.startswith(f"{known}.") for known in _covered)


def _handle(self: logging.Logger, record: logging.LogRecord) -> None:
    if covers(record.name):
        clean_record(record)
    _below["handle"](self, record)


def _format(self: logging.Handler, record: logging.LogRecord) -> Any:
    if not covers(record.name):
        return _below["format"](self, record)
    _identify(record)
    shown = _below["format"](self, record)
    if record.exc_text:
        record.exc_text = text(record.exc_text)
    return text(shown) if isinstance(shown, str) else _value(shown)


def _identify(record: logging.LogRecord) -> None:
    """Ids that the application gave itself stay."""
    seen = current.get()
    record.__dict__.setdefault("request_id", seen.request_id)
    record.__dict__.setdefault("key_id", seen.key_id)


def clean_record(record: logging.LogRecord) -> None:
    """Take the credentials out of a record, in place. Raises nothing; a part that cannot be read is replaced by a mark."""
    _identify(record)
    for name in record.__dict__.keys() - _STANDARD:
        record.__dict__[name] = _extra(name, record.__dict__[name])
    _clean_message(record)
    if record.exc_info or record.exc_text or record.stack_info:
        _clean_traces(record)


def _extra(name: str, value: Any) -> Any:
    """An extra is judged with its name: ``extra={"authorization": …}``."""
    try:
        return _value({name: value})[name]
    except Exception:  # noqa: BLE001 - a stranger's object; logging must not fail for it
        return _UNPRINTABLE


def _clean_message(record: logging.LogRecord) -> None:
    try:
        args = record.args
        # Two may be a name and its value; that takes the walk.
        record.args = tuple(map(_value, args)) if type(args) is tuple and len(args) != 2 else _value(args) if args else args
        record.msg = record.msg if isinstance(record.msg, str) else _value(record.msg)
    except Exception:  # noqa: BLE001 - a stranger's mapping
        record.args = ()
    message = _message(record)
    if message is None:
        _show_arguments(record)
        message = _message(record)
    if message is None:
        record.msg = text(str(record.msg))  # logging prints it to stderr, with its complaint
        return
    clean = text(message)
    if clean != message:
        # What no argument shows alone: "Authorization: %s", or an object whose text holds a secret.
        _show_arguments(record, clean)
        record.msg = Whole(clean)


def _message(record: logging.LogRecord) -> str | None:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - str() of a stranger's object, or arguments that do not fit
        return None


def _show_arguments(record: logging.LogRecord, message: str | None = None) -> None:
    """Objects become their text, without secrets: what is printed of them later is what was checked.

    Texts that did not stay in the clean ``message`` are what was taken out of it.
    """
    if not isinstance(record.msg, str):
        record.msg = _shown(record.msg, None)
    if isinstance(record.args, tuple):
        record.args = tuple(_shown(value, message) for value in record.args)
    elif isinstance(record.args, dict):
        record.args = {key: _shown(value, message) for key, value in record.args.items()}


def _shown(value: Any, message: str | None) -> Any:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    try:
        plain, written = str(value), repr(value)
    except Exception:  # noqa: BLE001 - str() of a stranger's object
        return f"[{type(value).__name__} that cannot be printed]"
    if message is not None and plain not in message and written not in message:
        return "[redacted:argument]"
    return value if text(plain) == plain and text(written) == written else text(plain)


def _clean_traces(record: logging.LogRecord) -> None:
    try:
        if record.stack_info:
            record.stack_info = text(record.stack_info)
        if record.exc_text:
            record.exc_text = text(record.exc_text)
        if record.exc_info and record.exc_info[1] is not None:
            _clean_exception(record, record.exc_info[1])
    except Exception:  # noqa: BLE001 - an exception class may do anything
        record.exc_info, record.exc_text, record.stack_info = None, "[redacted:traceback that cannot be read]", None


def _clean_exception(record: logging.LogRecord, error: BaseException) -> None:
    """Only an exception that shows a secret is replaced, by one of the same name, chain and traceback without it."""
    trace = "".join(traceback.format_exception(error))
    clean = text(trace)
    if clean == trace and text(repr(error)) == repr(error):
        return
    twin = stand_in(error, text)
    record.exc_info = (type(twin), twin, error.__traceback__)
    record.exc_text = record.exc_text or clean.rstrip("\n")


def structlog_processor(_logger: object, _method: str, event: Any) -> Any:
    """A structlog processor: last in the list it cleans the rendered line, before the renderer every value.

    An exception that is not rendered yet becomes text, since renderers print the values of variables; behind
    ``dict_tracebacks`` its parts are cleaned. Other objects are replaced by their ``repr`` when that shows a secret.
    """
    if not isinstance(event, MutableMapping):
        return _value(event)
    if (error := _exception(event.get("exc_info"))) is not None:
        event["exception"] = "".join(traceback.format_exception(error)).rstrip("\n")
        del event["exc_info"]
    for name, value in list(event.items()):
        event[name] = _structured(name, value)
    seen = current.get()
    event.setdefault("request_id", seen.request_id)
    event.setdefault("key_id", seen.key_id)
    return event


def _exception(value: Any) -> BaseException | None:
    """From what structlog allows: True, an exception, or the triple of ``sys.exc_info()``."""
    if isinstance(value, tuple):
        return value[1] if len(value) == 3 else None
    return value if isinstance(value, BaseException) else sys.exc_info()[1] if value else None


def _structured(name: str, value: Any) -> Any:
    clean = _extra(name, value)
    if clean is not value or value is None or isinstance(value, (str, bytes, bool, int, float)):
        return clean
    try:
        shown = repr(value)
    except Exception:  # noqa: BLE001 - repr() of a stranger's object
        return _UNPRINTABLE
    hidden = text(shown)
    return value if hidden == shown else hidden


def loguru_patcher(record: Any) -> None:
    """For ``logger.configure(patcher=ostiary.redact.loguru_patcher)``: cleans message, extra and exception.

    The traceback becomes part of the message, since loguru would print the values of variables in it (``diagnose``).
    """
    record["message"] = text(record["message"])
    seen = current.get()
    for name, value in list(record["extra"].items()):
        record["extra"][name] = _structured(name, value)
    record["extra"].setdefault("request_id", seen.request_id)
    record["extra"].setdefault("key_id", seen.key_id)
    if record["exception"] is not None and record["exception"].value is not None:
        trace = "".join(traceback.format_exception(record["exception"].value))
        record["message"] += "\n" + text(trace).rstrip("\n")
        record["exception"] = None


class Stream:
    """A text stream that cleans what is written to it, one call at a time: ``Stream(sys.stderr)`` as a sink of any logger."""

    def __init__(self, inner: TextIO) -> None:
        self._inner = inner

    def write(self, written: str) -> int:
        """Write a text without its credentials; the number of characters that were given."""
        self._inner.write(text(written))
        return len(written)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)
