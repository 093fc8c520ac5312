"""The hardened twins under real servers: gunicorn with two workers, uvicorn. The demo's conversation, question by question."""

from __future__ import annotations

import dataclasses
import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def _guarded() -> ModuleType:
    spec = importlib.util.spec_from_file_location("guarded", EXAMPLES / "guarded.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # dataclasses looks its own module up
    sys.modules["guarded"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("framework", ["flask", "fastapi"])
def test_the_demo_is_true(framework: str, tmp_path: Path) -> None:
    """401 without key, 403 without scope, 429 at the sixth call over all workers, 401 once revoked, 400 in the URL, no key in the log."""
    module = _guarded()
    make = {"flask": module.flask_service, "fastapi": module.fastapi_service}[framework]
    service = make(EXAMPLES, tmp_path)

    def keys(*words: str) -> str:
        command = [sys.executable, "-m", "ostiary.cli", "keys", *words]
        done = subprocess.run(command, env=os.environ | service.environment, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    with service.running():
        steps = module.conversation(service, keys)
    assert [step for step in steps if not step.right] == []
    assert [step.answer for step in steps] == [
        "401 unauthenticated",
        "200",
        "403 insufficient_scope",
        "400 key_in_query",
        "200 200 200 200 429",
        "200",
        "401 unauthenticated",
        "holds no key",
    ]


@pytest.mark.parametrize("framework", ["flask", "fastapi"])
def test_no_event_is_lost_when_the_server_is_told_to_end(framework: str, tmp_path: Path) -> None:
    """Every call that was answered is in the record after SIGTERM, the last ones too."""
    module = _guarded()
    make = {"flask": module.flask_service, "fastapi": module.fastapi_service}[framework]
    service = make(EXAMPLES, tmp_path)
    with service.running():
        answered = sum(service.ask(service.read)[0] == 401 for _ in range(15))
    from ostiary.guard.stores import open_store

    events = open_store(service.environment["OSTIARY_STORE"], "events")
    assert answered == len([event for event in events.recent(100) if event.route == ("GET", service.read)]) == 15


@pytest.mark.parametrize(
    ("option", "code", "said"),
    [("--no-proxy-headers", 0, "forged addresses are not believed"), ("--proxy-headers", 1, "--no-proxy-headers")],
)
def test_a_server_that_believes_strangers_is_found(tmp_path: Path, option: str, code: int, said: str) -> None:
    """``guard check --url`` sends itself forged headers: uvicorn believes them from this machine unless it is told not to."""
    module = _guarded()
    service = module.fastapi_service(EXAMPLES, tmp_path)
    service = dataclasses.replace(service, command=tuple(option if word == "--no-proxy-headers" else word for word in service.command))
    with service.running():
        url = f"http://127.0.0.1:{service.port}/api/v1/health"
        command = [sys.executable, "-m", "ostiary.cli", "guard", "check", "app.main:app", "--url", url]
        found = subprocess.run(
            command, cwd=service.folder, env=os.environ | service.environment, capture_output=True, text=True, check=False
        )
    assert (found.returncode, said in found.stderr) == (code, True), found.stderr
