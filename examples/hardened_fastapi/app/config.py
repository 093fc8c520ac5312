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
USERS_FILE = required("ORDERS_USERS_FILE")
ORIGINS = required("ORDERS_ORIGINS").split(",")
HOSTS = required("ORDERS_HOSTS").split(",")
