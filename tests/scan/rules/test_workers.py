"""Several workers are seen where a Python file asks for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ostiary.model.finding import Confidence, Finding
from ostiary.scan.run import scan_tree

APP = """from flask import Flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

app = Flask(__name__)
limiter = Limiter(get_remote_address, app=app, default_limits=["5/minute"])
"""


def found(folder: Path, **files: str) -> list[Finding]:
    """The findings about the limiter of APP beside other files; two underscores of a name stand for a dot."""
    for name, text in {"service": APP, **files}.items():
        (folder / f"{name.replace('__', '.')}.py").write_text(text, encoding="utf-8")
    return [finding for finding in scan_tree(folder).findings if finding.weakness == "ineffective-rate-limit"]


@pytest.mark.parametrize(
    ("setting", "confidence"),
    [
        ("workers = 4", Confidence.HIGH),
        ("workers = multiprocessing.cpu_count() * 2 + 1", Confidence.MEDIUM),
        ('workers = int(os.getenv("WORKERS", "4"))', Confidence.MEDIUM),
    ],
)
def test_gunicorn_settings_ask_for_workers(setting: str, confidence: Confidence, tmp_path: Path) -> None:
    """Counters in memory are reported when gunicorn.conf.py starts several processes, and the line that does is the evidence."""
    (finding,) = found(tmp_path, gunicorn__conf=f'bind = "0.0.0.0:80"\n{setting}\n')
    assert finding.confidence is confidence
    assert [(step.at.file, step.at.line) for step in finding.evidence if step.at] == [("gunicorn.conf.py", 2)]


@pytest.mark.parametrize("setting", ["workers = 1", "threads = 4", "# workers = 4"])
def test_one_worker_counts_right(setting: str, tmp_path: Path) -> None:
    """One process needs no shared counters."""
    assert found(tmp_path, gunicorn__conf=f"{setting}\n") == []


def test_storage_in_the_configuration_counts(tmp_path: Path) -> None:
    """A storage that the configuration names is enough."""
    settings = 'RATELIMIT_STORAGE_URI = "redis://counters"\n'
    assert found(tmp_path, gunicorn__conf="workers = 4\n", settings=settings) == []
