"""Discovery of the files of a tree: what is read, what is counted, what is told as skipped."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ostiary.errors import UsageError
from ostiary.model.scan import Skipped
from ostiary.scan.code.walk import SIZE_LIMIT, SourceFile, Walk, walk

ROUTE = b"@app.route('/orders')\ndef orders(): ...\n"

Plant = Callable[..., Path]


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    """Makes files, named by their posix paths, below a root that is in no git work tree; returns the root."""
    root = tmp_path / "service"
    root.mkdir()

    def make(*names: str) -> Path:
        for name in names:
            put(root, name)
        return root

    return make


def put(root: Path, name: str, content: bytes = b"x = 1\n") -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def paths(files: tuple[SourceFile, ...]) -> list[str]:
    return [file.path for file in files]


def read(root: Path, **options: bool) -> list[str]:
    return paths(walk(root, **options).files)


# What is read


def test_finds_python_files_in_order(plant: Plant) -> None:
    """Paths are posix, relative to the root and sorted, whatever the file system's order."""
    assert read(plant("b.py", "a/z.py", "a/b/c.py", "a.py", "README.md")) == ["a.py", "a/b/c.py", "a/z.py", "b.py"]


def test_reads_bytes_as_they_are(plant: Plant) -> None:
    """Decoding is the engine's matter: the bytes arrive untouched."""
    source = "# -*- coding: latin-1 -*-\nname = 'é'\r\n".encode("latin-1")
    put(plant(), "a.py", source)
    assert walk(plant()).files == (SourceFile("a.py", source, "developer"),)


def test_root_may_be_one_file(plant: Plant) -> None:
    """A single file is read under its own name, even where a tree's rules would leave it out."""
    root = plant("app/tests/test_app.py", "app/.gitignore")
    put(root, "app/.gitignore", b"*.py\n")
    assert walk(root / "app/tests/test_app.py").files == (SourceFile("test_app.py", b"x = 1\n", "developer"),)


def test_root_may_be_one_document(plant: Plant) -> None:
    """A single OpenAPI document is a document, not Python."""
    path = put(plant(), "openapi.json", b'{"openapi": "3.1.0"}')
    assert paths(walk(path).documents) == ["openapi.json"]


def test_empty_folder_is_an_empty_walk(plant: Plant) -> None:
    """Nothing there is no error."""
    assert walk(plant()) == Walk()


@pytest.mark.parametrize("name", ["missing", "missing/app.py", "nul\0byte"])
def test_missing_root_is_the_users_mistake(plant: Plant, name: str) -> None:
    """A path that does not exist is a clear error, not an empty result."""
    with pytest.raises(UsageError, match="no such file or folder"):
        walk(plant() / name)


def test_root_that_is_no_file_is_the_users_mistake(plant: Plant) -> None:
    """A pipe or device is not opened: it would block."""
    pipe = plant() / "pipe.py"
    os.mkfifo(pipe)
    with pytest.raises(UsageError, match="neither a file nor a folder"):
        walk(pipe)


# What is left out


@pytest.mark.parametrize(
    "folder",
    [".git", "node_modules", "site-packages", "__pycache__", ".tox", ".nox", ".mypy_cache", "app.egg-info", "a/b/.eggs"],
)
def test_leaves_out_what_tools_made(plant: Plant, folder: str) -> None:
    """Caches, metadata and installed packages are not the service's code."""
    assert read(plant("app.py", f"{folder}/hook.py")) == ["app.py"]


@pytest.mark.parametrize("trace", ["pyvenv.cfg", "conda-meta/history"])
def test_leaves_out_virtual_environments_of_any_name(plant: Plant, trace: str) -> None:
    """An environment is known by what it holds, not by being called .venv."""
    assert read(plant("app.py", f"my-env/{trace}", "my-env/lib/flask.py")) == ["app.py"]


@pytest.mark.parametrize("trace", ["build/lib/app.py", "build/bdist.linux-x86_64/x.txt", "dist/app-1.0.tar.gz", "dist/app-1.0.whl"])
def test_leaves_out_generated_builds(plant: Plant, trace: str) -> None:
    """A build is a copy of the code: reading it would double every route."""
    assert read(plant("app.py", trace, f"{trace.partition('/')[0]}/deep/copy.py")) == ["app.py"]


def test_reads_a_package_that_is_called_build(plant: Plant) -> None:
    """``build`` is also a word of services that build things."""
    assert read(plant("build/__init__.py", "build/lib/views.py")) == ["build/__init__.py", "build/lib/views.py"]


@pytest.mark.parametrize("folder", ["vendor", "pkg/_vendor", "third_party"])
def test_says_that_vendored_code_is_not_read(plant: Plant, folder: str) -> None:
    """Vendored packages are passed over, and the user is told."""
    found = walk(plant("app.py", f"{folder}/six.py", f"{folder}/flask/app.py"))
    assert paths(found.files) == ["app.py"]
    assert found.skipped == (Skipped(f"{folder}/", "vendored code is not read"),)


def test_reads_routes_of_a_service_that_has_vendors(plant: Plant) -> None:
    """A folder ``vendor`` with routes right in it is the service's own code."""
    root = plant("vendor/models.py")
    put(root, "vendor/views.py", ROUTE)
    assert read(root) == ["vendor/models.py", "vendor/views.py"]


# .gitignore


@pytest.mark.parametrize(
    ("rules", "kept"),
    [
        (b"secret.py\n", ["a/other.py", "other.py"]),
        (b"/secret.py\n", ["a/other.py", "a/secret.py", "other.py"]),
        (b"a/\n", ["other.py", "secret.py"]),
        (b"a/*\n!a/other.py\n", ["a/other.py", "other.py", "secret.py"]),
        (b"# secret.py\n\n", ["a/other.py", "a/secret.py", "other.py", "secret.py"]),
        (b"*.py\n!oth[xd]r.py\n", []),
        (b"*.py\n!oth[xe]r.py\n", ["a/other.py", "other.py"]),
        (b"s*t.p?\n", ["a/other.py", "other.py"]),
        (b"**/secret.*\n", ["a/other.py", "other.py"]),
        (b"[^o]*.py\n", ["a/other.py", "other.py"]),
        (b"secre\\t.py\n", ["a/other.py", "other.py"]),
        (b"SECRET.PY\n", ["a/other.py", "a/secret.py", "other.py", "secret.py"]),
        (b"a\n", ["other.py", "secret.py"]),
        (b"a/**\n", ["other.py", "secret.py"]),
        (b"secret.py  \n", ["a/other.py", "other.py"]),
        (b"*.py\n!/secret.py\n", ["secret.py"]),
        (b"/secret.py\n!secret.py\n", ["a/other.py", "a/secret.py", "other.py", "secret.py"]),
        (b"*\n!*/\n!secret.py\n", ["a/secret.py", "secret.py"]),
        (b"other.py/\n", ["a/other.py", "a/secret.py", "other.py", "secret.py"]),
        (b"\xff\xfe\n[z-a]\n!\n/\nsecret.py\r\n", ["a/other.py", "other.py"]),
    ],
)
def test_honours_gitignore(plant: Plant, rules: bytes, kept: list[str]) -> None:
    """Patterns mean what gitignore(5) says; broken lines are passed over."""
    root = plant("secret.py", "other.py", "a/secret.py", "a/other.py")
    put(root, ".gitignore", rules)
    assert read(root) == kept


def test_gitignore_comments_can_be_escaped(plant: Plant) -> None:
    """``#`` begins a comment, ``\\#`` and ``\\!`` a name."""
    root = plant("#a.py", "#b.py", "!c.py")
    put(root, ".gitignore", b"#a.py\n\\#b.py\n\\!c.py\n")
    assert read(root) == ["#a.py"]


@pytest.mark.parametrize("rules", [b"**/b/x.py\n", b"a/**/x.py\n", b"**/a/**/x.py\n", b"a/**\n!a/*/\n"])
def test_gitignore_stars_stand_for_any_number_of_folders(plant: Plant, rules: bytes) -> None:
    """``**`` between slashes is no folder, one, or many."""
    root = plant("a/b/x.py", "a/c/b/x.py", "a/c/c/b/x.py", "c/y.py")
    put(root, ".gitignore", rules)
    assert read(root) == ["c/y.py"]


def test_inner_gitignore_overrules_the_outer(plant: Plant) -> None:
    """The rules nearest to a file decide, and they start at their own folder."""
    root = plant("a/gen/x.py", "a/keep.py", "b/gen/x.py", "keep.py")
    put(root, ".gitignore", b"keep.py\n")
    put(root, "a/.gitignore", b"/gen\n!keep.py\n")
    assert read(root) == ["a/keep.py", "b/gen/x.py"]


def test_nothing_comes_back_from_an_ignored_folder(plant: Plant) -> None:
    """As in git, a file cannot be taken back in when its folder is left out."""
    root = plant("a/keep.py", "b.py")
    put(root, ".gitignore", b"a/\n!a/keep.py\n")
    assert read(root) == ["b.py"]


def test_rules_above_the_root_count_up_to_the_git_top(plant: Plant) -> None:
    """Scanning a part of a repository follows the whole repository's rules, and nothing above it."""
    outer = plant("repo/api/v1/app.py", "repo/api/v1/gen/x.py", "repo/api/v1/tmp/x.py", "repo/.git/HEAD")
    put(outer, ".gitignore", b"app.py\n")
    put(outer, "repo/.gitignore", b"/api/v1/gen/\n")
    put(outer, "repo/api/.gitignore", b"tmp\n")
    assert read(outer / "repo/api/v1") == ["app.py"]


def test_rules_above_the_root_do_not_count_outside_git(plant: Plant) -> None:
    """Without a repository the folders above have no say."""
    outer = plant("api/app.py")
    put(outer, ".gitignore", b"app.py\n")
    assert read(outer / "api") == ["app.py"]


def test_reads_an_ignored_root(plant: Plant) -> None:
    """A folder that its repository ignores was named on purpose."""
    outer = plant("repo/.git/HEAD", "repo/gen/app.py")
    put(outer, "repo/.gitignore", b"gen/\n*.py\n")
    assert read(outer / "repo/gen") == ["app.py"]


def test_linked_gitignore_is_not_read(plant: Plant, tmp_path: Path) -> None:
    """A tree cannot make the scanner read a file elsewhere."""
    root = plant("app.py")
    put(tmp_path, "elsewhere", b"*.py\n")
    (root / ".gitignore").symlink_to(tmp_path / "elsewhere")
    assert read(root) == ["app.py"]


def test_hostile_gitignore_does_not_stop_a_scan(plant: Plant) -> None:
    """Patterns that take for ever to fail are not honoured."""
    root = plant(*(f"{'a' * 200}/{'a' * 200}{number}/x.py" for number in range(5)))
    put(root, ".gitignore", b"*a*a*a*a*a*a*a*a*b/x.py\n" * 50 + b"**/*a*a*a*b/**/*.py\n")
    started = time.process_time()
    assert len(read(root)) == 5
    assert time.process_time() - started < 1


def test_honours_exclude(plant: Plant) -> None:
    """A user's own patterns are written like a .gitignore at the root, and win over every ``!pattern``."""
    root = plant("app.py", "legacy/app.py", "a/legacy/app.py", "gen_a.py", "a/gen_b.py")
    put(root, ".gitignore", b"!gen_a.py\n")
    assert paths(walk(root, exclude=["/legacy", "gen_*.py"]).files) == ["a/legacy/app.py", "app.py"]


def test_refuses_a_bad_exclude(plant: Plant) -> None:
    """A pattern that means nothing is the user's mistake, not silence."""
    with pytest.raises(UsageError, match="exclude"):
        walk(plant(), exclude=["!"])


# Samples


SAMPLES = [
    *("tests/x.py", "test/x.py", "Tests/x.py", "app/tests/deep/x.py", "test_app.py", "app_test.py", "tests.py", "conftest.py"),
    *("examples/x.py", "docs/conf.py", "docs_src/x.py", "migrations/versions/x.py", "alembic/versions/x.py"),
]


@pytest.mark.parametrize("name", SAMPLES)
def test_counts_samples_and_does_not_read_them(plant: Plant, name: str) -> None:
    """Tests, examples, documentation and migrations are counted; their content never arrives."""
    found = walk(plant("app.py", name))
    assert (paths(found.files), found.samples, found.skipped) == (["app.py"], 1, ())


@pytest.mark.parametrize("name", SAMPLES)
def test_reads_samples_when_asked_to(plant: Plant, name: str) -> None:
    """With ``include_tests`` samples are read, and known as such."""
    found = walk(plant("app.py", name), include_tests=True)
    assert {file.path: file.audience for file in found.files} == {"app.py": "developer", name: "sample"}
    assert found.samples == 0


@pytest.mark.parametrize("name", ["contest.py", "latest.py", "versions/v1.py", "testing/x.py", "app/docs.py"])
def test_similar_names_are_no_samples(plant: Plant, name: str) -> None:
    """Only whole names make a sample."""
    assert read(plant(name, "zzz.py")) == [name, "zzz.py"]


def test_samples_are_judged_from_the_root_down(plant: Plant) -> None:
    """A root inside ``examples`` is a service like any other."""
    root = plant("examples/shop/app.py", "examples/shop/tests/test_app.py")
    found = walk(root / "examples/shop")
    assert (paths(found.files), found.files[0].audience, found.samples) == (["app.py"], "developer", 1)


def test_reads_a_tree_of_nothing_but_samples(plant: Plant) -> None:
    """Where nothing else is there, samples are what the user wants to see, as a developer's code."""
    found = walk(plant("examples/app.py", "tests/test_app.py"))
    assert [file.audience for file in found.files] == ["developer", "developer"]
    assert found.samples == 0


# Documents


def test_finds_documents_by_content(plant: Plant) -> None:
    """YAML and JSON that state an OpenAPI or Swagger version in their first bytes are candidates; the rest is not read."""
    root = plant("compose.yaml")
    put(root, "package.json", b'{"scripts": {"openapi": "make"}, "devDependencies": {"swagger-ui": "^3.1"}}')
    put(root, "api/spec.yml", b"info: {}\nopenapi: 3.1.0\n")
    put(root, "old.json", b'{"swagger":"2.0"}')
    put(root, "late.json", b" " * 5000 + b'{"openapi": "3.0.0"}')
    assert paths(walk(root).documents) == ["api/spec.yml", "old.json"]


def test_documents_arrive_whole(plant: Plant) -> None:
    """What was read to decide is part of the document."""
    document = b"openapi: 3.1.0\n" + b"# " + b"x" * 10000
    put(plant(), "openapi.yaml", document)
    assert walk(plant()).documents[0].source == document


def test_documents_in_docs_are_the_services_own(plant: Plant) -> None:
    """docs/ holds an API's real document; tests/ and examples/ hold samples."""
    root = plant("app.py")
    for folder in ("docs", "tests", "examples"):
        put(root, f"{folder}/openapi.yaml", b"openapi: 3.1.0\n")
    assert paths(walk(root).documents) == ["docs/openapi.yaml"]
    assert [file.audience for file in walk(root, include_tests=True).documents] == ["developer", "sample", "sample"]


def test_big_document_is_told(plant: Plant) -> None:
    """An OpenAPI document that is too big is listed, and data that is too big is not."""
    root = plant()
    put(root, "openapi.json", b'{"openapi": "3.1.0"}' + b" " * SIZE_LIMIT)
    put(root, "data.json", b"[]" + b" " * SIZE_LIMIT)
    assert walk(root).skipped == (Skipped("openapi.json", "OpenAPI document larger than 2 MB"),)


# Hostile and broken trees


@pytest.mark.parametrize(("content", "serious"), [(b"DATA = 1\n", False), (ROUTE, True)])
def test_big_python_file_is_told(plant: Plant, content: bytes, serious: bool) -> None:
    """A file that is too big is listed, and it is serious when it looks as if it held routes."""
    put(plant(), "big.py", content + b"#" * SIZE_LIMIT)
    assert walk(plant()).skipped == (Skipped("big.py", "larger than 2 MB", serious),)


@pytest.mark.parametrize(("content", "serious"), [(b"\x7fELF\0\0", False), (ROUTE + b"\0", True)])
def test_binary_is_told(plant: Plant, content: bytes, serious: bool) -> None:
    """A binary file that is called Python is listed and not handed on."""
    put(plant(), "a.py", content)
    assert walk(plant()) == Walk(skipped=(Skipped("a.py", "binary, not Python source", serious),))


def test_notebooks_are_told_once(plant: Plant) -> None:
    """Notebooks are one line with their number."""
    assert walk(plant("a.ipynb", "b/c.ipynb")).skipped == (Skipped("*.ipynb: 2", "notebooks are not read yet"),)


@pytest.mark.parametrize("name", ["app.py", "tests/test_app.py"])
def test_unreadable_file_is_told(plant: Plant, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What may not be read is listed; outside samples it is serious, since anything can be in it."""
    root = plant("a.py", name)

    def refuse(path: str, *args: object, **options: object) -> object:
        if path.endswith("app.py"):
            raise PermissionError(13, "Permission denied", path)
        return open(path, *args, **options)  # type: ignore[call-overload]

    monkeypatch.setattr("ostiary.scan.code.walk.open", refuse, raising=False)
    found = walk(root, include_tests=True)
    assert found.skipped == (Skipped(name, "cannot be read: Permission denied", serious=name == "app.py"),)


def test_unreadable_folder_is_told(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that may not be listed can hide routes."""
    root = plant("app.py", "private/app.py")
    real = os.scandir

    def refuse(path: str) -> object:
        if path.endswith("private"):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr("ostiary.scan.code.listing.os.scandir", refuse)
    assert walk(root).skipped == (Skipped("private/", "cannot be read: Permission denied", serious=True),)


def test_special_files_are_not_opened(plant: Plant) -> None:
    """A pipe called app.py would block a reader for ever."""
    root = plant("a.py")
    os.mkfifo(root / "app.py")
    assert read(root) == ["a.py"]


def test_links_make_no_loops_and_no_doubles(plant: Plant) -> None:
    """What a link inside the tree leads to is read once, at its own place."""
    root = plant("a/app.py")
    (root / "a/self").symlink_to(root)
    (root / "copy.py").symlink_to(root / "a/app.py")
    (root / "loop").symlink_to(root / "loop")
    found = walk(root)
    assert (paths(found.files), found.skipped) == (["a/app.py"], ())


def test_links_out_of_the_tree_are_told_and_not_followed(plant: Plant, tmp_path: Path) -> None:
    """A tree cannot lead the scanner elsewhere; a Python file behind such a link may have held routes."""
    root = plant("app.py")
    put(tmp_path, "service-two/auth.py")
    (root / "auth.py").symlink_to(tmp_path / "service-two/auth.py")
    (root / "shared").symlink_to(tmp_path / "service-two")
    (root / "logo.png").symlink_to(tmp_path / "service-two/auth.py")
    why = "a link that leads out of the scanned tree"
    found = walk(root)
    assert (paths(found.files), found.skipped) == (["app.py"], (Skipped("auth.py", why, serious=True), Skipped("shared/", why)))


def test_root_may_be_a_link(plant: Plant, tmp_path: Path) -> None:
    """A link that the user names is followed: it is the user's word."""
    (tmp_path / "link").symlink_to(plant("app.py"))
    assert read(tmp_path / "link") == ["app.py"]


def test_deep_tree_does_not_break_the_walk(plant: Plant) -> None:
    """A tree deeper than a path may be long ends in a line, not in a traceback."""
    root = plant("app.py")
    above = os.open(root, os.O_RDONLY)
    for _ in range(60):
        os.mkdir("d" * 100, dir_fd=above)
        below = os.open("d" * 100, os.O_RDONLY, dir_fd=above)
        os.close(above)
        above = below
    os.close(above)
    found = walk(root)
    assert paths(found.files) == ["app.py"]
    assert [(item.why, item.serious) for item in found.skipped] == [("cannot be read: File name too long", True)]


def test_names_cannot_speak_to_the_terminal(plant: Plant) -> None:
    """Control characters and bytes that are no text are shown escaped."""
    root = plant("a\x1b[2Jb.py")
    put(root, os.fsdecode(b"\xff.py"))
    assert read(root) == ["a\\x1b[2Jb.py", "\\udcff.py"]


def test_is_fast(plant: Plant) -> None:
    """Walking costs far less than parsing: here at most 0.1 ms a file, ten times what it takes on a slow machine."""
    root = plant(*(f"pkg{number % 20}/module_{number}.py" for number in range(1000)))
    put(root, ".gitignore", b"".join(b"*.%d\nname%d/\n" % (number, number) for number in range(100)) + b"*.py[cod]\n*~*\n")
    started = time.process_time()
    assert len(read(root)) == 1000
    assert time.process_time() - started < 0.1
