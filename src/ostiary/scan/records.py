"""The records of ``model``, under the name by which the scanner knows them."""

from __future__ import annotations

from ostiary.model.records import altered, field, record

__all__ = ["altered", "field", "record"]
