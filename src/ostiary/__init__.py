"""Ostiary finds what is unprotected in Flask and FastAPI services, and guards them."""

__all__ = ["__version__"]

__version__ = "0.1.0"
