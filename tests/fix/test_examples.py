"""The careless examples, fixed in a copy: what goes, what stays, and that the services still do their work."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from ostiary import api
from ostiary.fix import WEAKNESSES

EXAMPLES = Path(__file__).parents[2] / "examples"
ASK_FLASK = """
from app import app
ask = app.test_client()
app.testing = False
print(ask.get("/partners/stock", headers={"X-API-Key": "partner"}).status_code, ask.get("/partners/stock").status_code,
      ask.get("/partners/stock?api_key=partner").status_code, ask.get("/admin/customers", headers={"X-Admin-Token": "admin"}).status_code,
      ask.get("/admin/customers").status_code, ask.get("/admin/customers", headers={"X-Admin-Token": "é"}).status_code,
      ask.post("/login", json={"name": "ada", "password": "ada"}).status_code, ask.post("/login", json={"name": "ada"}).status_code,
      ask.post("/login", json={"name": "ada", "password": None}).status_code, app.debug)
"""
ASK_FASTAPI = """
import warnings
warnings.simplefilter("ignore")
from starlette.testclient import TestClient
from app.main import app
ask = TestClient(app)
print(ask.get("/partners/catalogue", headers={"X-API-Key": "partner"}).status_code, ask.get("/partners/catalogue").status_code,
      ask.get("/partners/catalogue?key=partner").status_code, ask.delete("/users/x", headers={"X-Admin-Key": "admin"}).status_code,
      ask.delete("/users/x").status_code, ask.delete("/users/x", headers={b"X-Admin-Key": "é".encode()}).status_code,
      ask.post("/login", data={"username": "ada", "password": "ada"}).status_code,
      ask.post("/login", data={"username": "ada", "password": "x"}).status_code, app.debug)
"""
SET = {
    "SECRET_KEY": "s" * 40,
    "JWT_SECRET": "s" * 40,
    "PAYMENT_API_KEY": "p",
    "WAREHOUSE_API_KEY": "w",
    "PARTNER_KEY": "partner",
    "ADMIN_TOKEN": "admin",
    "ADMIN_KEY": "admin",
    **{f"{table}_{name}_PASSWORD": name.lower() for table in ("CUSTOMERS", "USERS") for name in ("ADA", "GRACE")},
}


@pytest.mark.parametrize(
    ("example", "asks", "answers"),
    [
        ("careless_flask", ASK_FLASK, "200 401 401 200 403 403 200 401 401 False"),
        ("careless_fastapi", ASK_FASTAPI, "200 401 401 200 403 403 200 401 False"),
    ],
)
def test_a_fixed_example_lets_in_who_may_and_nobody_else(example: str, asks: str, answers: str, tmp_path: Path) -> None:
    """The right key in its header, no key, the key in the address; an admin, nobody, odd letters; the right password, none, null."""
    tree = Path(shutil.copytree(EXAMPLES / example, tmp_path / "service"))
    api.apply_fixes(tree, api.fix(tree))
    run = subprocess.run([sys.executable, "-c", asks], cwd=tree, env={**os.environ, **SET}, capture_output=True, text=True, check=False)
    assert (run.stdout.strip(), run.returncode) == (answers, 0), run.stderr


@pytest.mark.parametrize(
    ("example", "gone"),
    [
        (
            "careless_flask",
            {"auth-fails-open": 2, "hardcoded-secret": 4, "debug-mode": 1, "key-in-query-string": 1, "timing-unsafe-comparison": 3},
        ),
        (
            "careless_fastapi",
            {"auth-fails-open": 2, "hardcoded-secret": 4, "debug-mode": 1, "key-in-query-string": 1, "timing-unsafe-comparison": 3},
        ),
    ],
)
def test_exactly_these_findings_go(example: str, gone: dict[str, int], tmp_path: Path) -> None:
    """All of the five weaknesses, none of the others, and no new one."""
    tree = Path(shutil.copytree(EXAMPLES / example, tmp_path / "service"))
    before = Counter(f.weakness for f in api.scan_tree(tree).findings)
    fixes = api.fix(tree)
    api.apply_fixes(tree, fixes)
    now = Counter(f.weakness for f in api.scan_tree(tree).findings)
    assert (before - now, now - before, fixes.left) == (Counter(gone), Counter(), ())
    assert not set(now) & set(WEAKNESSES)
