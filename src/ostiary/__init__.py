"""Ostiary finds what is unprotected in Flask and FastAPI services, and guards them."""

__all__ = ["__version__", "redact", "secret"]

__version__ = "0.1.0"

TYPE_CHECKING = False  # importing the package loads nothing, not even typing
if TYPE_CHECKING:
    from ostiary import redact as redact
    from ostiary.wire.secret import secret as secret
else:

    def __getattr__(name: str) -> object:
        """``redact`` and ``secret`` are loaded when they are asked for."""
        from importlib import import_module

        if name == "redact":
            return import_module("ostiary.redact")
        if name == "secret":
            return import_module("ostiary.wire.secret").secret
        raise AttributeError(f"module 'ostiary' has no attribute {name!r}")
