"""Coverage-guided fuzzing of what parses a stranger's bytes, by atheris (libFuzzer), which wants a Python environment of its own:

    pip install atheris && pip install . && python bench/fuzz.py [--seconds 60] [--only fields token …]

Each parser may raise what it documents and nothing else; what it reads has to come back as it was written where there is a way to write it.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from typing import Any

import atheris

with atheris.instrument_imports(include=["ostiary"]):
    from ostiary.errors import BadField, BadSignature, UsageError
    from ostiary.guard import network
    from ostiary.guard.authn.basic import Basic
    from ostiary.guard.authn.presented import FORM, Malformed, in_query, presented
    from ostiary.guard.csrf import Csrf
    from ostiary.guard.network import Trust
    from ostiary.guard.readings import readings
    from ostiary.guard.request import Request
    from ostiary.model import limit, policyfile
    from ostiary.wire import apikey, digest, fields, simple_signature, strict_json, token, webhook
    from ostiary.wire.message import Message
    from ostiary.wire.signature import field_values, signature_base, signatures

LONGEST = 4_096


class Call(Request):
    """A call of which every header says the same."""

    def __init__(self, line: str) -> None:
        super().__init__("POST", "/", "", "10.0.0.9", "http", "api.example.test", 0.0)
        self.line = line

    def header(self, name: str) -> tuple[str, ...]:  # noqa: ARG002 whichever
        return (self.line,)


def same(one: object, other: object) -> None:
    if one != other:
        raise RuntimeError(f"{one!r} is not {other!r}")


def in_fields(data: bytes) -> None:
    found = fields.parse_dictionary(data)
    same(fields.parse_dictionary(fields.serialise(found)), found)


def in_item(data: bytes) -> None:
    found = fields.parse_item(data)
    same(fields.parse_item(fields.serialise(found)), found)


def in_signature(data: bytes) -> None:
    inputs, _, values = data.partition(b"\n")
    message = Message("GET", authority="a.test", query=b"a=1", fields=((b"signature-input", inputs), (b"signature", values), (b"x", data)))
    simple_signature.presented(message)
    found = signatures(message)
    for one in found:
        signature_base(message, one.covered)
    same(
        signatures(Message(fields=tuple(zip((b"signature-input", b"signature"), field_values(found), strict=True)))) if found else (), found
    )


def in_digest(data: bytes) -> None:
    digest.parse_content_digest(data)


def in_token(data: bytes) -> None:
    token.read(data.decode("latin-1"))


def in_json(data: bytes) -> None:
    strict_json.read(data)


def in_key(data: bytes) -> None:
    text = data.decode("latin-1")
    parts = apikey.parse(text)
    same(parts is None or text == f"{parts.prefix}_{parts.kind}_{parts.env}_{parts.id}{parts.secret}{text[-6:]}", True)
    in_query(text, frozenset({"token"}))
    found = presented(Call(text), "x-api-key")
    same(found == "" or FORM.fullmatch(found) is not None, True)


def in_head(data: bytes) -> None:
    call = Call(data.decode("latin-1"))
    for trusted in (Trust(hops=1), Trust(hops=1, standard=True), Trust(hops=2, standard=True)):
        network.resolve(call, trusted)
    same(Csrf([], b"k" * 32)._vouched(call), False)
    readings("/" + data.decode("utf-8", "replace"), data.decode("latin-1"))
    Basic().find(call, Trust())


def in_webhook(data: bytes) -> None:
    text = data.decode("latin-1")
    for read in (webhook.stripe, webhook.github):
        try:
            read(b"{}", text, ["a secret"], *([1_800_000_000.0] if read is webhook.stripe else []))
        except BadSignature:
            continue
        raise RuntimeError("a stranger's webhook is believed")


def in_files(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    try:
        same(limit.parse("; ".join(map(str, limit.parse(text)))), limit.parse(text))
    except UsageError:
        policyfile.parse(text, "ostiary.toml")


TARGETS: dict[str, tuple[Callable[[bytes], None], tuple[type[Exception], ...]]] = {
    "fields": (in_fields, (BadField,)),
    "item": (in_item, (BadField,)),
    "signature": (in_signature, (BadSignature,)),
    "digest": (in_digest, (BadSignature,)),
    "token": (in_token, (token.TokenError,)),
    "json": (in_json, (ValueError,)),
    "key": (in_key, (Malformed,)),
    "head": (in_head, (Malformed,)),
    "webhook": (in_webhook, ()),
    "files": (in_files, (UsageError,)),
}


def fuzzed(name: str, options: list[str]) -> None:
    target, documented = TARGETS[name]

    def one(data: bytes) -> None:
        try:
            target(data)
        except documented:
            return

    atheris.Setup([sys.argv[0], *options], one)
    atheris.Fuzz()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--only", nargs="*", choices=list(TARGETS), default=list(TARGETS))
    parser.add_argument("--alone", choices=list(TARGETS), help=argparse.SUPPRESS)
    asked: Any = parser.parse_args()
    limits = [f"-max_total_time={asked.seconds}", f"-max_len={LONGEST}", "-timeout=5"]
    if asked.alone:
        fuzzed(asked.alone, limits)
    for name in asked.only:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, __file__, "--alone", name, "--seconds", str(asked.seconds)]
            done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
        runs = re.search(r"Done (\d+) runs", done.stderr)
        covered = re.findall(r"cov: (\d+)", done.stderr)
        verdict = "nothing found" if done.returncode == 0 else f"FOUND\n{done.stderr[-2000:]}"
        print(f"{name:10} {int(runs[1]) if runs else 0:10,} inputs, {covered[-1] if covered else 0} branches: {verdict}", flush=True)


if __name__ == "__main__":
    main()
