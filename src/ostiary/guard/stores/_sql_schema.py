"""The tables of Ostiary in PostgreSQL, and which versions of them there were. The migrations make them; a test compares the two."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Double, Identity, Index, LargeBinary, MetaData, Table, Text, text

VERSIONS = ("0001",)
"""Every schema version that there was, the oldest first. The last is the one that this Ostiary works with."""
VERSION_TABLE = "ostiary_version"
CHANNEL = "ostiary_keys"
"""Where a change of a key is told; the payload is the new generation."""

metadata = MetaData()


def _text(name: str, *, nullable: bool = False, primary_key: bool = False) -> Column[str]:
    """Compared byte by byte, whatever the language of the database."""
    return Column(name, Text(collation="C"), nullable=nullable, primary_key=primary_key)


def _time(name: str, *, nullable: bool = False) -> Column[float]:
    """Unix seconds."""
    return Column(name, Double, nullable=nullable)


def _number(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


cells = Table(
    "ostiary_cells",
    metadata,
    Column("name", LargeBinary, primary_key=True),
    Column("cell", LargeBinary, nullable=False),
    _number("expires"),
)
nonces = Table(
    "ostiary_nonces",
    metadata,
    Column("name", LargeBinary, primary_key=True),
    Column("expires", BigInteger, nullable=False),
    Index("ostiary_nonces_end", "expires"),
)
keys = Table(
    "ostiary_keys",
    metadata,
    _text("id", primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    _text("pepper_id"),
    _time("created"),
    *(_text(name) for name in ("prefix", "kind", "env", "name", "owner", "scopes")),
    *(_text(name, nullable=True) for name in ("networks", "origins", "limits")),
    *(_time(name, nullable=True) for name in ("not_before", "expires", "revoked")),
    Column("disabled", Boolean, nullable=False),
    *(_text(name) for name in ("rotated_from", "replaced_by", "imported")),
    Column("low_entropy", Boolean, nullable=False),
    _time("exposed", nullable=True),
    _text("exposed_where"),
    _text("metadata"),
    _text("algorithm"),
    Column("material", LargeBinary, nullable=False),
    _text("sealed_under"),
    Index("ostiary_keys_imported", "digest", unique=True, postgresql_where=text("imported <> ''")),
)
generation = Table("ostiary_generation", metadata, _number("value"))
events = Table(
    "ostiary_events",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _time("time"),
    *(_text(name) for name in ("request_id", "route_method", "route", "version", "method", "path")),
    _number("status"),
    _number("latency_us"),
    *(_text(name) for name in ("principal", "key_id", "address", "agent", "reason", "verdict", "limit_state", "note")),
    _text("writer"),
    _number("seq"),
    *(Column(name, LargeBinary, nullable=False) for name in ("salt", "mac", "erased")),
    Index("ostiary_events_principal", "principal", "id"),
)
chains = Table(
    "ostiary_chains",
    metadata,
    _text("writer", primary_key=True),
    _text("key_id"),
    _number("seq"),
    *(Column(name, LargeBinary, nullable=False) for name in ("mac", "tag")),
    _number("first"),
    *(Column(name, LargeBinary, nullable=False) for name in ("before", "start_tag")),
)
key_scopes = Table("ostiary_key_scopes", metadata, _text("key_id", primary_key=True), _text("scope", primary_key=True), _time("last_time"))
leases = Table("ostiary_leases", metadata, _text("name", primary_key=True), _text("holder"), _time("until"))
batches = Table("ostiary_event_batches", metadata, Column("id", LargeBinary, primary_key=True), _time("written"))
key_use = Table(
    "ostiary_key_use", metadata, _text("key_id", primary_key=True), _time("last_time"), _text("address"), _text("agent"), _number("calls")
)
usage = Table(
    "ostiary_usage",
    metadata,
    *(_text(name, primary_key=True) for name in ("day", "method", "route", "version", "key_id")),
    _number("calls"),
    _number("denied"),
    _time("last_time"),
)
