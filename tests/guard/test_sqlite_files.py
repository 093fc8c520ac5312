"""SQLite files: a mistake is a sentence with the path in it, an outage is StoreDown, a lock is Busy; nothing is lost."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from ostiary.errors import UsageError
from ostiary.guard.stores._sqlite import Database
from ostiary.guard.stores.base import Busy, StoreDown

FIRST = (("CREATE TABLE t (x INTEGER)",),)
SECOND = (*FIRST, ("ALTER TABLE t ADD COLUMN y INTEGER", "UPDATE t SET y = x * 2"))


def make(path: Path) -> Database:
    return Database(path, "keys", FIRST)


def add(database: Database, number: int) -> None:
    with database.transaction() as connection:
        connection.execute("INSERT INTO t (x) VALUES (?)", (number,))


def numbers(database: Database) -> list[int]:
    with database.connection() as connection:
        return [row[0] for row in connection.execute("SELECT x FROM t ORDER BY x")]


def patiently(ask: Callable[[], list[int]]) -> list[int]:
    """Asks again while the store is busy, as the guard's drivers do."""
    while True:
        with contextlib.suppress(Busy):
            return ask()


def test_only_the_owner_reads_it(tmp_path: Path) -> None:
    """The file and what SQLite puts beside it have mode 0600, whatever the umask."""
    before = os.umask(0)
    try:
        database = make(tmp_path / "a.db")
        add(database, 1)
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert modes == {"a.db": 0o600, "a.db-wal": 0o600, "a.db-shm": 0o600}
    database.close()


def test_a_file_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    """A directory, a missing folder, a file as folder, something that is no database: UsageError with the path."""
    text = tmp_path / "notes.txt"
    text.write_text("to do: sleep" * 100)
    for path in (tmp_path, tmp_path / "missing" / "a.db", text / "a.db", text):
        with pytest.raises(UsageError) as caught:
            make(path)
        assert str(path) in str(caught.value)
    assert text.read_text() == "to do: sleep" * 100


def test_a_place_where_we_may_not_write_is_refused() -> None:
    """Somebody else's folder, and somebody else's file: a sentence with the path, no traceback."""
    script = (
        "import os, sys\nfrom ostiary.errors import UsageError\nfrom ostiary.guard.stores.sqlite_counters import SqliteCounters\n"
        "if os.geteuid() == 0: os.setuid(65534)\n"
        "for name in sys.argv[1:]:\n    try: SqliteCounters(name)\n    except UsageError as error: print(error)\n"
    )
    # not pytest's folder: nobody but its owner gets through that
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "theirs.db").touch(0o400)
        folder.chmod(0o555)
        names = [str(folder / "new.db"), str(folder / "theirs.db")]
        done = subprocess.run([sys.executable, "-c", script, *names], capture_output=True, text=True, check=False)
        folder.chmod(0o755)
    assert done.stdout.splitlines() == [f"{name} cannot be opened: Permission denied" for name in names]


def test_another_program_s_database_is_left_as_it_is(tmp_path: Path) -> None:
    """A database that is not ours, or of another role, is refused, and not a byte of it changes."""
    theirs, keys = tmp_path / "app.db", tmp_path / "keys.db"
    connection = sqlite3.connect(theirs)
    connection.execute("CREATE TABLE users (id)")
    connection.commit()
    connection.close()
    before = theirs.read_bytes()
    make(keys).close()
    for path, role in ((theirs, "keys"), (keys, "counters")):
        with pytest.raises(UsageError, match="a file of its own"):
            Database(path, role, FIRST)
    assert theirs.read_bytes() == before


def test_an_older_schema_is_brought_up_to_date(tmp_path: Path) -> None:
    """The steps that are missing are taken, once, and the rows are kept."""
    old = make(tmp_path / "a.db")
    add(old, 21)
    old.close()
    for _ in range(2):
        database = Database(tmp_path / "a.db", "keys", SECOND)
        with database.connection() as connection:
            assert connection.execute("SELECT * FROM t").fetchall() == [(21, 42)]
        database.close()


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    """A file from a newer Ostiary is not touched: the sentence says to upgrade."""
    Database(tmp_path / "a.db", "keys", SECOND).close()
    with pytest.raises(UsageError, match=r"newer Ostiary \(schema 2, this one knows 1\): upgrade"):
        make(tmp_path / "a.db")


def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    """All steps or none."""
    make(tmp_path / "a.db").close()
    broken = (*FIRST, ("CREATE TABLE u (x)", "CREATE TABLE nonsense ("))
    with pytest.raises(UsageError, match=r"syntax|incomplete"):
        Database(tmp_path / "a.db", "keys", broken)
    database = make(tmp_path / "a.db")
    with database.connection() as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("t",)]
    database.close()


def test_many_processes_may_open_a_new_file_at_once(tmp_path: Path) -> None:
    """Workers that start together all find a whole schema."""
    script = (
        f"import sys\nsys.path.insert(0, {str(Path(__file__).parents[2])!r})\nfrom tests.guard.test_sqlite_files import *\ninput()\n"
        "database = Database(sys.argv[1], 'keys', SECOND)\nprint(patiently(lambda: numbers(database)))\n"
    )
    for attempt in range(3):
        command = [sys.executable, "-c", script, str(tmp_path / f"{attempt}.db")]
        workers = [
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(6)
        ]
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write("\n")
            worker.stdin.flush()
        answers = [worker.communicate(timeout=60) for worker in workers]
        assert answers == [("[]\n", "")] * 6


def test_a_lock_is_busy_and_changes_nothing(tmp_path: Path) -> None:
    """While another connection writes, Busy comes at once; reading goes on; afterwards all is well."""
    database = make(tmp_path / "a.db")
    add(database, 1)
    other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Busy, match="locked"):
        add(database, 2)
    assert numbers(database) == [1]
    other.execute("ROLLBACK")
    other.close()
    add(database, 2)
    assert numbers(database) == [1, 2]
    database.close()


def test_what_is_raised_inside_undoes_the_transaction(tmp_path: Path) -> None:
    """A transaction is all or nothing, and the connection is fit for the next."""
    database = make(tmp_path / "a.db")
    with pytest.raises(ZeroDivisionError), database.transaction() as connection:
        _ = connection.execute("INSERT INTO t VALUES (1)").rowcount // 0
    add(database, 2)
    assert numbers(database) == [2]
    database.close()


def test_an_outage_is_down_and_then_over(tmp_path: Path) -> None:
    """A file that is gone or broken is StoreDown, an error of SQL too; when the file is back it is used again, with no restart."""
    database, path = make(tmp_path / "a.db"), tmp_path / "a.db"
    add(database, 1)
    with pytest.raises(StoreDown, match="no such table"), database.connection() as connection:
        connection.execute("SELECT * FROM missing")
    database.close()
    whole = path.read_bytes()
    path.unlink()
    with pytest.raises(StoreDown, match="gone"):
        add(database, 2)
    assert not path.exists()
    path.write_bytes(b"\xff" * len(whole))
    with pytest.raises(StoreDown, match="not a database"):
        add(database, 2)
    path.write_bytes(whole)
    add(database, 3)
    assert numbers(database) == [1, 3]
    database.close()


def test_a_full_disk_is_down_and_what_was_written_stays(tmp_path: Path) -> None:
    """At the size limit writing is StoreDown; nothing of the failed transaction is there, all of the others is."""
    database = Database(tmp_path / "a.db", "keys", (("CREATE TABLE t (x, y)",),), pragmas=("max_page_count=20",))
    written = 0

    def write_on() -> None:
        nonlocal written
        while True:
            with database.transaction() as connection:
                connection.execute("INSERT INTO t VALUES (?, ?)", (written, "x" * 1000))
            written += 1

    with pytest.raises(StoreDown, match="full"):
        write_on()
    assert numbers(database) == list(range(written))
    database.close()


def test_threads_have_connections_of_their_own(tmp_path: Path) -> None:
    """Each thread its own, opened once; close() closes those of all, and they open again."""
    database = make(tmp_path / "a.db")
    seen: list[int] = []

    def use() -> None:
        for _ in range(3):
            with database.connection() as connection:
                seen.append(id(connection))
        held.wait()
        database.close()
        again.wait()
        ends.append(patiently(lambda: numbers(database)))

    held, again, ends = threading.Barrier(4), threading.Barrier(4), list[list[int]]()
    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(set(seen)), ends) == (4, [[]] * 4)
    database.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_no_connection_lives_through_a_fork(tmp_path: Path) -> None:
    """A fork closes the parent's connections first; one that it could not see leaves the child with one of its own, and the file whole."""
    script = (
        "import os, sys\nfrom pathlib import Path\n"
        f"sys.path.insert(0, {str(Path(__file__).parents[2])!r})\n"
        "from tests.guard.test_sqlite_files import *\n"
        "from ostiary.guard.stores import _sqlite\n"
        "database = make(Path(sys.argv[1]))\nadd(database, 1)\n"
        "handle = database._local.handle\n"
        "if os.fork() == 0:\n"
        "    assert handle._connection is None and len(database._handles) == 0\n"
        "    add(database, 2)\n"
        "    assert database._local.handle is not handle\n"
        "    sys.exit()\n"
        "assert os.wait()[1] == 0 and handle._connection is None\n"
        "add(database, 3)\n"
        # a fork that runs no hooks of Python
        "database._local.handle.pid -= 1\n"
        "add(database, 4)\n"
        "print(numbers(database), database._local.handle is not handle)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script, str(tmp_path / "a.db")], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr) == ("[1, 2, 3, 4] True\n", "")
