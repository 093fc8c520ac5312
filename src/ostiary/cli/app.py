"""The commands. What they need is imported when they run, so that ``ostiary --help`` loads neither scanner nor terminal library."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from ostiary.cli.quick import AUDIENCES, BEST_SCORE, FORMATS, SEVERITIES

_ABOUT = """Finds what is unprotected in Flask and FastAPI services. Nothing that is scanned is imported or executed.

\b
  ostiary scan .                      what is wrong here, worst first
  ostiary routes . --state open       which routes nothing protects
  ostiary explain missing-rate-limit  why it matters and how to fix it
  ostiary fix .                       patches, proven by a second scan
  ostiary init .                      write a configuration
  ostiary lock .                      keep the protection as it is
  ostiary keys create                 an API key for a client of yours
  ostiary guard check wsgi:app        what each route demands
  ostiary doctor wsgi:app             what around a guard is not as it should be
  ostiary usage --unused              which keys, scopes and routes nobody needs
  ostiary audit verify                was the record tampered with?
  ostiary sign https://…              a signed request as a curl command

\b
Exit codes: 0 gates hold, 1 a gate failed, 2 wrong use,
3 incomplete scan, 4 a defect of Ostiary, 130 interrupted.
"""
_FILE = click.Path(path_type=Path)
_tree = click.argument("path", type=_FILE, default=Path())
_config = click.option("--config", type=_FILE, metavar="FILE", help="Instead of ostiary.toml or pyproject.toml in PATH.")
_tests = click.option("--include-tests", is_flag=True, help="Read tests and examples, too; they never count in the score.")
_output = click.option("-o", "--output", type=_FILE, metavar="FILE", help="Write it there instead.")


def _format(*names: str) -> Callable[[Any], Any]:
    return click.option("--format", "name", type=click.Choice(names), default=names[0], show_default=True, help="What to print.")


def _file(option: str, text: str) -> Callable[[Any], Any]:
    return click.option(option, type=_FILE, metavar="FILE", help=text)


@click.group(help=_ABOUT, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def app() -> None:
    pass


@app.command()
@_tree
@_format(*FORMATS)
@_output
@_file("--json", "Write JSON there as well.")
@_file("--sarif", "Write SARIF there as well.")
@_file("--html", "Write one HTML page there as well.")
@click.option(
    "--fail-on",
    type=click.Choice(SEVERITIES),
    help="Exit with 1 on a finding of this severity or more.  [default: high]",
)
@click.option("--min-score", type=click.IntRange(0, BEST_SCORE), metavar="N", help="Exit with 1 below this score, 0 to 100.")
@_file("--baseline", "Findings in it do not fail the gate.")
@_file("--write-baseline", "Write today's findings there.")
@click.option("--new-only", is_flag=True, help="Show and count only what the baseline does not have.")
@_tests
@click.option("--allow-incomplete", is_flag=True, help="Do not exit with 3.")
@_config
@click.option("--all", "everything", is_flag=True, help="Every finding, not the ten worst kinds.")
@click.option(
    "--audience",
    type=click.Choice(AUDIENCES),
    default=AUDIENCES[0],
    show_default=True,
    help="Whose findings to show; sample is tests and examples.",
)
@click.option("-q", "--quiet", is_flag=True, help="Only files and the exit code.")
def scan(**typed: Any) -> int:
    """Find what is wrong in the source below PATH.

    \b
      ostiary scan .
      ostiary scan . --sarif ostiary.sarif --fail-on critical
      ostiary scan . --write-baseline baseline.json
      ostiary scan . --baseline baseline.json --new-only
    """
    from ostiary.cli import commands

    return commands.scan(commands.ScanWords(**typed))


@app.command()
@_tree
@_format("table", "json", "csv")
@_output
@click.option("--public", is_flag=True, help="Only those public on purpose.")
@click.option("--state", type=click.Choice(["protected", "public", "open", "unknown"]), help="Only those in this state.")
@_tests
@_config
def routes(path: Path, name: str, output: Path | None, public: bool, state: str | None, include_tests: bool, config: Path | None) -> int:
    """List every route below PATH and what protects it.

    \b
      ostiary routes .
      ostiary routes . --state open
      ostiary routes . --format csv -o routes.csv
    """
    from ostiary.cli import commands

    wanted = {one for one in ("public" if public else None, state) if one}
    return commands.routes(path, config, include_tests, name, output, wanted)


@app.command()
@_tree
@click.option("--only", multiple=True, metavar="WEAKNESS", help="Only this weakness; may be repeated.")
@click.option("--apply", "write", is_flag=True, help="Write the patches into the tree.")
@click.option("--check", is_flag=True, help="Exit with 1 when there is a patch.")
@click.option("--test", metavar="CMD", help="Run CMD in a copy; keep only patches with which it ends no worse.")
@_config
def fix(path: Path, only: tuple[str, ...], write: bool, check: bool, test: str | None, config: Path | None) -> int:
    """Show patches for what is wrong in the source below PATH.

    Each was applied in memory and scanned again: its finding is gone, and nothing came in its place.

    \b
      ostiary fix .
      ostiary fix . --only debug-mode --apply
      ostiary fix . --test 'pytest -q' --apply
    """
    from ostiary.cli import fixing

    return fixing.fix(path, only, config, test, write=write, check=check)


@app.command()
@click.argument("weakness", required=False)
@click.option("--framework", type=click.Choice(["flask", "fastapi"]), help="Only the fix for this one.")
def explain(weakness: str | None, framework: str | None) -> int:
    """Tell what a weakness is and how to fix it.

    Without WEAKNESS it lists them all.

    \b
      ostiary explain
      ostiary explain missing-authentication --framework flask
    """
    from ostiary.cli import commands

    return commands.explain(weakness, framework)


@app.command()
@_tree
@click.option("--check", is_flag=True, help="Compare instead of writing; exit with 1 when a route was opened or loosened.")
@click.option("-o", "--output", type=_FILE, metavar="FILE", help="The lock, instead of PATH/ostiary.lock.")
@_config
def lock(path: Path, check: bool, output: Path | None, config: Path | None) -> int:
    """Write down what protects each route, or tell what a change did to it.

    \b
      ostiary lock .
      ostiary lock . --check
    """
    from ostiary.cli import commands

    return commands.lock(path, config, output, check=check)


@app.command()
@_tree
@click.option("--force", is_flag=True, help="Overwrite the one that is there.")
def init(path: Path, force: bool) -> int:
    """Write PATH/ostiary.toml with every key explained.

    It proposes a line for each route that looks public on purpose.

    \b
      ostiary init .
    """
    from ostiary.cli import commands

    return commands.init(path, force=force)


class _Late(click.Group):
    """Its commands are loaded when one of them is asked for, from the module of its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 the signature is click's
        return list(self._commands())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        return self._commands().get(cmd_name)

    def _commands(self) -> dict[str, click.Command]:
        found: dict[str, click.Command] = import_module(f"ostiary.cli.{self.name}").COMMANDS
        return found


@app.group(cls=_Late)
def keys() -> None:
    """Make, list, rotate and revoke API keys.

    \b
      ostiary keys create --name "mobile app" --scope orders:read
      ostiary keys list
      ostiary keys rotate 7fKq2ZxLw0aB --overlap 7d
      ostiary keys revoke 7fKq2ZxLw0aB
    """


@app.group(cls=_Late)
def guard() -> None:
    """Look at the guard of an app.

    \b
      ostiary guard check wsgi:app
    """


@app.command()
@click.option("--route", "by", flag_value="route", multiple=True, help="By route, which is the default; several may be combined.")
@click.option("--key", "by", flag_value="key", multiple=True, help="By key.")
@click.option("--day", "by", flag_value="day", multiple=True, help="By day (UTC).")
@click.option("--version", "by", flag_value="version", multiple=True, help="By version of the API.")
@click.option("--of-version", "version_name", metavar="VERSION", help="Only calls of this version, as v1: with --key, who still needs it.")
@click.option("--unused", is_flag=True, help="Keys that nobody used, and scopes that no route asked of their key.")
@click.option("--app", metavar="MODULE:APP", help="With --unused: routes of this app that nobody called, too. It is imported.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@click.option(
    "--store", envvar="OSTIARY_STORE", default="sqlite:///ostiary.db", show_default=True, metavar="URL", help="The store; OSTIARY_STORE."
)
def usage(**typed: Any) -> int:
    """Tell who calls what, and what nobody uses.

    \b
      ostiary usage
      ostiary usage --key --day --csv
      ostiary usage --of-version v1 --key
      ostiary usage --unused --app wsgi:app
    """
    from ostiary.cli import usage as using

    return using.usage(**typed)


@app.command()
@click.argument("target", metavar="[MODULE:APP]", required=False)
@click.option("--url", metavar="URL", help="Ask the running app there, too: scheme, headers, clock, forged addresses.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(target: str | None, url: str | None, as_json: bool) -> int:
    """Tell what around a guard is not as it should be, and what to write.

    Looks at proxy and scheme, pepper and other keys, stores (reachable, schema, writable, how fast), clocks, worker processes, log redaction,
    and releases of libraries that break a guard. Run it where the server runs: with its user, its folder, its environment. Nothing is changed.

    Without MODULE:APP, which is imported as its server would do it, only OSTIARY_STORE and the environment are looked at.

    \b
    ok       as it should be
    warning  right for some; read it once
    problem  refuses calls, or lets some pass that should not; exit code 1

    \b
      ostiary doctor
      ostiary doctor wsgi:app
      ostiary doctor wsgi:app --url https://api.example.com/health
      ostiary doctor wsgi:app --json
    """
    from ostiary.cli import doctor as examining

    return examining.doctor(target, url, as_json)


@app.group(cls=_Late)
def audit() -> None:
    """Verify, keep, erase and export the record of what the guard decided.

    \b
      ostiary audit verify
      ostiary audit prune --older 90d
      ostiary audit export --from 7d
    """


@app.group(cls=_Late)
def db() -> None:
    """Make and upgrade the tables in PostgreSQL.

    \b
      ostiary db upgrade --url postgresql://user@host/database
      ostiary db check
    """


@app.command()
@click.argument("url")
@click.option("-X", "--request", "method", metavar="METHOD", help="GET, POST, …  [default: GET, with --data POST]")
@click.option("-H", "--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="A header of the request; several times.")
@click.option("-d", "--data", metavar="TEXT", help="The body; @FILE for what is in a file.")
@click.option("--key-id", envvar="OSTIARY_SIGNING_KEY_ID", required=True, metavar="ID", help="Name of the key; OSTIARY_SIGNING_KEY_ID.")
@click.option(
    "--key",
    type=_FILE,
    metavar="FILE",
    help="Private key in PEM, or a shared secret; else OSTIARY_SIGNING_KEY has it, or OSTIARY_SIGNING_KEY_FILE names it.",
)
@click.option("--lifetime", type=click.IntRange(min=1), metavar="SECONDS", help="Let the signature expire earlier.")
@click.option("--simple", is_flag=True, help="By the simple scheme, with a shared secret.")
def sign(**typed: Any) -> int:
    """Print a curl command that calls URL with a signature.

    It works once and for five minutes. The key is not in it.

    \b
      ostiary sign https://api.example.com/orders --key signing.pem --key-id 7fKq2ZxLw0aB
      ostiary sign https://api.example.com/orders -H 'Content-Type: application/json' -d @order.json
    """
    from ostiary.cli import sign as signing

    return signing.sign(**typed)


@app.command()
def version() -> int:
    """Print the version."""
    from ostiary import __version__

    click.echo(f"ostiary {__version__}")
    return 0
