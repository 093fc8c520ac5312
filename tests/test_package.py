"""What a user gets from ``pip install``, and what importing it costs."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import ostiary

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def imports(path: Path) -> Iterator[str]:
    """The top-level names that a file imports, also inside functions."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def test_version_is_written_once() -> None:
    """The version that the package states is the one that it is published under."""
    assert ostiary.__version__ == PROJECT["version"]


def test_wheel_carries_everything_below_src(tmp_path: Path) -> None:
    """Pages and data files reach the user, not only Python."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("ostiary/")}
    files = (path for path in (ROOT / "src" / "ostiary").rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    assert packed == {path.relative_to(ROOT / "src").as_posix() for path in files}
    assert "ostiary/py.typed" in packed


# What an extra brings may be imported where the extra is meant, and nowhere else.
EXTRAS = {
    "flask.py": {"flask", "werkzeug"},
    "starlette.py": {"starlette"},
    "fastapi.py": {"fastapi", "starlette"},
    "compat/_flask_limits.py": {"flask", "werkzeug"},
    "compat/_flask_marks.py": {"flask"},
    "compat/_slowapi_limiter.py": {"starlette"},
    "compat/flask_limiter.py": {"flask"},
    "compat/slowapi.py": {"starlette"},
    "compat/talisman.py": {"flask"},
    "fix": {"libcst"},
    "client.py": {"httpx", "requests", "urllib3"},
    "wire/jwks.py": {"joserfc"},
    "wire/signing_key.py": {"cryptography"},
    "guard/authn/certificate.py": {"cryptography"},
    "guard/tokens.py": {"cryptography"},
    "guard/sinks/otel.py": {"opentelemetry"},
    "guard/masterkey.py": {"cryptography"},
    "guard/schemas.py": {"jsonschema", "pydantic"},
    "guard/signingkeys.py": {"cryptography"},
    "redact_send.py": {"opentelemetry"},
    "guard/doctor/stores.py": {"redis"},
    "guard/stores/_redis.py": {"redis"},
    "guard/stores/_redis_lines.py": {"redis"},
    "guard/stores/_sql.py": {"sqlalchemy", "psycopg", "asyncpg"},
    "guard/stores/_sql_migrate.py": {"alembic", "sqlalchemy"},
    "guard/stores/_sql_schema.py": {"sqlalchemy"},
    "guard/stores/sql_counters.py": {"sqlalchemy"},
    "guard/stores/sql_events.py": {"sqlalchemy"},
    "guard/stores/sql_keys.py": {"sqlalchemy"},
    "guard/stores/sql_nonces.py": {"sqlalchemy"},
    "guard/stores/migrations/env.py": {"alembic"},
    "guard/stores/migrations/versions/v0001_first.py": {"alembic"},
}


def test_declares_what_it_imports() -> None:
    """A plain ``pip install ostiary`` brings every module that the code imports, an extra what its own files do besides."""
    names = {"pyyaml": "yaml"}
    declared = {re.split(r"[<>=\[]", line)[0] for line in PROJECT["dependencies"]}
    known = {"ostiary", *sys.stdlib_module_names, *(names.get(name, name) for name in declared)}
    below = ROOT / "src" / "ostiary"
    for path in below.rglob("*.py"):
        inside = path.relative_to(below)
        assert set(imports(path)) <= known | EXTRAS.get(inside.as_posix(), EXTRAS.get(inside.parts[0], set())), path


@pytest.mark.parametrize("module", ["flask", "fastapi", "starlette"])
def test_a_missing_framework_is_one_sentence(module: str) -> None:
    """The adapter of a framework that is not installed says which command brings it, as an ImportError."""
    extra = "flask" if module == "flask" else "fastapi"
    code = f"import sys; sys.modules[{module!r}] = None\ntry:\n    import ostiary.{module}\nexcept ImportError as error:\n    print(error)"
    assert run(code).strip() == f"ostiary.{module} needs: pip install 'ostiary[{extra}]'"


@pytest.mark.parametrize("module", ["flask", "fastapi", "starlette", "asgi", "wsgi", "redact", "testing"])
def test_the_guard_loads_no_scanner(module: str) -> None:
    """Neither scanner, reports, command line nor terminal library comes along with a guard."""
    loaded = set(run(f"import sys, ostiary.{module}; print(*sys.modules)").split())
    assert not {
        name for name in loaded if name.startswith(("ostiary.scan", "ostiary.report", "ostiary.cli", "ostiary.api", "ostiary.fix", "rich."))
    }


def test_importing_the_package_loads_nothing() -> None:
    """``import ostiary`` brings no third-party module and no scanner with it."""
    loaded = run("import sys; before = set(sys.modules); import ostiary; print(*sorted(set(sys.modules) - before))").split()
    assert loaded == ["ostiary"]


def test_importing_reports_and_the_api_loads_no_web_framework() -> None:
    """Whoever only reads a scan pays for no framework."""
    loaded = set(run("import sys, ostiary.api, ostiary.report; print(*sys.modules)").split())
    assert not loaded & {"flask", "fastapi", "starlette", "werkzeug", "click"}


def test_every_extra_is_part_of_all() -> None:
    """``ostiary[all]`` forgets nothing."""
    extras = PROJECT["optional-dependencies"]
    (everything,) = extras["all"]
    assert set(everything.removeprefix("ostiary[").removesuffix("]").split(",")) == set(extras) - {"all"}


def test_committed_requirements_name_no_host_and_carry_hashes() -> None:
    """An install comes from where the user's own pip is told to look, and gets what was pinned."""
    for path in (ROOT / "requirements").glob("*.txt"):
        text = path.read_text(encoding="utf-8")
        assert "://" not in text
        assert "--index" not in text
        pins = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
        assert pins
        assert all("==" in pin and pin.endswith("\\") for pin in pins)
