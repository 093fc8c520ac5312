"""Settings, all from the environment. A missing one stops the start: a service without its secrets must not serve."""

import os
from dataclasses import dataclass, field


class MissingSetting(RuntimeError):
    """Names the variable, never a value."""


def required(name: str) -> str:
    value = os.environ.get(name, "").strip()
    if not value:
        raise MissingSetting(f"{name} is not set; the bookshop does not start without it")
    return value


def long_secret(name: str) -> bytes:
    secret = required(name).encode()
    if len(secret) < 32:
        raise MissingSetting(f"{name} is shorter than 32 bytes")
    return secret


@dataclass(frozen=True)
class Settings:
    token_secret: bytes = field(repr=False)
    customers_file: str
    origins: list[str]


def load() -> Settings:
    return Settings(
        token_secret=long_secret("BOOKSHOP_TOKEN_SECRET"),
        customers_file=required("BOOKSHOP_CUSTOMERS_FILE"),
        origins=required("BOOKSHOP_ORIGINS").split(","),
    )
