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
    """``partner_keys`` maps a partner to the HMAC of its key: the keys themselves are nowhere on this machine."""

    token_secret: bytes = field(repr=False)
    key_pepper: bytes = field(repr=False)
    partner_keys: dict[str, str] = field(repr=False)
    customers_file: str
    origins: list[str]
    limit_storage: str


def load() -> Settings:
    pairs = (entry.partition(":") for entry in required("BOOKSHOP_PARTNER_KEYS").split(","))
    return Settings(
        token_secret=long_secret("BOOKSHOP_TOKEN_SECRET"),
        key_pepper=long_secret("BOOKSHOP_KEY_PEPPER"),
        partner_keys={name: digest for name, _, digest in pairs},
        customers_file=required("BOOKSHOP_CUSTOMERS_FILE"),
        origins=required("BOOKSHOP_ORIGINS").split(","),
        limit_storage=required("BOOKSHOP_LIMIT_STORAGE"),
    )
