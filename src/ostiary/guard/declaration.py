"""Declaration: what the author of a route says of it, how two words join, and the policy that it becomes.

The nearest word counts: the route's own, then the file's, then its blueprint's or router's, then the app's default.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

from ostiary.errors import UsageError
from ostiary.guard.decision import Deny, Principal
from ostiary.guard.ownership import Owned
from ostiary.model.cors import Cors
from ostiary.model.lifecycle import Lifecycle
from ostiary.model.limit import Limit
from ostiary.model.route import UNDECLARED, Location, Policy

if TYPE_CHECKING:
    from ostiary.guard.request import Request
    from ostiary.guard.webhooks import Webhook

MARK = "__ostiary__"


F = TypeVar("F")

Plan = Callable[["Principal | None"], "str | None"]

Cost = Callable[["Request"], int]


class PolicyError(UsageError):
    """A declaration that contradicts itself or cannot be understood; raised at start-up."""


def _union(_: str, first: tuple[Any, ...], second: tuple[Any, ...]) -> tuple[Any, ...]:
    return (*first, *(item for item in second if item not in first))


def _either(_: str, first: Any, second: Any) -> Any:
    return first if first is not None else second


def _one_of(what: str, first: Any, second: Any) -> Any:
    """What one of them says. False and () say something: enforced, from nowhere."""
    if first is None or second is None or first == second:
        return second if first is None else first
    raise PolicyError(f"{what} is said twice, differently")


def _limits(_: str, first: tuple[Limit, ...] | None, second: tuple[Limit, ...] | None) -> tuple[Limit, ...] | None:
    if first is None or second is None:
        return second if first is None else first
    if not first or not second:
        raise PolicyError("a route is said to have a limit and to be exempt")
    return _union("limits", first, second)


def _said(joined: Callable[[str, Any, Any], Any], default: Any = None, *, access: bool = False) -> Any:
    """A field of a Declaration: how two marks on one function join, and whether it is a part of who may call (``access``).

    What is access is taken as a whole from the nearest declaration that decides; all else from the nearest that says it.
    """
    return field(default=default, metadata={"joined": joined, "access": access})


@dataclass(frozen=True)
class Declaration:
    """What was said; None (or an empty tuple of functions) is nothing said. Used as a decorator, as ``default=`` and for a blueprint or router."""

    public: str | None = _said(_either, access=True)
    required: bool = _said(lambda _, first, second: first or second, False, access=True)
    scopes: tuple[str, ...] = _said(_union, (), access=True)
    any_scopes: tuple[str, ...] = _said(lambda _, first, second: _one_of("any_of", first or None, second or None) or (), (), access=True)
    schemes: tuple[str, ...] = _said(_union, (), access=True)
    limits: tuple[Limit, ...] | None = _said(_limits)
    networks: tuple[str, ...] | None = _said(_one_of)
    monitor: bool | None = _said(_one_of)
    issues: bool | None = _said(_one_of)
    tickets: bool | None = _said(_one_of)
    csrf: bool | None = _said(_one_of)
    on_outage: str | None = _said(_one_of)
    signed: tuple[str, ...] | bool | None = _said(_one_of)
    signed_stream: bool | None = _said(_one_of)
    max_body: int | None = _said(_one_of)
    sign_response: bool | None = _said(_one_of)
    hooks: tuple[Webhook, ...] = _said(_union, (), access=True)
    delegates: tuple[Delegated, ...] = _said(_union, (), access=True)
    plans: tuple[Plan, ...] = _said(_union, ())
    cost: Cost | None = _said(_one_of)
    owned: Owned | None = _said(_one_of)
    cors: Cors | None = _said(_one_of)
    distinct: tuple[str, Limit] | None = _said(_one_of)
    concurrent: int | None = _said(_one_of)
    timeout: float | None = _said(_one_of)
    accepts: tuple[str, ...] | None = _said(_one_of)
    json_depth: int | None = _said(_one_of)
    body: Any = _said(_one_of)
    lifecycle: Lifecycle | None = _said(_one_of)
    at: Location | None = _said(_either)

    @property
    def decides(self) -> bool:
        """Does it say who may call? (A limit alone does not.)"""
        return self.public is not None or self.required

    def __call__(self, view: F) -> F:
        said = getattr(view, MARK, None)
        try:
            setattr(view, MARK, self if said is None else merged(said, self))
        except AttributeError:
            raise PolicyError(
                f"{view!r} cannot carry a declaration; write it on a function or class, or name its path in routes="
            ) from None
        return view


@dataclass(frozen=True)
class Delegated:
    """The app's own gate: ``gate`` decides, ``subject`` says who is calling (None: nobody, or not yet known)."""

    name: str
    gate: Callable[..., Any]
    subject: Callable[..., Any] | None = None
    scopes: Callable[..., Iterable[str]] | None = None


_FIELDS = fields(Declaration)

OF_POLICY = tuple({one.name for one in _FIELDS} & {one.name for one in fields(Policy)})
"""What a policy keeps of a declaration as it is."""


def merged(first: Declaration, second: Declaration) -> Declaration:
    """Two marks on one function. They may add to each other and must not contradict each other."""
    if (first.public is not None and second.required) or (second.public is not None and first.required):
        raise PolicyError("a route is said to be public and to require a credential")
    return Declaration(
        **{one.name: one.metadata["joined"](one.name, getattr(first, one.name), getattr(second, one.name)) for one in _FIELDS}
    )


def nearest(declarations: Iterable[Declaration | None]) -> Declaration:
    """One declaration of several, the nearest first: who may call from the first that decides, all else from the first that says it."""
    said = [one for one in declarations if one is not None]
    access = next((one for one in said if one.decides), Declaration())
    return replace(access, **{one.name: _first(one, said) for one in _FIELDS if not one.metadata["access"]})


def _first(one: Any, said: list[Declaration]) -> Any:
    """The word of the nearest declaration that says it."""
    return next((value for declaration in said if (value := getattr(declaration, one.name)) != one.default), one.default)


def policy_of(declaration: Declaration) -> Policy:
    """The policy that a declaration writes down."""
    if not declaration.decides:
        return replace(
            UNDECLARED,
            limits=declaration.limits,
            monitor=declaration.monitor,
            lifecycle=declaration.lifecycle,
            on_outage=declaration.on_outage,
            at=declaration.at,
        )
    told = {name: value for name in OF_POLICY if (value := getattr(declaration, name)) is not None and (name, value) != ("signed", False)}
    return Policy(
        **{
            **told,
            "public": declaration.public is not None,
            "reason": declaration.public or "",
            "owner": None if declaration.owned is None else str(declaration.owned),
        }
    )


class Refused(Exception):
    """Raised through an app's own code when the guard refuses a caller whom the app's gate has let in."""

    def __init__(self, denied: Deny) -> None:
        super().__init__(denied.reason)
        self.denied = denied
