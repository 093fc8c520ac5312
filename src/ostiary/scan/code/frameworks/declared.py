"""What was said of a route to Ostiary's guard, and which of several words counts: the arithmetic of ``ostiary.guard.declaration``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeVar

from ostiary.model.route import UNDECLARED, DeclaredLimit, Location, Policy
from ostiary.scan.code.values import Made, Value, name_of
from ostiary.scan.records import altered, record

if TYPE_CHECKING:
    from ostiary.model.policyfile import PathPolicy

DEPENDS = "which of several declarations is in force depends on configuration"
T = TypeVar("T")


@record(frozen=True)
class Said:
    """One declaration. ``policy.declared`` is False where it does not say who may call; ``limits`` None where it says nothing of them.

    ``gates`` are the app's own that ``delegated`` names; ``unsure`` says why it is not known what was said.
    """

    policy: Policy = UNDECLARED
    limits: tuple[DeclaredLimit, ...] | None = None
    gates: tuple[Value, ...] = ()
    unsure: str = ""


NOTHING_SAID = Said()


@record(frozen=True)
class GuardCode:
    """The guard of one application as ``made`` says: ``enforces`` None depends on configuration, ``https`` and ``hsts`` are demanded and sent.

    ``routes`` are patterns in code, ``file`` those of the policy file; ``unsure`` says why these are not all.
    """

    made: Made
    at: Location
    enforces: bool | None
    default: Said | None
    limits: tuple[DeclaredLimit, ...]
    routes: tuple[tuple[str, Said], ...]
    file: tuple[PathPolicy, ...]
    https: bool
    hsts: bool
    unsure: str

    @property
    def of_flask(self) -> bool:
        return name_of(self.made).startswith("ostiary.flask.")

    @property
    def of_fastapi(self) -> bool:
        return name_of(self.made).startswith("ostiary.fastapi.")


def nearest(said: Iterable[Said | None]) -> Said:
    """One of several, the nearest first: who may call from the first that decides, all else from the first that says it."""
    found = [one for one in said if one is not None]
    access = next((one for one in found if one.policy.declared or one.unsure), NOTHING_SAID)
    policy = altered(
        access.policy,
        limits=_first(one.policy.limits for one in found),
        networks=_first(one.policy.networks for one in found),
        monitor=_first(one.policy.monitor for one in found),
        issues=any(one.policy.issues for one in found),
        at=_first(one.policy.at for one in found),
    )
    return altered(access, policy=policy, limits=_first(one.limits for one in found))


def merged(said: Iterable[Said]) -> Said | None:
    """Several marks on one function: they add to each other; where they contradict each other the app does not start."""
    found = list(said)
    if not found:
        return None
    total = found[0]
    for one in found[1:]:
        total = _both(total, one)
    return total


def _both(first: Said, second: Said) -> Said:
    a, b = first.policy, second.policy
    deciding = a if a.declared else b
    policy = altered(
        deciding,
        schemes=_union(a.schemes, b.schemes),
        scopes=_union(a.scopes, b.scopes),
        any_scopes=a.any_scopes or b.any_scopes,
        limits=_joined(a.limits, b.limits),
        networks=a.networks if a.networks is not None else b.networks,
        monitor=a.monitor if a.monitor is not None else b.monitor,
        issues=a.issues or b.issues,
        at=a.at or b.at,
    )
    torn = a.declared and b.declared and a.public != b.public
    unsure = DEPENDS if torn else first.unsure or second.unsure
    return Said(policy, _joined(first.limits, second.limits), (*first.gates, *second.gates), unsure)


def _union(first: tuple[T, ...], second: tuple[T, ...]) -> tuple[T, ...]:
    return tuple(dict.fromkeys((*first, *second)))


def _joined(first: tuple[T, ...] | None, second: tuple[T, ...] | None) -> tuple[T, ...] | None:
    return second if first is None else first if second is None else _union(first, second)


def _first(values: Iterable[T | None]) -> T | None:
    return next((value for value in values if value is not None), None)
