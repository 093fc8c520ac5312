"""Whose object is it? (AUTH-5; OWASP API1:2023, CWE-639)

    @require("orders:read", owner="user_id")          # the parameter of the path is the caller's subject
    @require("orders:read", owner=load_order)         # what load_order(order_id) gives belongs to the caller
    @require("orders:read", owner=owned(load_order, by="customer_id", tenant="tenant_id", unless="orders:admin"))

An object of somebody else's is answered as a missing one is: 404, unless 403 is wanted.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from ostiary.errors import UsageError
from ostiary.guard.ask import Call, Flow
from ostiary.guard.decision import Deny, Principal
from ostiary.model import scope as scope_text
from ostiary.wire import problem

if TYPE_CHECKING:
    from ostiary.guard.request import Request

TENANT = "tenant"
"""The attribute of a principal (a key's metadata, a token's claim) that names its tenant."""
_OWNERS = ("owner_id", "user_id", "owner")
_MISSING = object()
_NAME = re.compile(r"\{(\w+)\}")
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL)


@dataclass(frozen=True, slots=True)
class Owned:
    """``parameter`` of the path, or ``loader`` (sync or async) of the object; ``by`` and ``tenant`` name its attributes, "" for none.

    With a parameter ``tenant`` is one, too. ``unless``: whoever holds this scope may. ``status``: 404 or 403.
    """

    parameter: str = ""
    loader: Callable[..., Any] | None = None
    by: str = ""
    tenant: str = ""
    unless: str = ""
    status: int = 404

    def __str__(self) -> str:
        return self.parameter or getattr(self.loader, "__name__", "") or self.tenant or "a function"


def owned(what: str | Callable[..., Any] = "", *, by: str = "", tenant: str = "", unless: str = "", status: int = 404) -> Owned:
    """What ``owner=`` may be in full; UsageError for what cannot be. ``by`` "": owner_id, user_id or owner, the first that is there."""
    if not callable(what) and not isinstance(what, str):
        raise UsageError(f"owner: the name of a path parameter, or a function that loads the object, not {what!r}")
    if not what and not tenant:
        raise UsageError("owner: a parameter, a loader or a tenant is needed")
    if by and not callable(what):
        raise UsageError("by names an attribute of what a loader gives; a parameter has none")
    if status not in (403, 404):
        raise UsageError(f"status is 404 or 403, not {status!r}")
    loader, parameter = (what, "") if callable(what) else (None, what)
    return Owned(parameter, loader, by, tenant, scope_text.parse(unless) if unless else "", status)


def check_template(one: Owned, method: str, template: str) -> None:
    """Can it be asked on this route? UsageError when a parameter is not in its path."""
    needed = set(_required(one.loader)) if one.loader is not None else {name for name in (one.parameter, one.tenant) if name}
    for name in sorted(needed):
        check_parameter("owner", name, method, template)


def check_parameter(what: str, name: str, method: str, template: str) -> None:
    """UsageError when the path has no such parameter."""
    if name not in _NAME.findall(template):
        raise UsageError(f"{method} {template}: {what} needs {name}, which is no parameter of this path")


def check(request: Request, one: Owned, who: Principal | None) -> Flow[Deny | None]:
    """Step 15. What a loader gives is kept for the handler in ``request.loaded``."""
    free = who is not None and bool(one.unless) and who.may(one.unless)
    found = request.parameters
    if one.loader is not None:
        found = request.loaded = yield Call(partial(one.loader, **_accepted(one.loader, request.parameters)), blocking=True)
        if found is None:
            return _refused(one, "object_missing")
    if free or (who is not None and _owns(one, found, who)):
        return None
    return _refused(one, "owner")


def _owns(one: Owned, found: Any, who: Principal) -> bool:
    if one.tenant and not _same(_value(found, one.tenant), who.attributes.get(TENANT)):
        return False
    if one.loader is None:
        return not one.parameter or _same(found.get(one.parameter), who.subject)
    return _same(_owner(found, one), who.subject)


def _owner(found: Any, one: Owned) -> object:
    """Raises LookupError for an object without an owner: that is a mistake in the declaration, and refuses everybody."""
    names = (one.by,) if one.by else _OWNERS
    for name in names:
        if (value := _value(found, name, _MISSING)) is not _MISSING:
            return value
    raise LookupError(f"owner: what {one.loader} gives has no {' or '.join(names)}; write owned(…, by=…)")


def _value(found: Any, name: str, default: object = None) -> object:
    return found.get(name, default) if isinstance(found, Mapping) else getattr(found, name, default)


def _same(value: object, held: object) -> bool:
    """By their texts: paths hold texts, tables numbers or UUIDs. Nothing equals nothing to nobody."""
    return value is not None and held is not None and str(value) != "" and str(value) == str(held)


def _refused(one: Owned, reason: str) -> Deny:
    return Deny(problem.NOT_FOUND if one.status == 404 else problem.NOT_YOURS, reason)


def _required(loader: Callable[..., Any]) -> Iterator[str]:
    for one in inspect.signature(loader).parameters.values():
        if one.kind in _POSITIONAL:
            raise UsageError(f"owner: {loader} takes its parameters by name, as in def load(order_id)")
        if one.default is one.empty and one.kind is not one.VAR_KEYWORD:
            yield one.name


def _accepted(loader: Callable[..., Any], given: Mapping[str, Any]) -> dict[str, Any]:
    names = inspect.signature(loader).parameters
    if any(one.kind is one.VAR_KEYWORD for one in names.values()):
        return dict(given)
    return {name: given[name] for name in names if name in given}


def mine(statement: Any, column: Any, who: Principal | None, *, tenant: Any = None, unless: str = "") -> Any:
    """A SQLAlchemy statement that gives the caller's rows alone: ``where(column == subject)``, and the tenant's where given.

    Nobody owns nothing: without a principal, or with a subject that the column cannot hold, no row is given.
    """
    if who is not None and unless and who.may(unless):
        return statement
    statement = statement.where(_held(column, None if who is None else who.subject))
    return statement if tenant is None else statement.where(_held(tenant, None if who is None else who.attributes.get(TENANT)))


def _held(column: Any, value: object) -> Any:
    try:
        kind = column.type.python_type
        return column.in_([]) if value is None else column == (value if isinstance(value, kind) else kind(value))
    except ValueError:
        return column.in_([])
    except NotImplementedError:
        return column == value
