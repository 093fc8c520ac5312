"""Decision: ``Allow`` or ``Deny``. Principal: who a credential proved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from ostiary.wire.problem import Problem

if TYPE_CHECKING:
    from ostiary.model.limit import Limit


@dataclass(frozen=True, slots=True)
class Principal:
    """``subject`` is the owner of the credential, ``scheme`` how it was proved. ``key_id`` is public, "" where there is none.

    ``networks`` and ``origins``: where it may call from, None for anywhere. ``publishable``: everybody may know the credential (KEY-10).
    """

    subject: str
    scheme: str
    key_id: str = ""
    name: str = ""
    scopes: tuple[str, ...] = ()
    networks: tuple[str, ...] | None = None
    limits: tuple[Limit, ...] | None = None
    origins: tuple[str, ...] | None = None
    publishable: bool = False
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def may(self, scope: str) -> bool:
        """Is the scope granted, by itself or by a wildcard?"""
        from ostiary.model.scope import covers

        return covers(self.scopes, scope)


class Allow(NamedTuple):
    """The call goes on. ``deferred``: the app's own gate is still to say who is calling."""

    deferred: bool = False


class Deny(NamedTuple):
    """The call is refused: the caller gets ``problem``, the record gets ``reason``, a code that may say more."""

    problem: Problem
    reason: str
    headers: tuple[tuple[str, str], ...] = ()


PREFLIGHT = Problem(204, "preflight", "No Content")
"""No refusal: the answer to a browser that asks first (CORS)."""
Decision = Allow | Deny
ALLOW = Allow()
DEFERRED = Allow(deferred=True)
