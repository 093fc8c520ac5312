"""What a patch must not touch: line ends, marks, encodings, modes, files that changed; and what the verdict refuses."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from ostiary import api
from ostiary.errors import UsageError
from ostiary.fix.plan import Plan
from ostiary.fix.verdict import judge
from ostiary.model.finding import Confidence, Finding, Severity
from ostiary.model.route import Location
from ostiary.model.scan import Scan, Skipped
from tests.fix.trees import FLASK, after, fixed, written

DEBUG = FLASK + "app.debug = True\n"
BODY = FLASK + "# é\napp.debug = True  # für jetzt\nKEY = 'x'\n"


@pytest.mark.parametrize(
    "data",
    [
        BODY.encode().replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + BODY.encode(),
        b"# -*- coding: latin-1 -*-\n" + BODY.encode("latin-1"),
        BODY.encode().rstrip(b"\n"),
        BODY.encode().replace(b"import os\n", b"import os\r\n"),
        BODY.replace("# é", "\x0c\n# é\n\nif app:\n\tpass").encode(),
    ],
    ids=["CRLF", "BOM", "latin-1", "no last line end", "mixed line ends", "form feed and tabs"],
)
def test_every_other_byte_stays(data: bytes, tmp_path: Path) -> None:
    """Only the value itself is another one."""
    written(tmp_path, service=data)
    api.apply_fixes(tmp_path, api.fix(tmp_path))
    assert (tmp_path / "service.py").read_bytes() == data.replace(b"debug = True", b"debug = False")


def test_an_import_takes_the_line_ends_of_the_file(tmp_path: Path) -> None:
    """A new line in a CRLF file is a CRLF line, behind a byte order mark that stays first."""
    source = f"{FLASK}KEY = os.environ['KEY']\n\n\n@app.before_request\ndef check():\n    if request.headers['X-Key'] != KEY:\n        abort(401)\n"
    written(tmp_path, service=b"\xef\xbb\xbf" + source.encode().replace(b"\n", b"\r\n"))
    result = fixed(tmp_path).files["service.py"][1]
    assert result.startswith(b"\xef\xbb\xbfimport hmac\r\nimport os\r\n")
    assert result.count(b"\n") == result.count(b"\r\n")


@pytest.mark.parametrize(
    ("head", "result"),
    [
        (
            '"""Doc."""\n\nfrom __future__ import annotations\n\nfrom flask import Flask\n',
            '"""Doc."""\n\nfrom __future__ import annotations\n\nimport os\n\nfrom flask import Flask\n',
        ),
        ("# licence\n\nfrom flask import Flask\n", "# licence\n\nimport os\n\nfrom flask import Flask\n"),
        (
            "#!/usr/bin/env python\nimport json\nimport sys\n\nfrom flask import Flask\n",
            "#!/usr/bin/env python\nimport json\nimport os\nimport sys\n\nfrom flask import Flask\n",
        ),
        (
            "# about typing\nfrom typing import Any\n\nfrom flask import Flask\n",
            "# about typing\nimport os\nfrom typing import Any\n\nfrom flask import Flask\n",
        ),
        ("__all__ = ['app']\nimport sys\nfrom flask import Flask\n", "__all__ = ['app']\nimport os\nimport sys\nfrom flask import Flask\n"),
        ("try:\n    import os\nexcept ImportError:\n    os = None\nfrom flask import Flask\n", ""),
        ("from flask import Flask\napp = 1\n", "import os\n\nfrom flask import Flask\napp = 1\n"),
    ],
)
def test_imports_stand_where_a_person_puts_them(head: str, result: str, tmp_path: Path) -> None:
    """Behind docstring, future and licence, sorted among their kind; a name that may be None is not relied on."""
    rest = "\napp = Flask(__name__)\napp.secret_key = 'Zk3Lm9Qw7Rt5Yx2V'\n"
    fixes = fixed(written(tmp_path, service=head + rest), "hardcoded-secret")
    fresh = rest.replace("'Zk3Lm9Qw7Rt5Yx2V'", "os.environ['SECRET_KEY']")
    assert [patch.after.decode() for patch in fixes.patches] == ([result + fresh] if result else [])


def test_an_import_below_its_first_use_is_made_anew(tmp_path: Path) -> None:
    """The name must be bound where the patch uses it."""
    source = "from flask import Flask\napp = Flask(__name__)\napp.secret_key = 'Zk3Lm9Qw7Rt5Yx2V'\nimport os\n"
    assert after(fixed(written(tmp_path, service=source)), "service.py").startswith("import os\n\nfrom flask import Flask\n")


def test_the_mode_of_a_file_stays(tmp_path: Path) -> None:
    """An executable stays one."""
    written(tmp_path, service=BODY)
    (tmp_path / "service.py").chmod(0o750)
    api.apply_fixes(tmp_path, api.fix(tmp_path))
    assert (tmp_path / "service.py").stat().st_mode & 0o777 == 0o750


def test_a_file_that_changed_meanwhile_stops_everything(tmp_path: Path) -> None:
    """Neither it nor any other file is written."""
    written(tmp_path, a=DEBUG, b=DEBUG)
    fixes = api.fix(tmp_path)
    (tmp_path / "b.py").write_text("# new\n")
    with pytest.raises(UsageError, match=r"b\.py: has changed since it was read; nothing was written"):
        api.apply_fixes(tmp_path, fixes)
    assert ((tmp_path / "a.py").read_text(), (tmp_path / "b.py").read_text()) == (DEBUG, "# new\n")


def test_a_write_that_fails_takes_the_others_back(tmp_path: Path) -> None:
    """All files or none: the first is as it was when the second cannot be written."""
    written(tmp_path, a=DEBUG, b=DEBUG)
    fixes = api.fix(tmp_path)
    (tmp_path / f".b.py.{os.getpid()}.tmp").mkdir()
    with pytest.raises(UsageError):
        api.apply_fixes(tmp_path, fixes)
    assert {(tmp_path / name).read_text() for name in ("a.py", "b.py")} == {DEBUG}


def test_a_single_file_can_be_fixed(tmp_path: Path) -> None:
    """PATH may be a file."""
    file = written(tmp_path, service=BODY) / "service.py"
    assert api.apply_fixes(file, api.fix(file)) == [file]
    assert "debug = False" in file.read_text()


def test_newer_syntax_is_left_alone_or_kept(tmp_path: Path) -> None:
    """A file that only a newer Python reads is patched or declined, never broken: what is new in it stays."""
    source = FLASK + "def first[T](x: list[T]) -> T:\n    return x[0]\n\n\napp.debug = True\n"
    fixes = fixed(written(tmp_path, service=source))
    assert after(fixes, "service.py") == source.replace("= True", "= False")


def test_a_file_that_is_nested_too_deeply_is_declined(tmp_path: Path) -> None:
    """A sum of a thousand terms, as programs write it: the scan reads it, the editor says that it cannot."""
    fixes = fixed(written(tmp_path, service=DEBUG + f"X = {' + '.join(['1'] * 1000)}\n", other=DEBUG))
    assert [patch.file for patch in fixes.patches] == ["other.py"]
    assert [left.why for left in fixes.left] == ["no automatic fix: the file is nested too deeply for the editor"]


def found(weakness: str, severity: Severity, line: int = 1) -> Finding:
    return Finding(weakness, severity, Confidence.HIGH, weakness, Location("a.py", line))


OLD = found("key-in-query-string", Severity.HIGH)
PLAN = Plan((OLD,), "a.py", {}, "")


@pytest.mark.parametrize(
    ("after_it", "why"),
    [
        (Scan("t"), None),
        (Scan("t", findings=(OLD,)), "after it the finding was still there"),
        (Scan("t", findings=(replace(OLD, at=Location("a.py", 9)),)), "after it the finding was still there"),
        (Scan("t", findings=(found("timing-unsafe-comparison", Severity.MEDIUM),)), None),
        (Scan("t", findings=(found("key-logged", Severity.HIGH),)), "it would bring key-logged in its place: key-logged"),
        (
            Scan("t", findings=(found("auth-fails-open", Severity.CRITICAL),)),
            "it would bring auth-fails-open in its place: auth-fails-open",
        ),
        (Scan("t", skipped=(Skipped("a.py", "invalid syntax", serious=True),)), "after it a file could no longer be read"),
    ],
)
def test_a_change_holds_only_when_its_finding_goes_and_nothing_as_grave_comes(after_it: Scan, why: str | None) -> None:
    """Lighter ones may come to light, and are told."""
    verdict = judge(Scan("t", findings=(OLD,)), after_it, [PLAN])
    assert verdict.why == why
    assert verdict.revealed == (after_it.findings if why is None else ())


def test_what_was_explained_by_the_finding_is_no_new_one() -> None:
    """A weakness's page says what it subsumes: that was there all the time."""
    old, hidden = found("hardcoded-secret", Severity.HIGH), found("jwt-weak-secret", Severity.HIGH)
    verdict = judge(Scan("t", findings=(old,)), Scan("t", findings=(hidden,)), [Plan((old,), "a.py", {}, "")])
    assert (verdict.why, verdict.revealed) == (None, (hidden,))


def test_a_patch_that_the_scan_refuses_is_told_and_does_not_hinder_the_others(tmp_path: Path) -> None:
    """A guard that the scan cannot follow is not kept; the patch of the other file is."""
    settings = "import os\n\n\nclass Config:\n    EXPORT_KEY = os.environ.get('EXPORT_KEY')\n"
    source = "from flask import Flask, abort, current_app, request\nfrom settings import Config\n\napp = Flask(__name__)\n"
    source += "app.config.from_object(Config)\napp.debug = True\n\n\n@app.get('/v1/export')\ndef export():\n"
    source += "    if request.headers.get('X-Key') == current_app.config.get('EXPORT_KEY'):\n        return {}\n    abort(403)\n"
    fixes = fixed(written(tmp_path, service=source, settings=settings), "auth-fails-open", "debug-mode")
    assert [patch.finding.weakness for patch in fixes.patches] == ["debug-mode"]
    assert [left.why for left in fixes.left] == ["after it a route that was protected no longer seems to be"]
