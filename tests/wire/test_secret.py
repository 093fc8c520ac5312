"""Secrets of the application: where they come from, when the start stops, and that they do not show."""

from __future__ import annotations

import copy
import json
import os
import pickle
import re
import stat
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

import ostiary
from ostiary.errors import MissingSecret, UsageError
from ostiary.wire.redact import default
from ostiary.wire.secret import Secret, read_file, refusal, secret

VALUE = "p4ssw0rd-of-the-payment-service"


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    yield
    default.unregister(VALUE)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "payment"
    path.write_text(VALUE + "\n")
    path.chmod(0o600)
    return path


def test_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable of that name, as it is, through the name that users write."""
    monkeypatch.setenv("PAYMENT", f" {VALUE}\n")
    assert ostiary.secret("PAYMENT").reveal() == f" {VALUE}\n"
    default.unregister(f" {VALUE}\n")


@pytest.mark.parametrize(("ending", "kept"), [("\n", ""), ("\r\n", ""), ("", ""), ("\n\n", "\n"), (" \n", " ")])
def test_from_a_file(monkeypatch: pytest.MonkeyPatch, file: Path, ending: str, kept: str) -> None:
    """NAME_FILE names it; exactly one newline at its end is not part of the value."""
    file.write_bytes((VALUE + ending).encode())
    monkeypatch.delenv("PAYMENT", raising=False)
    monkeypatch.setenv("PAYMENT_FILE", str(file))
    assert secret("PAYMENT").reveal() == VALUE + kept
    default.unregister(VALUE + kept)


def test_from_a_function(monkeypatch: pytest.MonkeyPatch) -> None:
    """The provider is asked with the name, and the environment is not."""
    monkeypatch.setenv("PAYMENT", "from the environment")
    assert secret("PAYMENT", provider=lambda name: f"{name}-{VALUE}").reveal() == f"PAYMENT-{VALUE}"
    default.unregister(f"PAYMENT-{VALUE}")


@pytest.mark.parametrize("value", [None, "", "  \n"])
def test_missing_or_empty_stops_the_start_with_the_name(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    """Absent and blank are the same mistake, and the message says both ways to repair it."""
    monkeypatch.delenv("PAYMENT_FILE", raising=False)
    monkeypatch.delenv("PAYMENT", raising=False)
    if value is not None:
        monkeypatch.setenv("PAYMENT", value)
    with pytest.raises(MissingSecret, match=r"^PAYMENT is missing or empty: set PAYMENT, or PAYMENT_FILE"):
        secret("PAYMENT")
    with pytest.raises(MissingSecret, match=r"^PAYMENT is missing or empty: the provider gave none"):
        secret("PAYMENT", provider=lambda _: value)
    assert issubclass(MissingSecret, UsageError)


def test_too_short_says_how_long_and_not_what(monkeypatch: pytest.MonkeyPatch) -> None:
    """``minimum`` counts characters."""
    monkeypatch.setenv("PAYMENT", VALUE)
    assert secret("PAYMENT", minimum=len(VALUE)).reveal() == VALUE
    with pytest.raises(MissingSecret) as raised:
        secret("PAYMENT", minimum=len(VALUE) + 1)
    assert str(raised.value) == f"PAYMENT has {len(VALUE)} characters, {len(VALUE) + 1} are needed"


def test_two_sources_are_one_too_many(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    """Nobody is to guess which of them is in force."""
    monkeypatch.setenv("PAYMENT", VALUE)
    monkeypatch.setenv("PAYMENT_FILE", str(file))
    with pytest.raises(UsageError, match="PAYMENT and PAYMENT_FILE are both set"):
        secret("PAYMENT")


def test_a_provider_that_gives_no_text() -> None:
    """Bytes are refused by the name of their type."""
    with pytest.raises(UsageError, match="PAYMENT: the provider gave bytes, not text"):
        secret("PAYMENT", provider=lambda _: VALUE.encode())  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o620])
def test_others_may_not_read_the_file(file: Path, mode: int) -> None:
    """The error names the file, its mode and the command that repairs it, which does."""
    file.chmod(mode)
    with pytest.raises(UsageError) as raised:
        read_file(file)
    assert str(raised.value) == f"{file}: others may read it (mode {mode:04o}): chmod 600 {file}"
    file.chmod(0o600)
    assert read_file(file) == VALUE


@pytest.mark.parametrize(
    ("owner", "mode", "device", "said"),
    [
        (1000, 0o600, 1, None),
        (1000, 0o400, 1, None),
        (0, 0o600, 1, None),
        (0, 0o444, 2, None),
        (0, 0o640, 2, None),
        (0, 0o444, 1, "chmod 600 /s"),
        (0, 0o664, 2, "chmod 600 /s"),
        (0, 0o646, 2, "chmod 600 /s"),
        (1000, 0o444, 2, "chmod 600 /s"),
        (1001, 0o600, 1, "belongs to user 1001, who could change it: chown 1000 /s"),
        (1001, 0o444, 2, "belongs to user 1001"),
    ],
)
def test_whose_file_it_may_be(owner: int, mode: int, device: int, said: str | None) -> None:
    """Ours or root's, closed; root's on a mount of its own may be readable, as Docker's and Kubernetes' secrets are."""
    found = os.stat_result((stat.S_IFREG | mode, 1, device, 1, owner, 0, 10, 0, 0, 0))
    why = refusal("/s", found, user=1000, root_device=1)
    assert why is None if said is None else said in (why or "")


def test_what_is_no_file(tmp_path: Path) -> None:
    """A directory, a pipe that nobody writes to, a path that is not there: a sentence with the path, and no waiting."""
    os.mkfifo(tmp_path / "pipe", 0o600)
    for path, said in [
        (tmp_path, "not a regular file"),
        (tmp_path / "pipe", "not a regular file"),
        (tmp_path / "none", "No such file"),
    ]:
        with pytest.raises(UsageError, match=said) as raised:
            read_file(path)
        assert str(path) in str(raised.value)
    with pytest.raises(UsageError, match="null"):
        read_file("a\0b")


def test_what_is_no_secret(file: Path) -> None:
    """Binary content and a file that is far too large are refused with the path."""
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match=re.escape(f"{file}: not UTF-8")):
        read_file(file)
    file.write_bytes(b"x" * (64 * 1024 + 1))
    with pytest.raises(UsageError, match="more than 65536 bytes"):
        read_file(file)


def test_it_does_not_show() -> None:
    """Not in str, repr, formats, containers, or JSON with a helper; only ``reveal`` gives it."""
    hidden = Secret("PAYMENT", VALUE)
    shown = (
        str(hidden),
        repr(hidden),
        f"{hidden}",
        f"{hidden!r:>30}",
        f"{hidden}",
        repr([hidden]),
        json.dumps(hidden, default=str),
    )
    assert all("[secret PAYMENT]" in one and VALUE not in one for one in shown)
    assert not hasattr(hidden, "__dict__")
    assert hidden.reveal() == VALUE


def test_it_is_not_for_storing() -> None:
    """Pickle and JSON refuse; a copy, also inside a dataclass, is the object itself."""

    @dataclass
    class Settings:
        payment: Secret

    hidden = Secret("PAYMENT", VALUE)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match=r"\[secret PAYMENT\] is not for pickling"):
            pickle.dumps(hidden, protocol)
    with pytest.raises(TypeError):
        json.dumps(hidden)
    with pytest.raises(TypeError):
        hidden.__getstate__()
    assert copy.copy(hidden) is hidden
    assert copy.deepcopy(hidden) is hidden
    assert asdict(Settings(hidden))["payment"] is hidden


def test_equality_is_of_values() -> None:
    """Equal to the same value as Secret or text, whatever its alphabet; to nothing else. It has no hash that could tell."""
    hidden = Secret("PAYMENT", VALUE)
    assert hidden == Secret("OTHER", VALUE)
    assert hidden == VALUE
    assert hidden != VALUE + "x"
    assert hidden != "schlüssel"
    assert hidden != VALUE.encode()
    assert hidden != None  # noqa: E711
    with pytest.raises(TypeError, match="unhashable"):
        hash(hidden)


def test_it_is_registered_with_every_filter() -> None:
    """From then on the value is removed from texts, under its name."""
    assert default.text(f"got {VALUE}") == f"got {VALUE}"
    Secret("PAYMENT", VALUE)
    assert default.text(f"got {VALUE}") == "got [redacted:secret PAYMENT]"


def test_names_that_the_package_does_not_have() -> None:
    """A wrong name is an AttributeError as ever, not an import error from within."""
    with pytest.raises(AttributeError, match="no attribute 'secrets'"):
        ostiary.secrets  # type: ignore[attr-defined] # noqa: B018
