"""Settings, all from the environment, read once at import: without its secrets the service does not start."""

import os


class MissingSetting(RuntimeError):
    """Names the variable, never a value."""


def required(name: str) -> str:
    value = os.environ.get(name, "").strip()
    if not value:
        raise MissingSetting(f"{name} is not set; the orders service does not start without it")
    return value


def long_secret(name: str) -> bytes:
    secret = required(name).encode()
    if len(secret) < 32:
        raise MissingSetting(f"{name} is shorter than 32 bytes")
    return secret


TOKEN_SECRET = long_secret("ORDERS_TOKEN_SECRET")
KEY_PEPPER = long_secret("ORDERS_KEY_PEPPER")
# Partner name to HMAC of its key: the keys themselves are nowhere on this machine.
PARTNER_KEYS = dict(entry.split(":", 1) for entry in required("ORDERS_PARTNER_KEYS").split(","))
USERS_FILE = required("ORDERS_USERS_FILE")
ORIGINS = required("ORDERS_ORIGINS").split(",")
HOSTS = required("ORDERS_HOSTS").split(",")
LIMIT_STORAGE = required("ORDERS_LIMIT_STORAGE")
