"""What slowapi reads from the environment and from files, over the drop-in and over slowapi itself."""

# FastAPI reads annotations of functions inside functions: no postponed evaluation here.

from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from ostiary.compat import slowapi as ours
from ostiary.errors import UsageError
from tests.compat.test_slowapi import Peer, service, statuses

both = pytest.mark.parametrize("lib", [Peer, ours], ids=["peer", "ours"])


def with_route(lib: Any, **options: Any) -> FastAPI:
    app, _ = service(lib, middleware=True, **options)

    @app.get("/t")
    async def t() -> str:
        return "x"

    return app


@both
def test_a_file_of_settings(lib: Any, tmp_path: Path) -> None:
    """``config_filename``: default limits, headers under other names, a date for Retry-After."""
    file = tmp_path / "limits.env"
    file.write_text(
        "RATELIMIT_DEFAULT=2/hour\nRATELIMIT_HEADERS_ENABLED=true\nRATELIMIT_HEADER_LIMIT=X-My-Limit\n"
        "RATELIMIT_HEADER_RETRY_AFTER_VALUE=http-date\nRATELIMIT_STORAGE_URL=memory://\n",
        encoding="utf-8",
    )
    app = with_route(lib, config_filename=str(file))
    first = TestClient(app).get("/t")
    assert first.headers["X-My-Limit"] == "2"
    assert parsedate_to_datetime(first.headers["Retry-After"]).timestamp() > 1_700_000_000
    assert statuses(app, "/t", 2) == [200, 429]


@both
def test_the_environment_and_a_dotenv_in_the_working_directory(lib: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read without being named; the environment goes first, and ``RATELIMIT_ENABLED=false`` ends all counting."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("RATELIMIT_DEFAULT=1/hour\nRATELIMIT_KEY_PREFIX=shop\n", encoding="utf-8")
    assert statuses(with_route(lib), "/t", 2) == [200, 429]
    monkeypatch.setenv("RATELIMIT_DEFAULT", "2/hour")
    assert statuses(with_route(lib), "/t", 3) == [200, 200, 429]
    assert statuses(with_route(lib, default_limits=["1/hour"]), "/t", 2) == [200, 429]
    monkeypatch.setenv("RATELIMIT_ENABLED", "false")
    assert statuses(with_route(lib), "/t", 3) == [200] * 3


def test_a_flag_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """slowapi takes any text for true in some of them; a limit that is none is an error as well."""
    monkeypatch.setenv("RATELIMIT_HEADERS_ENABLED", "maybe")
    with pytest.raises(UsageError, match="RATELIMIT_HEADERS_ENABLED: true or false"):
        service(ours)
    monkeypatch.setenv("RATELIMIT_HEADERS_ENABLED", "false")
    monkeypatch.setenv("RATELIMIT_APPLICATION", "often")
    with pytest.raises(UsageError, match="'often' is not a limit"):
        service(ours)
