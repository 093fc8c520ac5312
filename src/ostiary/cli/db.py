"""``ostiary db …``: the tables in PostgreSQL."""

from __future__ import annotations

import click

from ostiary.cli.output import put, talk

_url = click.option(
    "--url", envvar="OSTIARY_STORE", required=True, metavar="URL", help="The database, as postgresql://user@host/database; OSTIARY_STORE."
)


@click.command()
@_url
def upgrade(url: str) -> int:
    """Make the tables, or bring them up to date; all of it or nothing.

    It may run twice, and in two places at once: the second finds it done. A password is better in PGPASSWORD or ~/.pgpass than in the URL.

    \b
      ostiary db upgrade --url postgresql://shop@db.internal/shop
    """
    from ostiary.guard.admin import database

    before, after = database(url).upgrade(url)
    talk(f"the tables are of version {after}" + ("" if before is None else ", as before" if before == after else f", before {before}"))
    return 0


@click.command()
@_url
def current(url: str) -> int:
    """Print the version of the tables.

    \b
      ostiary db current --url postgresql://shop@db.internal/shop
    """
    from ostiary.guard.admin import database

    version = database(url).current(url)
    put(f"{version or 'none'}\n", data=True)
    return 0


@click.command()
@_url
def check(url: str) -> int:
    """Exit with 2 and say what helps when this Ostiary cannot work with the tables.

    \b
      ostiary db check --url postgresql://shop@db.internal/shop
    """
    from ostiary.guard.admin import database

    database(url).check(url)
    talk("the tables are those of this Ostiary")
    return 0


COMMANDS: dict[str, click.Command] = {"upgrade": upgrade, "current": current, "check": check}
