"""Code that was written to keep a reader busy: it ends within seconds, and says so when something was left out."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ostiary.model.scan import Scan
from ostiary.scan.run import scan_tree

FLASK = "from flask import Blueprint, Flask\napp = Flask(__name__)\n"
FASTAPI = "from fastapi import APIRouter, FastAPI\napp = FastAPI()\n"
ROUTE = "@app.get('/x')\ndef x(): ...\n"
NUMBERS = f"a = {list(range(300))}\n"
LEVELS = range(39, -1, -1)
SECONDS = 15

DOUBLED = {
    "added to itself": "a += a\n",
    "a sum of itself": "a = a + a\n",
    "unpacked twice": "a = [*a, *a]\n",
    "extended by itself": "a.extend(a)\n",
}
ENDLESS = {
    "loops in loops": NUMBERS + "for i in a:\n for j in a:\n  for k in a:\n   for l in a:\n    x = 1\n",
    "comprehensions in comprehensions": NUMBERS + "b = [[[[l for l in a] for k in a] for j in a] for i in a]\n",
    "calls that register again and again": "".join(f"def f{i}(a):\n" + f" f{i + 1}(a)\n" * 5 for i in range(12))
    + "def f12(a):\n a.add_url_rule('/z', view_func=f0)\nf0(app)\n",
    "a route for every pair": NUMBERS + "for i in a:\n for j in a:\n  app.add_url_rule(f'/{i}/{j}', view_func=print)\n",
}
NESTED = {
    "blueprints": FLASK
    + "r40 = Blueprint('b40', __name__)\n@r40.before_app_request\ndef h(): ...\n@r40.get('/x')\ndef x(): ...\n"
    + "".join(
        f"r{i} = Blueprint('b{i}', __name__)\nr{i}.register_blueprint(r{i + 1}, url_prefix='/a')\nr{i}.register_blueprint(r{i + 1}, name='c')\n"
        for i in LEVELS
    )
    + "app.register_blueprint(r0)\n",
    "routers": FASTAPI
    + "r40 = APIRouter()\n@r40.get('/x')\ndef x(): ...\n"
    + "".join(
        f"r{i} = APIRouter()\nr{i}.include_router(r{i + 1}, prefix='/a')\nr{i}.include_router(r{i + 1}, prefix='/b')\n" for i in LEVELS
    )
    + "app.include_router(r0)\n",
    "mounts": FASTAPI
    + "m40 = FastAPI()\n@m40.get('/x')\ndef x(): ...\n"
    + "".join(f"m{i} = FastAPI()\nm{i}.mount('/a', m{i + 1})\nm{i}.mount('/b', m{i + 1})\n" for i in LEVELS)
    + "app.mount('/m', m0)\n",
}


def scanned(tree: Path, source: str) -> Scan:
    """The scan of a tree with this one file; it must not take long."""
    (tree / "app.py").write_text(source, encoding="utf-8")
    start = time.process_time()
    scan = scan_tree(tree)
    assert time.process_time() - start < SECONDS
    return scan


@pytest.mark.parametrize("how", DOUBLED)
def test_a_list_that_doubles_stays_small(how: str, tmp_path: Path) -> None:
    """Sixty doublings cost neither time nor memory, and the route beside them is found."""
    scan = scanned(tmp_path, FLASK + "a = ['/x']\n" + DOUBLED[how] * 60 + ROUTE)
    assert [route.path for route in scan.routes] == ["/x"]


@pytest.mark.parametrize("what", ENDLESS)
def test_code_without_an_end_is_given_up_and_said(what: str, tmp_path: Path) -> None:
    """What runs too long is not followed to its end, and the scan is incomplete, never clean."""
    scan = scanned(tmp_path, FLASK + ENDLESS[what] + ROUTE)
    assert not scan.complete
    assert [skipped.what for skipped in scan.skipped] == ["the rest of the application"]


@pytest.mark.parametrize("what", NESTED)
def test_routers_that_include_each_other_twice_are_given_up_and_said(what: str, tmp_path: Path) -> None:
    """Forty levels of two would be a million million routes: the scan ends and is incomplete, never clean."""
    scan = scanned(tmp_path, NESTED[what])
    assert not scan.complete


def test_classes_with_two_ways_to_each_base_are_read(tmp_path: Path) -> None:
    """Forty diamonds on top of each other are walked once, not twice at each."""
    diamonds = "".join(f"class A{i}(C{i + 1}): ...\nclass B{i}(C{i + 1}): ...\nclass C{i}(A{i}, B{i}): ...\n" for i in LEVELS)
    scan = scanned(tmp_path, FLASK + "class C40: ...\n" + diamonds + "C0().what()\n" + ROUTE)
    assert len(scan.routes) == 1


def test_a_tower_of_classes_is_read(tmp_path: Path) -> None:
    """Three thousand classes, each above the other, are not all looked through for each of them."""
    tower = "class C0: ...\n" + "".join(f"class C{i + 1}(C{i}): ...\n" for i in range(3000))
    assert len(scanned(tmp_path, FLASK + tower + "C3000().what()\n" + ROUTE).routes) == 1


def test_a_choice_among_thousands_is_read(tmp_path: Path) -> None:
    """``a or b or c …`` is one of a few values; the others are not compared with each other."""
    choice = " or ".join(f"name{i}" for i in range(5000))
    assert len(scanned(tmp_path, FLASK + f"a = {choice}\n" + ROUTE).routes) == 1


def test_a_number_that_doubles_stays_small(tmp_path: Path) -> None:
    """``n = n + n`` twenty thousand times makes no number of twenty thousand bits."""
    assert len(scanned(tmp_path, FLASK + "n = 1\n" + "n = n + n\n" * 20_000 + ROUTE).routes) == 1


def test_a_path_of_brackets_costs_no_time(tmp_path: Path) -> None:
    """A path that makes every expression over it go back and forth is cut to a length that no address has."""
    scan = scanned(tmp_path, FLASK + f"@app.post('/{'<a(' * 20_000}')\ndef y(): ...\n" + ROUTE)
    assert max(len(route.path) for route in scan.routes) == 2000


def test_ten_thousand_routes_are_read(tmp_path: Path) -> None:
    """One file may hold them all."""
    routes = "".join(f"@app.get('/x{i}')\ndef x{i}(): ...\n" for i in range(10_000))
    assert len(scanned(tmp_path, FASTAPI + routes).routes) == 10_000


def test_ten_thousand_findings_are_merged(tmp_path: Path) -> None:
    """Findings without a route are not held against each other one by one."""
    secrets = "".join(f"key{i}_secret = 'aB3dE5fG7hJ9kL{i:06d}'\n" for i in range(10_000))
    assert len(scanned(tmp_path, FLASK + secrets).findings) >= 10_000


def test_a_method_that_is_none_is_no_route(tmp_path: Path) -> None:
    """``methods`` may hold anything; what no client can send, such as a line break, is in no report."""
    scan = scanned(tmp_path, FLASK + "@app.route('/x', methods=['GET', 'a\\nb', '\\x1b[31m', 'M-SEARCH'])\ndef x(): ...\n")
    assert {route.method for route in scan.routes} == {"GET", "M-SEARCH"}


def test_a_list_that_holds_itself_ends(tmp_path: Path) -> None:
    """Data that refers to itself is no trap for names, loops, settings or methods."""
    knot = "a = []\na.append(a)\na += a\nb = {}\nb['b'] = b\nb.update(b)\nfor i in a:\n a.append(i)\napp.config.update(b)\n"
    scan = scanned(tmp_path, FLASK + knot + "@app.route('/x', methods=a)\ndef x(): return a\n")
    assert len(scan.routes) == 1
