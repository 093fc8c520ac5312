"""What every framework's ``Guard`` offers to the app, whatever the framework."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ostiary.errors import UsageError
from ostiary.guard import ownership
from ostiary.guard.declare import accepts, concurrent, cors, delegated, deprecated, distinct, exempt, limit, public, require

if TYPE_CHECKING:
    from ostiary.guard.core import Core
    from ostiary.guard.decision import Principal
    from ostiary.guard.request import Request


class Facade:
    """``_current`` gives the request whose handler is running, None outside one."""

    require = staticmethod(require)
    public = staticmethod(public)
    limit = staticmethod(limit)
    exempt = staticmethod(exempt)
    delegated = staticmethod(delegated)
    deprecated = staticmethod(deprecated)
    accepts = staticmethod(accepts)
    cors = staticmethod(cors)
    distinct = staticmethod(distinct)
    concurrent = staticmethod(concurrent)

    def _current(self) -> Request | None:
        raise NotImplementedError

    def _core(self) -> Core:
        """Of the app that handles the call."""
        raise NotImplementedError

    def ticket(self, principal: Principal, route: str) -> str:
        """For one call of ``route`` (a path, or a template as in ``/feed/{room}``) as ``principal``, within 30 seconds, as ``?ticket=``.

        The route says ``require(tickets=True)``. Raises UsageError, also where no call is being handled.
        """
        if self._current() is None:
            raise UsageError("ticket: only while a call is being handled")
        return self._core().tickets.issue(principal, route)

    @property
    def principal(self) -> Principal | None:
        """Who is calling; None outside a request, on a public route, and where nobody was proved."""
        request = self._current()
        return request.principal if request is not None else None

    @property
    def loaded(self) -> Any:
        """What the loader of ``owner=`` gave for this call; None where there is none."""
        request = self._current()
        return request.loaded if request is not None else None

    @property
    def given(self) -> Any:
        """What the schema of ``accepts(body=…)`` made of this call's content; None where there is none."""
        request = self._current()
        return request.given if request is not None else None

    def mine(self, statement: Any, column: Any, *, tenant: Any = None, unless: str = "") -> Any:
        """A SQLAlchemy statement that gives the caller's rows alone: ``guard.mine(select(Order), Order.owner_id)``.

        ``tenant``: the column that names the tenant. ``unless``: whoever holds this scope sees all. Without a caller no row is given.
        """
        return ownership.mine(statement, column, self.principal, tenant=tenant, unless=unless)
