"""``ostiary keys``: the words of its commands. What they do is in ``keys_commands``, and loaded when one of them runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

COMMANDS: dict[str, click.Command] = {}
Decorator = Callable[[Any], Any]
_store = click.option(
    "--store",
    envvar="OSTIARY_STORE",
    default="sqlite:///ostiary.db",
    show_default=True,
    metavar="URL",
    help="Where the keys are; OSTIARY_STORE.",
)
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_key = click.argument("key", metavar="KEY")
_max_age = click.option(
    "--max-age",
    "max_age",
    envvar="OSTIARY_MAX_AGE",
    multiple=True,
    metavar="ENV=TIME",
    help="How old keys may get, as live=90d; OSTIARY_MAX_AGE.",
)
_ATTRIBUTES = (
    click.option("--name", default="", help="What it is for."),
    click.option("--owner", default="", help="Whom it speaks for: the subject of its calls."),
    click.option("--scope", "scopes", multiple=True, metavar="SCOPE", help="What it may do, as orders:read or orders:*; several times."),
    click.option("--network", "networks", multiple=True, metavar="CIDR", help="From where it may be used; several times."),
    click.option("--origin", "origins", multiple=True, metavar="ORIGIN", help="Web pages that may use it; several times."),
    click.option("--limit", "limits", multiple=True, metavar="LIMIT", help="A limit of its own, as '100/day'; several times."),
    click.option("--env", help="Environment, part of the key.  [default: live]"),
    click.option("--not-before", metavar="WHEN", help="It does not work before: 12h, 2027-01-31."),
    click.option("--meta", "metadata", multiple=True, metavar="NAME=TEXT", help="Anything to remember; several times."),
)


def _attributes(command: Any) -> Any:
    for option in reversed(_ATTRIBUTES):
        command = option(command)
    return command


def _command(name: str) -> Decorator:
    def register(function: Any) -> Any:
        made = click.command(name)(function)
        COMMANDS[name] = made
        return made

    return register


def _run(name: str, typed: dict[str, Any]) -> int:
    from ostiary.cli import keys_commands

    code: int = getattr(keys_commands, name)(**typed)
    return code


@_command("init")
@click.option("--signing", is_flag=True, help="The master key, too: shared secrets of signing keys are encrypted under it.")
@_store
def init(**typed: Any) -> int:
    """Make the store and the pepper, when they are not there yet.

    The pepper is a secret without which the store is worth nothing. It stands in ostiary.pepper beside the store, unless OSTIARY_PEPPER
    or OSTIARY_PEPPER_FILE names another.

    \b
      ostiary keys init
      ostiary keys init --store sqlite:////var/lib/shop/ostiary.db
    """
    return _run("init", typed)


@_command("create")
@_attributes
@click.option("--expires", metavar="WHEN", help="When it ends by itself: 90d, 12h, 2027-01-31.  [default: never]")
@click.option("--kind", type=click.Choice(["sk", "pk"]), default="sk", show_default=True, help="Secret, or publishable.")
@click.option("--prefix", default="ost", show_default=True, help="What your keys begin with.")
@click.option(
    "--signing",
    is_flag=False,
    flag_value="ed25519",
    metavar="[KIND]",
    help="A key that signs, and is no API key: ed25519, ecdsa-p256-sha256 or hmac-sha256.",
)
@_max_age
@_json
@_store
def create(**typed: Any) -> int:
    """Make a key and print it, this once.

    The key is alone on standard output, everything else is on standard error. Store and pepper are made when there are none.

    \b
      ostiary keys create --name "mobile app" --scope orders:read
      ostiary keys create --owner alice --scope 'orders:*' --limit '100/day' --expires 90d
      ostiary keys create --signing --owner alice --scope orders:write > signing.pem
      KEY=$(ostiary keys create --network 203.0.113.0/24)
    """
    return _run("create", typed)


@_command("list")
@click.argument("search", default="")
@click.option("--owner", help="Only keys of this owner.")
@click.option("--env", help="Only keys of this environment.")
@click.option("--state", type=click.Choice(["working", "waiting", "expired", "disabled", "revoked"]), help="Only keys in this state.")
@_json
@_store
def list_(**typed: Any) -> int:
    """List keys and what they may do.

    Their state, scopes, end and last use. SEARCH is a part of an id, name or owner.

    \b
      ostiary keys list
      ostiary keys list mobile --state working
      ostiary keys list --json
    """
    return _run("list_keys", typed)


@_command("show")
@_key
@_json
@_store
def show(**typed: Any) -> int:
    """Show everything about KEY.

    But for the key itself, which nobody can show again. KEY is an id, or the whole key, in case one was found somewhere.

    \b
      ostiary keys show 7fKq2ZxLw0aB
    """
    return _run("show", typed)


@_command("rotate")
@_key
@click.option("--overlap", default="24h", show_default=True, metavar="TIME", help="How long the old one goes on working: 0s, 24h, 7d.")
@click.option("--expires", metavar="WHEN", help="When the new one ends.  [default: it lives as long as the old was made for]")
@_max_age
@_json
@_store
def rotate(**typed: Any) -> int:
    """Make a new key in the place of KEY and print it, this once.

    It has the same owner, scopes, networks and limits. The old one goes on working for the overlap, and never past its own end.

    \b
      ostiary keys rotate 7fKq2ZxLw0aB
      ostiary keys rotate 7fKq2ZxLw0aB --overlap 7d --expires 90d
    """
    return _run("rotate", typed)


@_command("revoke")
@_key
@_json
@_store
def revoke(**typed: Any) -> int:
    """End KEY at once and for ever, in every process of this host.

    KEY is an id, or the whole key, in case it leaked. To end it for a while: ostiary keys disable.

    \b
      ostiary keys revoke 7fKq2ZxLw0aB
    """
    return _run("revoke", typed)


@_command("disable")
@_key
@_json
@_store
def disable(**typed: Any) -> int:
    """Stop KEY until it is enabled again.

    \b
      ostiary keys disable 7fKq2ZxLw0aB
    """
    return _run("disable", typed)


@_command("enable")
@_key
@_json
@_store
def enable(**typed: Any) -> int:
    """Let a disabled KEY work again. A revoked one never does.

    \b
      ostiary keys enable 7fKq2ZxLw0aB
    """
    return _run("enable", typed)


@_command("import")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True), default=Path("-"))
@_attributes
@click.option("--sha256", "hashed", is_flag=True, help="FILE holds SHA-256 values in hex, not keys.")
@click.option("--expires", metavar="WHEN", help="When they end: 90d, 2027-01-31. Needed, or --no-end.")
@click.option("--no-end", is_flag=True, help="They work until they are revoked.")
@_max_age
@_json
@_store
def import_(**typed: Any) -> int:
    """Take over keys that your clients have.

    They need not change. FILE (or standard input) has one key a line, with a name after it if you like. All of them are taken over, or none. The keys are not
    stored, only what they are recognised by; delete FILE afterwards.

    \b
      ostiary keys import old-keys.txt --scope orders:read --expires 90d
      ostiary keys import --sha256 --expires 2027-01-31 < hashes.txt
    """
    return _run("import_keys", typed)


@_command("import-public")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True), default=Path("-"))
@_attributes
@click.option("--expires", metavar="WHEN", help="When it ends by itself: 90d, 12h, 2027-01-31.  [default: never]")
@_max_age
@_json
@_store
def import_public(**typed: Any) -> int:
    """Take over the public half of a key that signs.

    Its owner keeps the private half. FILE (or standard input) holds an Ed25519, ECDSA P-256 or RSA public key in PEM. The id of the key is
    printed: its owner signs with that.

    \b
      ostiary keys import-public alice.pem --owner alice --scope orders:write
    """
    return _run("import_public", typed)


@_command("public")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True), required=False)
def public(**typed: Any) -> int:
    """Print the public half of the key that signs answers.

    Clients verify answers with it. FILE holds the private key in PEM; without FILE it is the one in OSTIARY_RESPONSE_KEY, or in the file
    that OSTIARY_RESPONSE_KEY_FILE names.

    \b
      openssl genpkey -algorithm ed25519 -out response.pem
      ostiary keys public response.pem > server.pem
    """
    return _run("public", typed)


@_command("rekey")
@_store
def rekey(**typed: Any) -> int:
    """Encrypt the shared secrets of signing keys anew, under the newest master key.

    Write the new master key in the first line of ostiary.master (or OSTIARY_MASTER_KEY), the old one after it; run this; take the old one
    away.

    \b
      ostiary keys rekey
    """
    return _run("rekey", typed)


@_command("due")
@click.option("--within", default="30d", show_default=True, metavar="TIME", help="How far to look ahead.")
@_max_age
@_json
@_store
def due(**typed: Any) -> int:
    """List keys that end soon, or are older than they may get.

    \b
      ostiary keys due
      ostiary keys due --within 7d --max-age live=90d
    """
    return _run("due", typed)


@_command("narrow")
@_key
@click.option("--scope", "scopes", multiple=True, metavar="SCOPE", help="What it keeps; several times. None: it keeps no scope.")
@_json
@_store
def narrow(**typed: Any) -> int:
    """Take scopes away from KEY: it keeps those that are named.

    ostiary usage --unused tells which were never needed.

    \b
      ostiary keys narrow 7fKq2ZxLw0aB --scope orders:read
    """
    return _run("narrow", typed)


@_command("leaked")
@click.argument("path", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--revoke", "revoking", is_flag=True, help="Revoke every live key that is found, at once and for ever.")
@_json
@_store
def leaked(**typed: Any) -> int:
    """Tell which live keys are in a text, a log or a repository.

    PATH is a file, a folder (without the insides of version control), or - for standard input. No character of a key is printed. Exit code 1
    when a live key was found and is not revoked.

    \b
      ostiary keys leaked access.log
      git log -p --all | ostiary keys leaked -
      ostiary keys leaked . --revoke
    """
    return _run("leaked", typed)
