"""``ostiary keys``: what is printed where, what is made, what is refused."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from ostiary.cli.app import app
from ostiary.cli.keys import COMMANDS
from ostiary.guard.event import Event
from ostiary.guard.keyrecord import Standing
from ostiary.guard.stores import open_store
from ostiary.wire import apikey
from tests.cli.keys import keys, made, shown, standing
from tests.cli.run import COMMAND, environment, ostiary

REFERENCE = (Path(__file__).parents[2] / "docs" / "reference.md").read_text(encoding="utf-8")
KEY = re.compile(r"ost_sk_live_[0-9A-Za-z]{51}\n")
NOW = 1_800_000_000.0


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_help_teaches_by_example_and_every_option_is_in_the_reference(command: str) -> None:
    """Something that can be typed; nothing undocumented."""
    assert f"  ostiary keys {command}" in ostiary("keys", command, "--help").stdout
    options = [name for option in COMMANDS[command].params if isinstance(option, click.Option) for name in option.opts]
    assert [name for name in (f"ostiary keys {command}", *options) if f"`{name}" not in REFERENCE] == []


def test_the_commands_are_loaded_when_one_is_asked_for() -> None:
    """``ostiary --help`` stays quick, ``ostiary keys --help`` loads no guard."""
    code = "import sys; from ostiary.cli.app import app; app.main({words!r}, standalone_mode=False); print(*sys.modules, file=sys.stderr)"
    for words, absent in ((["--help"], "ostiary.cli.keys"), (["keys", "--help"], "ostiary.guard")):
        run = subprocess.run([sys.executable, "-c", code.format(words=words)], capture_output=True, text=True, check=True)
        assert absent not in run.stderr.split()
    assert set(app.commands["keys"].list_commands(click.Context(app.commands["keys"]))) == set(COMMANDS)  # type: ignore[attr-defined]


def test_the_first_minute_is_one_command(tmp_path: Path) -> None:
    """Store and pepper are made and said; the key is alone on standard output, and works."""
    run = keys("create", "--name", "mobile app", "--scope", "orders:read", "--expires", "90d", cwd=tmp_path)
    assert (run.returncode, bool(KEY.fullmatch(run.stdout))) == (0, True)
    assert "made ostiary.pepper and ostiary.db" in run.stderr
    assert "it is shown this once" in run.stderr
    assert run.stdout.strip()[24:] not in run.stderr
    assert standing(tmp_path, run.stdout.strip()) is Standing.OK


def test_init_makes_both_once(tmp_path: Path) -> None:
    """The second time it says that they are there."""
    first, second = keys("init", cwd=tmp_path), keys("init", cwd=tmp_path)
    assert (first.returncode, second.returncode, first.stdout + second.stdout) == (0, 0, "")
    assert "made ostiary.pepper and ostiary.db" in first.stderr
    assert "there already" in second.stderr
    assert "made" not in keys("create", cwd=tmp_path).stderr


def test_the_store_is_named_by_option_or_variable(tmp_path: Path) -> None:
    """The option counts more."""
    (tmp_path / "a").mkdir()
    keys("create", cwd=tmp_path, OSTIARY_STORE="sqlite:///a/one.db")
    keys("create", "--store", "sqlite:///a/two.db", cwd=tmp_path, OSTIARY_STORE="sqlite:///a/one.db")
    assert sorted(file.name for file in (tmp_path / "a").glob("*.db")) == ["one.db", "two.db"]


def test_every_attribute_can_be_said_and_is_shown(tmp_path: Path) -> None:
    """In JSON, times in ISO 8601 UTC."""
    words = [
        "--name",
        "n",
        "--owner",
        "o",
        "--scope",
        "a:read",
        "--scope",
        "b:read:*",
        "--network",
        "10.0.0.0/8",
        "--origin",
        "https://x.example",
    ]
    words += ["--limit", "5 per minute", "--limit", "100/day", "--env", "test", "--kind", "pk", "--prefix", "acme", "--meta", "team=shop=1"]
    words += ["--not-before", "2030-01-01", "--expires", "2030-06-01T12:00:00+02:00", "--json"]
    run = keys("create", *words, cwd=tmp_path)
    value = json.loads(run.stdout)
    assert apikey.parse(value["key"]) is not None
    assert value["key"].startswith("acme_pk_test_" + value["id"])
    expected = {
        "state": "waiting",
        "name": "n",
        "owner": "o",
        "scopes": ["a:read", "b:read:*"],
        "networks": ["10.0.0.0/8"],
        "origins": ["https://x.example"],
        "limits": ["5 per minute", "100 per day"],
        "not_before": "2030-01-01T00:00:00Z",
        "expires": "2030-06-01T10:00:00Z",
        "metadata": {"team": "shop=1"},
        "last_used": None,
    }
    assert {name: value[name] for name in expected} == expected
    assert shown(tmp_path, value["id"]) == {name: item for name, item in value.items() if name != "key"}


def test_list_tells_state_scopes_end_and_last_use_and_nothing_secret(tmp_path: Path) -> None:
    """A table; the digest and the secret are in no output."""
    first, first_text = made(tmp_path, "--name", "mobile", "--owner", "alice", "--scope", "x:read")
    second, _ = made(tmp_path, "--name", "web", "--expires", "2030-01-01")
    keys("revoke", first, cwd=tmp_path)
    events = open_store(f"sqlite:///{tmp_path}/ostiary.db", "events")
    events.write([Event(NOW, principal="x", key_id=second, address="203.0.113.7")])
    events.close()
    table = keys("list", cwd=tmp_path).stdout
    assert re.search(rf"^revoked +{first}  mobile · alice\n +x:read · revoked 20", table, re.MULTILINE)
    assert re.search(
        rf"^working +{second}  web\n +no scopes · expires 2030-01-01T00:00:00Z · last used\s+2027-01-15T08:00:00Z from\s+203",
        table,
        re.MULTILINE,
    )
    both = table + keys("list", "--json", cwd=tmp_path).stdout + keys("show", first, cwd=tmp_path).stdout
    assert first_text[24:32] not in both
    assert "digest" not in both


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ([], ["mobile", "web", "old"]),
        (["mob"], ["mobile"]),
        (["--owner", "alice"], ["mobile"]),
        (["--env", "test"], ["web"]),
        (["--state", "revoked"], ["old"]),
        (["--state", "working"], ["mobile", "web"]),
        (["nobody"], []),
    ],
)
def test_list_filters(filled: Path, words: list[str], names: list[str]) -> None:
    """By text, owner, environment and state."""
    run = keys("list", *words, "--json", cwd=filled)
    assert [key["name"] for key in json.loads(run.stdout)["keys"]] == names


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """mobile and web work, old is revoked."""
    folder = tmp_path_factory.mktemp("filled")
    made(folder, "--name", "mobile", "--owner", "alice")
    keys("create", "--name", "web", "--env", "test", cwd=folder)
    keys("revoke", made(folder, "--name", "old")[0], cwd=folder)
    return folder


def test_rotate_prints_the_new_key_and_says_how_long_the_old_one_works(tmp_path: Path) -> None:
    """Both work in the overlap."""
    old, old_text = made(tmp_path, "--name", "mobile", "--scope", "x:read")
    run = keys("rotate", old, "--overlap", "7d", cwd=tmp_path)
    assert KEY.fullmatch(run.stdout)
    assert f"{old} works until {shown(tmp_path, old)['expires']}" in run.stderr
    assert [standing(tmp_path, text) for text in (old_text, run.stdout.strip())] == [Standing.OK, Standing.OK]
    keys("rotate", run.stdout.strip(), "--overlap", "0s", cwd=tmp_path)
    assert standing(tmp_path, run.stdout.strip()) is Standing.EXPIRED


def test_revoke_says_what_stops_working_by_id_or_by_the_key_itself(tmp_path: Path) -> None:
    """Name, owner, scopes, and that no use is on record."""
    first, first_text = made(tmp_path, "--name", "mobile", "--owner", "alice", "--scope", "x:read")
    run = keys("revoke", first_text, cwd=tmp_path)
    assert (run.returncode, run.stdout) == (0, "")
    assert f"key {first} (mobile, owner alice) may x:read" in run.stderr
    assert "401" in run.stderr
    assert "no use of it is on record" in run.stderr
    assert first_text[24:] not in run.stderr
    assert standing(tmp_path, first_text) is Standing.REVOKED
    assert json.loads(keys("revoke", first, "--json", cwd=tmp_path).stdout)["state"] == "revoked"


def test_disable_and_enable(tmp_path: Path) -> None:
    """Said and done."""
    key, text = made(tmp_path)
    assert f"until ostiary keys enable {key}" in keys("disable", key, cwd=tmp_path).stderr
    assert standing(tmp_path, text) is Standing.DISABLED
    assert "enabled (working)" in keys("enable", key, cwd=tmp_path).stderr
    assert standing(tmp_path, text) is Standing.OK


def test_an_unknown_key_is_2_with_near_ones(tmp_path: Path) -> None:
    """For every command that names one."""
    key, _ = made(tmp_path, "--name", "mobile")
    slip = key[:-1] + ("x" if key[-1] != "x" else "y")
    for command in ("show", "rotate", "revoke", "disable", "enable"):
        run = keys(command, slip, cwd=tmp_path)
        assert (run.returncode, run.stdout) == (2, "")
        assert run.stderr == f"ostiary: no key has the id {slip}; near: {key} (mobile)\n"


def test_import_takes_all_lines_or_none(tmp_path: Path) -> None:
    """From a file or standard input, with names; the weak ones are told; the values are printed nowhere."""
    (tmp_path / "old.txt").write_text("9f8b1f7e-3c2a-4d5e-8b6f-0a1c2d3e4f50 mobile app\n\n  hunter2\n")
    run = keys("import", "old.txt", "--expires", "90d", "--scope", "x:read", "--name", "rest", cwd=tmp_path)
    assert (run.returncode, run.stdout) == (0, "")
    assert "(mobile app) may x:read" in run.stderr
    assert "(rest) may x:read" in run.stderr
    assert "could be guessed" in run.stderr
    assert "hunter2" not in run.stderr
    assert "9f8b1f7e" not in run.stderr
    (tmp_path / "more.txt").write_text("another-key-0123456789\nhunter2\n")
    run = keys("import", "more.txt", "--no-end", cwd=tmp_path)
    assert (run.returncode, "already" in run.stderr) == (2, True)
    assert len(json.loads(keys("list", "--json", cwd=tmp_path).stdout)["keys"]) == 2


def test_import_of_hashes_from_standard_input(tmp_path: Path) -> None:
    """Found by the key itself; without an end it is said that nobody is reminded."""
    value = "a-long-key-that-our-clients-have"
    words = [*COMMAND, "keys", "import", "--sha256", "--no-end"]
    digest = hashlib.sha256(value.encode()).hexdigest()
    run = subprocess.run(words, input=digest, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=60, check=True)
    assert "nobody is reminded" in run.stderr
    assert shown(tmp_path, value)["imported"] == "sha256"


@pytest.mark.parametrize("words", [[], ["--expires", "90d", "--no-end"]])
def test_import_wants_an_end_or_a_word_that_there_is_none(tmp_path: Path, words: list[str]) -> None:
    """One of the two."""
    (tmp_path / "old.txt").write_text("some-key-0123456789\n")
    run = keys("import", "old.txt", *words, cwd=tmp_path)
    assert (run.returncode, "--no-end" in run.stderr) == (2, True)
    assert not (tmp_path / "ostiary.db").exists()


def test_a_signing_key_is_made_and_signs(tmp_path: Path) -> None:
    """PEM alone on standard output, which ``ostiary sign`` takes; shared secrets bring a master key, which rotates; nothing of it is shown later."""
    pem = keys("create", "--signing", "--owner", "alice", cwd=tmp_path)
    assert (pem.returncode, pem.stdout.startswith("-----BEGIN PRIVATE KEY-----"), "shown this once" in pem.stderr) == (0, True, True)
    (tmp_path / "signing.pem").write_text(pem.stdout)
    (tmp_path / "signing.pem").chmod(0o600)
    key_id = json.loads(keys("list", "--json", cwd=tmp_path).stdout)["keys"][0]["id"]
    signed = ostiary("sign", "https://api.example.com/v1", "--key", "signing.pem", "--key-id", key_id, cwd=tmp_path)
    assert (signed.returncode, "Signature-Input" in signed.stdout) == (0, True)
    shared = keys("create", "--signing", "hmac-sha256", "--name", "till", cwd=tmp_path)
    assert (len(shared.stdout), "ostiary.master" in shared.stderr) == (51, True)
    found = keys("list", cwd=tmp_path)
    assert "signs hmac-sha256" in found.stdout
    assert shared.stdout.strip() not in found.stdout + found.stderr
    master = tmp_path / "ostiary.master"
    old = master.read_text()
    master.write_text("AQEBAQEBAQEBAQEBAQEBAQECAgICAgICAgICAgICAgI=\n" + old)
    assert "1 shared secret encrypted anew" in keys("rekey", cwd=tmp_path).stderr
    assert "0 shared secrets encrypted anew" in keys("rekey", cwd=tmp_path).stderr


def test_a_public_half_is_imported(tmp_path: Path) -> None:
    """Its id is printed; what is no public key is a sentence."""
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", "signing.pem"], cwd=tmp_path, check=True, capture_output=True)
    subprocess.run(
        ["openssl", "pkey", "-in", "signing.pem", "-pubout", "-out", "public.pem"], cwd=tmp_path, check=True, capture_output=True
    )
    found = keys("import-public", "public.pem", "--owner", "alice", cwd=tmp_path)
    assert (found.returncode, len(found.stdout.strip()), "to verify ed25519" in found.stderr) == (0, 12, True)
    wrong = keys("import-public", "signing.pem", cwd=tmp_path)
    assert (wrong.returncode, wrong.stdout, "no public key in PEM" in wrong.stderr) == (2, "", True)


def test_due_lists_the_most_urgent_first(tmp_path: Path) -> None:
    """By end and by age; the age may stand in a variable."""
    far, soon = made(tmp_path, "--expires", "60d")[0], made(tmp_path, "--expires", "5d", "--name", "mobile")[0]
    run = keys("due", cwd=tmp_path)
    assert re.fullmatch(rf"expires 20\S+Z  {soon}  mobile\n", run.stdout)
    assert "1 key due within 30d" in run.stderr
    value = json.loads(keys("due", "--within", "1d", "--json", cwd=tmp_path, OSTIARY_MAX_AGE="live=12h test=1d").stdout)
    assert [(one["id"], one["why"], one["warning_days"]) for one in value["due"]] == [(far, "max_age", 1), (soon, "max_age", 1)]


def test_the_age_of_an_environment_holds_for_new_keys(tmp_path: Path) -> None:
    """Given once, in a variable."""
    run = keys("create", "--expires", "91d", cwd=tmp_path, OSTIARY_MAX_AGE="live=90d")
    assert (run.returncode, "at most 90 days" in run.stderr) == (2, True)


def test_the_public_half_of_the_response_key_is_printed(tmp_path: Path) -> None:
    """From a file: PEM alone on standard output; what is no private key is a sentence."""
    from ostiary.client import Verifier

    private = keys("create", "--signing", cwd=tmp_path).stdout
    (tmp_path / "response.pem").write_text(private)
    (tmp_path / "response.pem").chmod(0o600)
    made = keys("public", "response.pem", cwd=tmp_path)
    (found,) = Verifier.from_pem(made.stdout.encode()).keys
    assert (made.returncode, made.stdout.startswith("-----BEGIN PUBLIC KEY-----"), found.id in made.stderr) == (0, True, True)
    (tmp_path / "response.pem").write_text("nonsense")
    refused = keys("public", "response.pem", cwd=tmp_path)
    assert (refused.returncode, "no private key in PEM" in refused.stderr) == (2, True)
    assert keys("public", cwd=tmp_path).returncode == 2
