"""Who can reach a line: routes lead to functions, and a line belongs to the innermost function around it."""

from __future__ import annotations

from pathlib import Path

from ostiary.model.finding import Exposure
from ostiary.scan.run import scan_tree

SOURCE = """\
from flask import Flask

app = Flask(__name__)
API_KEY_ONE = "sk_live_aa41GhJk29xQwErT01"


def used():
    api_key_two = inner("sk_live_bb41GhJk29xQwErT02")


@app.get("/orders")
def orders():
    used()
    return {}


def idle():
    api_key_three = "sk_live_cc41GhJk29xQwErT03"
    api_key_four = used(lambda api_key="sk_live_dd41GhJk29xQwErT04": 1)

    def inner():
        api_key_five = "sk_live_ee41GhJk29xQwErT05"

    api_key_six = "sk_live_ff41GhJk29xQwErT06"
"""


def test_a_line_is_as_exposed_as_the_function_around_it(tmp_path: Path) -> None:
    """Module level and what an open route calls are everybody's, also a function nested in one that nobody calls, which stays unreached around it."""
    (tmp_path / "app.py").write_text(SOURCE)
    found = {f.at.line: f.exposure for f in scan_tree(tmp_path).findings if f.weakness == "hardcoded-secret" and f.at}
    assert found == {
        4: Exposure.ANONYMOUS, 8: Exposure.ANONYMOUS, 18: Exposure.UNREACHED, 19: Exposure.UNREACHED, 22: Exposure.ANONYMOUS,
        24: Exposure.UNREACHED,
    }  # fmt: skip
