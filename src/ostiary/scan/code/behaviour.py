from __future__ import annotations
from ostiary.model.route import PublicMark
def public(world, handler, path, method) -> PublicMark | None:
    return None
