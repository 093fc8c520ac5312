"""``ostiary.redact.install()``: whatever an application logs, by whatever way, no handler gets a credential to see."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import logging.handlers
import pickle
import queue
import sys
import traceback
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

import ostiary
from ostiary import redact
from ostiary.wire import apikey
from ostiary.wire.redact import default

DRAWN = count(5, 23)
KEY = apikey.mint(randbelow=lambda n: next(DRAWN) % n)
ID = KEY[12:24]
MARK = f"[redacted:key {ID}]"
SECRET = "hunter2/of+the=bank"
BASIC = "Basic YTpi"
BEFORE = logging.getLogger("shop.before")


class Names(logging.Formatter):
    """Prints everything that a record has beyond the usual, as JSON formatters do."""

    def format(self, record: logging.LogRecord) -> str:
        usual = vars(logging.makeLogRecord({}))
        return super().format(record) + " " + json.dumps({k: v for k, v in vars(record).items() if k not in usual}, default=repr)


class Keeps(logging.Handler):
    """Keeps records without formatting them, as handlers that send them elsewhere do."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


class Unprintable:
    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


class Shows:
    """An object whose text holds a key."""

    def __str__(self) -> str:
        return f"Client(key={KEY})"

    __repr__ = __str__


@pytest.fixture(autouse=True)
def installed() -> Iterator[None]:
    default.register(SECRET, "bank")
    redact.install()
    yield
    redact.uninstall()
    default.unregister(SECRET)


@pytest.fixture
def log() -> Iterator[tuple[logging.Logger, io.StringIO]]:
    """A logger that does not propagate, with a handler of its own that prints extras."""
    logger = logging.getLogger("shop.own")
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(Names("%(levelname)s %(message)s"))
    logger.addHandler(handler)
    logger.propagate = False
    logger.setLevel(logging.DEBUG)
    yield logger, written
    logger.removeHandler(handler)
    logger.propagate = True


def line(log: tuple[logging.Logger, io.StringIO], *args: object, **kwargs: Any) -> str:
    log[0].info(*args, **kwargs)
    return log[1].getvalue()


@pytest.mark.parametrize(
    "args",
    [
        (f"key {KEY}",),
        ("key %s", KEY),
        ("key %r", KEY),
        ("key %(key)s", {"key": KEY}),
        ("key %s and %d", [KEY, {"a": (KEY,)}], 3),
        ("key %s", Shows()),
        ("key %r", Shows()),
        ("key %s", ValueError(KEY)),
        (ValueError(f"key {KEY}"),),
        ({"key": KEY},),
        (Shows(),),
        ("Authorization: Basic %s", "YWxpY2U6aHVudGVyMg=="),
        ("{'x-api-key': %r}", "static"),
        ("%s -> %s", "x-api-key", "static"),
        ("bank said %s", SECRET),
        ("bank said %s", json.dumps(SECRET).replace("/", "\\/")),
        ("GET %s", "/a?token=static&n=1"),
        (b"key " + KEY.encode(),),
    ],
)  # fmt: skip
def test_messages_and_arguments(log: tuple[logging.Logger, io.StringIO], args: tuple[object, ...]) -> None:
    """Wherever in the message it comes from, one line is written, with a mark in the place of the credential."""
    keeps = Keeps()
    log[0].addHandler(keeps)
    try:
        shown = line(log, *args)
    finally:
        log[0].removeHandler(keeps)
    (record,) = keeps.records
    for everything in (shown, record.getMessage(), repr(record.args), str(record.msg), repr(vars(record))):
        assert KEY not in everything
        assert "hunter2" not in everything
        assert "aHVudGVy" not in everything
        assert "static" not in everything
    assert shown.count("\n") == 1
    assert "[redacted:" in shown


def test_what_holds_nothing_is_not_touched(log: tuple[logging.Logger, io.StringIO]) -> None:
    """Message, arguments and extras of other records are the very objects that were logged."""
    thing = object()
    args: tuple[object, ...] = ("alice", 3, thing)
    keeps = Keeps()
    log[0].addHandler(keeps)
    extra = {"list": [1]}
    shown = line(log, "%s %d %s", *args, extra=extra)
    log[0].removeHandler(keeps)
    assert shown.startswith(f"INFO alice 3 {thing}")
    (record,) = keeps.records
    assert record.msg == "%s %d %s"
    assert all(a is b for a, b in zip(record.args or (), args, strict=True))
    assert record.list is extra["list"]  # type: ignore[attr-defined]


def test_extras(log: tuple[logging.Logger, io.StringIO]) -> None:
    """Values, what stands below them, names that say so, and objects that print a key."""
    shown = line(log, "x", extra={"a": KEY, "b": {"c": [SECRET]}, "authorization": BASIC, "d": Shows(), "n": 1})
    assert KEY not in shown
    assert "hunter2" not in shown
    given = json.loads(shown.partition("x ")[2])
    assert given == {
        "a": MARK, "b": {"c": ["[redacted:bank]"]}, "authorization": "[redacted:named value]", "d": f"Client(key={MARK})", "n": 1,
        "message": "x", "request_id": "-", "key_id": "-",
    }  # fmt: skip


def fail() -> None:
    try:
        raise KeyError(KEY)
    except KeyError as error:
        error.add_note(f"note {KEY}")
        raise ValueError(f"bad {SECRET}") from error


def test_tracebacks(log: tuple[logging.Logger, io.StringIO]) -> None:
    """Exception texts, causes, notes and source lines lose it; names and frames stay."""
    try:
        fail()
    except ValueError:
        shown = line(log, "failed", exc_info=True)
    assert KEY not in shown
    assert SECRET not in shown
    assert "ValueError: bad [redacted:bank]" in shown
    assert f"KeyError: '{MARK}'" in shown
    assert f"note {MARK}" in shown
    assert "in fail\n" in shown


def test_source_lines_of_a_traceback(log: tuple[logging.Logger, io.StringIO], tmp_path: Path) -> None:
    """A key that stands in the code is not printed by the traceback that quotes the line."""
    source = tmp_path / "careless.py"
    source.write_text(f'def call():\n    return 1 / len("{KEY}"[99:])\n')
    space: dict[str, Any] = {}
    exec(compile(source.read_text(), str(source), "exec"), space)
    try:
        space["call"]()
    except ZeroDivisionError:
        plain = traceback.format_exc()
        shown = line(log, "failed", exc_info=True)
    assert KEY in plain
    assert KEY not in shown
    assert f'return 1 / len("{MARK}"[99:])' in shown


def test_exception_for_handlers_that_take_it_raw(log: tuple[logging.Logger, io.StringIO]) -> None:
    """A handler that formats the exception itself gets one of the same name and frames without the secret; the real one stays whole."""
    keeps = Keeps()
    log[0].addHandler(keeps)
    try:
        fail()
    except ValueError as error:
        log[0].exception("failed")
        real = error
    log[0].removeHandler(keeps)
    (record,) = keeps.records
    assert record.exc_info is not None
    shown = "".join(traceback.format_exception(*record.exc_info)) + repr(record.exc_info)
    assert KEY not in shown
    assert SECRET not in shown
    assert "in fail\n" in shown
    assert "ValueError: bad [redacted:bank]" in shown
    assert "direct cause" in shown
    assert f"note {MARK}" in shown
    assert str(real) == f"bad {SECRET}"
    assert isinstance(real.__cause__, KeyError)


def test_exception_groups_and_odd_exceptions(log: tuple[logging.Logger, io.StringIO]) -> None:
    """Groups are followed; an exception without a text still gives a line; an innocent one stays the very object."""

    class Odd(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    innocent = ValueError("fine")
    keeps = Keeps()
    log[0].addHandler(keeps)
    log[0].info("a", exc_info=ExceptionGroup("many", [ValueError(KEY), ExceptionGroup("inner", [TypeError(SECRET)])]))
    log[0].info("b", exc_info=Odd())
    log[0].info("c", exc_info=innocent)
    log[0].removeHandler(keeps)
    shown = log[1].getvalue()
    assert KEY not in shown
    assert SECRET not in shown
    assert f"ValueError: {MARK}" in shown
    assert "TypeError: [redacted:bank]" in shown
    assert "INFO b" in shown
    assert keeps.records[0].exc_info is not None
    raw = "".join(traceback.format_exception(*keeps.records[0].exc_info))
    assert KEY not in raw
    assert SECRET not in raw
    assert "TypeError: [redacted:bank]" in raw
    assert keeps.records[2].exc_info is not None
    assert keeps.records[2].exc_info[1] is innocent


def test_stack_info(log: tuple[logging.Logger, io.StringIO], tmp_path: Path) -> None:
    """The lines of ``stack_info`` too."""
    source = tmp_path / "careless.py"
    source.write_text(f'def call(log):\n    log.info("here", stack_info=True), "{KEY}"\n')
    space: dict[str, Any] = {}
    exec(compile(source.read_text(), str(source), "exec"), space)
    space["call"](log[0])
    assert KEY not in log[1].getvalue()
    assert f'stack_info=True), "{MARK}"' in log[1].getvalue()
    record = logging.makeLogRecord({"msg": "x", "stack_info": f"Stack: {KEY}"})
    redact.clean_record(record)
    assert record.stack_info == f"Stack: {MARK}"


def test_every_logger_and_handler(capsys: pytest.CaptureFixture[str]) -> None:
    """Loggers from before and after, the root, handlers added later, the last resort, and records from elsewhere."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    late = logging.getLogger("shop.late")
    for logger in (BEFORE, late, logging.getLogger()):
        logger.addHandler(handler)
        logger.warning("key %s", KEY)
        logger.removeHandler(handler)
    logging.getLogger().handle(logging.makeLogRecord({"msg": "key %s", "args": (KEY,), "levelno": 40, "name": "remote"}))
    handler.handle(logging.makeLogRecord({"msg": "direct %s", "args": (KEY,)}))
    assert logging.lastResort is not None
    logging.lastResort.handle(logging.makeLogRecord({"msg": "last %s", "args": (KEY,), "levelno": 40}))
    assert written.getvalue() == f"key {MARK}\n" * 3 + f"direct {MARK}\n"
    assert f"last {MARK}" in capsys.readouterr().err


def test_pytest_sees_clean_records(caplog: pytest.LogCaptureFixture) -> None:
    """What tests assert on stays usable."""
    with caplog.at_level(logging.INFO):
        BEFORE.info("key %s for %s", KEY, "alice")
    assert caplog.messages == [f"key {MARK} for alice"]
    assert caplog.records[0].args == (MARK, "alice")
    assert KEY not in caplog.text


def test_records_travel(log: tuple[logging.Logger, io.StringIO]) -> None:
    """Through a queue, through pickle, and into the mapping that HTTPHandler sends."""
    waiting: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    handler = logging.handlers.QueueHandler(waiting)
    log[0].addHandler(handler)
    log[0].info("Authorization: %s", "Basic YTpi")
    log[0].removeHandler(handler)
    record = waiting.get()
    assert record.getMessage() == "Authorization: [redacted:header]"
    keeps = Keeps()
    log[0].addHandler(keeps)
    log[0].info("Authorization: %s", "Basic YTpi")
    log[0].removeHandler(keeps)
    socket = logging.handlers.SocketHandler("127.0.0.1", 9)
    sent = pickle.loads(socket.makePickle(keeps.records[0])[4:])
    assert sent["msg"] == "Authorization: [redacted:header]"
    whole = logging.makeLogRecord({"msg": f"Authorization: {BASIC}"})
    redact.clean_record(whole)
    assert pickle.loads(socket.makePickle(whole)[4:])["msg"] == "Authorization: [redacted:header]"
    assert "YTpi" not in repr(logging.handlers.HTTPHandler("127.0.0.1", "/").mapLogRecord(keeps.records[0]))


def test_formatters_that_read_the_arguments_still_can(log: tuple[logging.Logger, io.StringIO]) -> None:
    """uvicorn's takes five of them; when the message was replaced as a whole they are still there, clean, in their kinds."""
    keeps = Keeps()
    log[0].addHandler(keeps)
    log[0].info('%s - "%s %s HTTP/%s" %d', "1.2.3.4:5", "GET", "/Cookie: a=b", "1.1", 200)
    log[0].removeHandler(keeps)
    (record,) = keeps.records
    assert record.args == ("1.2.3.4:5", "GET", "/Cookie: [redacted:query parameter]", "1.1", 200)


@pytest.mark.parametrize(
    ("args", "shown"),
    [
        (("%s", Unprintable()), "[Unprintable that cannot be printed]"),
        (("%s %s", KEY, Unprintable()), f"{MARK} [Unprintable that cannot be printed]"),
        ((Unprintable(),), "[Unprintable that cannot be printed]"),
    ],
)
def test_objects_without_a_text_do_not_lose_the_line(
    log: tuple[logging.Logger, io.StringIO], capsys: pytest.CaptureFixture[str], args: tuple[object, ...], shown: str
) -> None:
    """Nothing raises, and what can be said is said."""
    assert shown in line(log, *args)
    assert capsys.readouterr().err == ""


def test_a_call_with_wrong_arguments_is_complained_about_without_the_key(capsys: pytest.CaptureFixture[str]) -> None:
    """logging's own complaint on stderr quotes message and arguments: clean ones."""
    alone = logging.Logger("shop.alone")  # noqa: LOG001 - one that pytest does not listen to
    alone.addHandler(logging.StreamHandler(io.StringIO()))
    alone.info(f"key {KEY} %d %s", KEY, Shows(), 3)
    complaint = capsys.readouterr().err
    assert "--- Logging error ---" in complaint
    assert f"Message: 'key {MARK} %d %s'\nArguments: ('{MARK}', 'Client(key={MARK})', 3)" in complaint
    assert KEY not in complaint


def test_marks_let_no_control_character_in(log: tuple[logging.Logger, io.StringIO]) -> None:
    """A forged line around a key stays as escaped, or as broken, as it came."""
    default.register("a\r\nb\x1b[31m\u2028c", "odd")
    try:
        shown = default.text("x a\\r\\nb\\u001b[31m\\u2028c y a\r\nb\x1b[31m\u2028c z")
    finally:
        default.unregister("a\r\nb\x1b[31m\u2028c")
    assert shown == "x [redacted:odd] y [redacted:odd] z"
    assert line(log, f"{KEY}\\nforged").count("\n") == 1


def test_secrets_that_are_registered_later_count(log: tuple[logging.Logger, io.StringIO], monkeypatch: pytest.MonkeyPatch) -> None:
    """One line of set-up at the start is enough."""
    monkeypatch.setenv("LATE", "registered-later-on")
    hidden = ostiary.secret("LATE")
    try:
        shown = line(log, "%s is %s", hidden, hidden.reveal())
    finally:
        default.unregister("registered-later-on")
    assert "[secret LATE] is [redacted:secret LATE]" in shown


def test_what_came_with_this_request(log: tuple[logging.Logger, io.StringIO]) -> None:
    """Its credential is removed in every form and only here; records carry its ids, unless the application gave its own."""
    token = redact.current.set(redact.Current(("legacy/key 1", "short"), request_id="r-1", key_id="k-1"))
    try:
        shown = line(log, "got legacy%%2Fkey%%201, short, %s", "legacy/key 1")
    finally:
        redact.current.reset(token)
    assert "got [redacted:credential], short, [redacted:credential]" in shown.replace("%%", "%")
    assert '"request_id": "r-1", "key_id": "k-1"' in shown
    log[1].truncate(0)
    shown = line(log, "got %s", "legacy/key 1", extra={"request_id": "mine"})
    assert "got legacy/key 1" in shown
    assert '"request_id": "mine", "key_id": "-"' in shown


def test_requests_do_not_see_each_other(log: tuple[logging.Logger, io.StringIO]) -> None:
    """Two tasks at once, each with its own ids."""

    async def answer(name: str) -> None:
        redact.current.set(redact.Current(request_id=name))
        await asyncio.sleep(0)
        log[0].info("from %s", name)

    async def both() -> None:
        await asyncio.gather(answer("one"), answer("two"))

    asyncio.run(both())
    for said in log[1].getvalue().splitlines():
        name = said.split()[2]
        assert f'"request_id": "{name}"' in said


def test_ids_may_be_in_a_format(log: tuple[logging.Logger, io.StringIO]) -> None:
    """``%(request_id)s`` is there on every record, also outside a request."""
    log[0].handlers[0].setFormatter(logging.Formatter("%(request_id)s %(key_id)s %(message)s"))
    assert line(log, "x") == "- - x\n"
    log[0].handlers[0].handle(logging.makeLogRecord({"msg": "straight to the handler"}))
    assert log[1].getvalue() == "- - x\n- - straight to the handler\n"


def test_installing_twice_is_once_and_can_be_undone(log: tuple[logging.Logger, io.StringIO]) -> None:
    """After ``uninstall`` logging is what it was; again, it works again."""
    redact.install()
    redact.uninstall()
    redact.uninstall()
    assert logging.Logger.handle.__module__ == logging.Handler.format.__module__ == "logging"
    assert KEY in line(log, KEY)
    redact.install()
    log[1].truncate(0)
    assert KEY not in line(log, KEY).strip("\0")


def test_somebody_who_wrapped_it_too_keeps_working(log: tuple[logging.Logger, io.StringIO]) -> None:
    """Undone and done again below another's wrapper: no loop, and clean again."""
    ours = logging.Logger.handle
    seen: list[str] = []

    def theirs(self: logging.Logger, record: logging.LogRecord) -> None:
        seen.append(record.name)
        ours(self, record)

    logging.Logger.handle = theirs  # type: ignore[method-assign]
    try:
        redact.uninstall()
        assert KEY in line(log, KEY)
        redact.install()
        log[1].truncate(0)
        assert KEY not in line(log, KEY).strip("\0")
    finally:
        logging.Logger.handle = ours  # type: ignore[method-assign]
    assert seen == ["shop.own", "shop.own"]


def test_only_the_loggers_that_are_named() -> None:
    """With their children; others are left alone."""
    redact.install(loggers=["shop.before"])
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    for name in ("shop.before", "shop.before.child", "shop.beforehand", "shop"):
        logger = logging.getLogger(name)
        logger.addHandler(handler)
        logger.propagate = False
        logger.warning("%s %s", name, KEY)
        logger.removeHandler(handler)
        logger.propagate = True
    assert written.getvalue().splitlines() == [
        f"shop.before {MARK}",
        f"shop.before.child {MARK}",
        f"shop.beforehand {KEY}",
        f"shop {KEY}",
    ]


def test_structlog_with_its_own_renderers() -> None:
    """Rendered as JSON or for people, from values, names, objects and exceptions, before the renderer or behind it."""
    import structlog

    for renderer in (
        structlog.processors.JSONRenderer(),
        structlog.dev.ConsoleRenderer(colors=False),
        structlog.processors.KeyValueRenderer(),
    ):
        for behind in (False, True):
            chain: list[Any] = [renderer, redact.structlog_processor] if behind else [redact.structlog_processor, renderer]
            written = io.StringIO()
            logger = structlog.wrap_logger(structlog.PrintLogger(written), processors=chain)
            logger.info("event", key=KEY, deep=[{"a": SECRET}], authorization=BASIC, thing=Shows(), n=1)
            try:
                fail()
            except ValueError:
                logger.exception("failed")
            shown = written.getvalue()
            assert MARK in shown
            assert KEY not in shown
            assert "hunter2" not in shown
            assert "YTpi" not in shown
            assert behind or "in fail" in shown


def test_structlog_carries_ids_and_keeps_other_values() -> None:
    """Values without a secret are the objects that were given; ids are added, not overwritten."""
    thing = object()
    event = redact.structlog_processor(None, "info", {"event": "x", "thing": thing, "odd": Unprintable(), "key_id": "mine"})
    assert event == {"event": "x", "thing": thing, "odd": "[redacted:cannot be printed]", "request_id": "-", "key_id": "mine"}


def test_structlog_formats_exceptions_itself() -> None:
    """Behind ``dict_tracebacks`` the exception has its name, frames and a text without the secret."""
    import structlog

    written = io.StringIO()
    chain: list[Any] = [structlog.processors.dict_tracebacks, redact.structlog_processor, structlog.processors.JSONRenderer()]
    logger = structlog.wrap_logger(structlog.PrintLogger(written), processors=chain)
    try:
        raise ValueError(f"bad {SECRET}")
    except ValueError:
        logger.exception("failed")
    (found,) = json.loads(written.getvalue())["exception"]
    assert (found["exc_type"], found["exc_value"]) == ("ValueError", "bad [redacted:bank]")
    assert found["frames"]


def test_loguru_with_a_patcher() -> None:
    """Message, extra, and tracebacks with the values of variables (``diagnose``) hold nothing."""
    from loguru import logger

    written = io.StringIO()
    logger.configure(patcher=redact.loguru_patcher)
    logger.remove()
    number = logger.add(written, format="{message} {extra}", diagnose=True, backtrace=True)
    second = io.StringIO()
    other = logger.add(second, serialize=True, diagnose=True)
    try:
        logger.bind(key=KEY, authorization=BASIC).info("got {}", SECRET)
        held = KEY
        try:
            raise ValueError(f"bad {held}")
        except ValueError:
            logger.exception("failed")
    finally:
        logger.remove(number)
        logger.remove(other)
        logger.configure(patcher=lambda record: None)
    for shown in (written.getvalue(), second.getvalue()):
        assert MARK in shown
        assert "got [redacted:bank]" in shown
        assert f"ValueError: bad {MARK}" in shown
        assert KEY not in shown
        assert "hunter2" not in shown
        assert "YTpi" not in shown
    assert "'request_id': '-'" in written.getvalue()


def test_a_stream_for_any_logger() -> None:
    """What is written is clean, the count is that of what was given, and the rest of the stream is the stream's."""
    inner = io.StringIO()
    stream = redact.Stream(inner)
    assert stream.write(f"key {KEY}\n") == len(KEY) + 5
    stream.flush()
    assert stream.getvalue() == f"key {MARK}\n"
    print("and", KEY, file=stream)
    assert KEY not in inner.getvalue()


def test_importing_it_loads_no_logger_but_pythons() -> None:
    """structlog and loguru are the application's."""
    import subprocess

    code = "import sys, ostiary; ostiary.redact.install(); print(*sys.modules)"
    loaded = set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())
    assert "ostiary.redact" in loaded
    assert not loaded & {"structlog", "loguru", "flask", "fastapi", "ostiary.scan", "ostiary.guard"}
