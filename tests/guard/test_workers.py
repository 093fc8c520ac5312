"""How many workers a server was told to run."""

from __future__ import annotations

import pytest

from ostiary.guard.workers import configured


@pytest.mark.parametrize(
    ("environ", "argv", "found"),
    [
        ({}, ["app.py"], (1, "")),
        ({"WEB_CONCURRENCY": "4"}, [], (4, "WEB_CONCURRENCY")),
        ({"UVICORN_WORKERS": "3"}, [], (3, "UVICORN_WORKERS")),
        ({"GUNICORN_CMD_ARGS": "--bind 0.0.0.0 -w 5"}, [], (5, "GUNICORN_CMD_ARGS")),
        ({"GUNICORN_CMD_ARGS": "--workers=6 --threads 2"}, [], (6, "GUNICORN_CMD_ARGS")),
        ({"GUNICORN_CMD_ARGS": "-w7"}, [], (7, "GUNICORN_CMD_ARGS")),
        ({"WEB_CONCURRENCY": "2", "GUNICORN_CMD_ARGS": "-w 8"}, [], (8, "GUNICORN_CMD_ARGS")),
        ({}, ["/venv/bin/gunicorn", "app:app", "--workers", "2"], (2, "the command line")),
        ({}, ["/venv/lib/uvicorn/__main__.py", "app:app", "--workers=9"], (9, "the command line")),
        ({}, ["/venv/bin/celery", "-w", "9"], (1, "")),
        ({"WEB_CONCURRENCY": "many", "GUNICORN_CMD_ARGS": "-w 'two"}, ["gunicorn", "-w"], (1, "")),
        ({"WEB_CONCURRENCY": "0"}, ["gunicorn", "--worker-class", "gevent", "--workers"], (1, "")),
    ],
)
def test_workers_are_counted(environ: dict[str, str], argv: list[str], found: tuple[int, str]) -> None:
    """The most that anything says, and what says it; what is no number says nothing."""
    assert configured(environ, argv) == found
