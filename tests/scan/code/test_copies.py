"""A copy of a framework in the tree is the framework, and is not read as the project's code."""

from __future__ import annotations

from pathlib import Path

import pytest

from ostiary.scan.run import scan_tree

FLASK = ("__init__", "app", "blueprints", "globals", "wrappers")
APP = """
import os
from {package} import Flask, abort, request

app = Flask(__name__)


@app.get("/orders")
def orders():
    if request.headers.get("X-API-Key") != os.environ["KEY"]:
        abort(401)
    return find_orders()
"""


@pytest.mark.parametrize(
    ("folder", "package"), [("shop/libs/flask", "shop.libs.flask"), ("shop/libs/flask", ".libs.flask"), ("shop/flask", "flask")]
)
def test_a_copy_of_flask(folder, package, tmp_path: Path):
    """Its routes are found and their checks followed; that the copy is not read is said."""
    (tmp_path / folder).mkdir(parents=True)
    for name in FLASK:
        (tmp_path / folder / f"{name}.py").write_text("class Flask:\n    def get(self, rule): ...\n")
    (tmp_path / "shop" / "app.py").write_text(APP.format(package=package))
    scan = scan_tree(tmp_path)
    assert [(r.method, r.path, r.protection.state.value) for r in scan.routes] == [("GET", "/orders", "protected")]
    assert [(s.what, s.why) for s in scan.skipped] == [(f"{folder}/", "vendored code is not read")]


def test_a_package_that_has_only_the_name(tmp_path: Path):
    """``flask/`` with the project's own code is read."""
    (tmp_path / "flask").mkdir()
    (tmp_path / "flask" / "views.py").write_text(APP.format(package="flask"))
    scan = scan_tree(tmp_path)
    assert [(r.method, r.path) for r in scan.routes] == [("GET", "/orders")]
    assert scan.skipped == ()
