"""Ostiary's guard on an application, and what it does with each route: as ``ostiary.guard`` decides when the application runs.

A route about which nobody decided is refused. The nearest word counts: the route's own, then its path's (``routes=``, then the policy file),
then its blueprint's, then the application's default. In monitor mode the guard protects nothing.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from ostiary.errors import ConfigError
from ostiary.model.patterns import matches_route
from ostiary.model.route import UNDECLARED, DeclaredLimit, Gate, Location, Policy, PublicMark
from ostiary.model.scan import Skipped
from ostiary.scan.code import gate_places, ir, mounts
from ostiary.scan.code.frameworks import guard as guards
from ostiary.scan.code.frameworks.declared import GuardCode, Said, merged, nearest
from ostiary.scan.code.frameworks.guard import declaration, is_guard
from ostiary.scan.code.marks import Judgement
from ostiary.scan.code.sites import RouteCode
from ostiary.scan.code.values import Const, Made, Map, Member, Obj, Unknown, Value, name_of, text
from ostiary.scan.code.world import World
from ostiary.scan.records import altered, record

if TYPE_CHECKING:
    from ostiary.model.policyfile import PathPolicy

NAME = "ostiary guard"
_FILE = "ostiary.toml"
_UNDECLARED = "undeclared: the guard refuses it"
_MODE = "whether the guard enforces depends on configuration"


@record(frozen=True)
class Decision:
    """What the guard does with a route: ``judgement`` when it refuses strangers or may, ``public`` when it lets everybody pass."""

    policy: Policy
    limits: tuple[DeclaredLimit, ...] = ()
    judgement: Judgement | None = None
    public: PublicMark | None = None


class Guarding:
    """Answers what guards an application, and what that means for a route."""

    def __init__(self, w: World) -> None:
        self.world = w
        self._on: dict[int, GuardCode | None] = {}

    def of(self, code: RouteCode) -> Decision | None:
        """The decision on a route, None where no guard stands before it."""
        found = [self._at(code, place, guard) for place in range(len(code.owners)) if (guard := self._before(code, place)) is not None]
        return _all_of(found) if found else None

    def _at(self, code: RouteCode, place: int, guard: GuardCode) -> Decision:
        return self._decided(guard, nearest(self._said(guard, code, place)), code)

    def on(self, obj: Obj | None) -> GuardCode | None:
        """The guard that an application was given."""
        if obj is None:
            return None
        if id(obj) not in self._on:
            made = [(use, guard) for use in obj.wiring.uses if (guard := _given(use)) is not None]
            self._on[id(obj)] = self._read(made) if made else None
        return self._on[id(obj)]

    def _before(self, code: RouteCode, place: int) -> GuardCode | None:
        """A guard of an ASGI application judges what is mounted in it; one of a Flask application its own routes alone."""
        owner, inner = code.owners[place], code.owners[place + 1 :]
        if owner.kind == "flask.app" and any(o.kind.endswith(".app") for o in inner):
            return None
        return self.on(owner) if owner.kind.endswith(".app") else None

    # the settings of a guard

    def _read(self, made: list[tuple[Made, Made]]) -> GuardCode:
        use, guard = made[0]
        at = Location(use.module.path, ir.line_of(use.at), ir.column_of(use.at))
        enforces = {None if use.when else _enforces(one) for use, one in made}
        limits = guards.limits_of(guard.kwargs.get("limits"), at)[1] or ()
        routes, unsure = _by_path(guard.kwargs.get("routes"))
        file, lost = self._policy_file(guard)
        https, headers = guard.kwargs.get("https"), guards.switch(guard.kwargs.get("security_headers")) is not False
        off = text(https) == "off" or (https is None and text(guard.kwargs.get("environment")) == "development")
        hsts = guard.kwargs.get("hsts")
        return GuardCode(
            guard,
            at,
            enforces.pop() if len(enforces) == 1 else None,
            default=declaration(guard.kwargs.get("default")),
            limits=limits,
            routes=routes,
            file=file,
            https=not off,
            hsts=headers and not off and not (isinstance(hsts, Const) and hsts.value == 0),
            unsure=unsure or lost,
        )

    def _policy_file(self, guard: Made) -> tuple[tuple[PathPolicy, ...], str]:
        """The policies of ``ostiary.toml``, or of the file that is named, found from the folder of the module upwards; and why they are not known."""
        given = guard.kwargs.get("policy_file", Const(_FILE))
        if isinstance(given, Const) and given.value is None:
            return (), ""
        name = text(given)
        path = _upwards(guard.module.path, name, self.world.index.documents) if name is not None else None
        if path is None:
            return (), "" if name == _FILE else "the policy file of the guard was not found"
        # late, as most applications have no guard
        from ostiary.model import policyfile

        try:
            return policyfile.parse(self.world.index.documents[path].decode("utf-8"), path), ""
        except (ConfigError, UnicodeDecodeError) as error:
            skipped = Skipped(path, f"the policies of the guard could not be read: {error}", serious=True)
            self.world.index.skipped += [skipped] if skipped not in self.world.index.skipped else []
            return (), "the policy file of the guard could not be read"

    # what was said of a route

    def _said(self, guard: GuardCode, code: RouteCode, place: int) -> Iterator[Said | None]:
        """Everything that bears on a route, the nearest first."""
        mount = next((i for i in range(place + 1, len(code.owners)) if code.owners[i].kind == "flask.app"), None)
        if mount is not None and not guard.of_flask:
            # a Flask application in an ASGI one is judged where it is mounted
            yield self._of_path(guard, "*", f"{_prefix(self.world, code.owners[place : mount + 1])}/{{path}}")
        else:
            yield self._own(guard, code)
            below = _prefix(self.world, code.owners[: place + 1])
            yield self._of_path(
                guard, "GET" if code.route.method == "HEAD" else code.route.method, code.route.path.removeprefix(below) or "/"
            )
            yield from self._blueprints(guard, code)
        yield guard.default

    def _own(self, guard: GuardCode, code: RouteCode) -> Said | None:
        """The mark of the method before that of its class; in FastAPI what dependencies demand is added, unless it is public."""
        view = code.view
        own = merged(_read_all(guards.marks_of(view))) if view is not None else None
        outer = [guard_.value for guard_ in code.guards if guard_.kind in ("decorator", "base")]
        bases = self.world.bases(view.bound)[1:] if view is not None and isinstance(view.bound, Obj) else ()
        by_class = merged(_read_all([*outer, *guards.class_marks(bases)]))
        marked = [one for one in (own, by_class) if one is not None]
        said = nearest(marked) if marked else None
        if said is not None and said.policy.public:
            return said
        asked = _read_all(gate_places.dependencies(self.world, code)) if guard.of_fastapi else []
        return merged([*([said] if said is not None else []), *asked])

    def _of_path(self, guard: GuardCode, method: str, path: str) -> Said | None:
        in_code = [said for pattern, said in guard.routes if matches_route(pattern, (method, path))]
        found = [*in_code, *_in_file(guard.file, method, path)]
        return nearest(found) if found else Said(unsure=guard.unsure) if guard.unsure else None

    def _blueprints(self, guard: GuardCode, code: RouteCode) -> Iterator[Said]:
        """``guard.protect(blueprint, require(…))``, the innermost first."""
        for owner in reversed(code.owners):
            uses = [u for u in owner.wiring.uses if owner.kind == "flask.blueprint" and _protects(u, guard)]
            said = merged(_read_all(value for use in uses for value in (*use.args[1:], *use.kwargs.values())))
            if said is not None:
                yield said

    # what follows from it

    def _decided(self, guard: GuardCode, said: Said, code: RouteCode) -> Decision:
        policy = said.policy
        enforces = guard.enforces if policy.monitor is None else not policy.monitor
        public = PublicMark("guard", policy.reason) if policy.public and not said.unsure else None
        if enforces is False:
            # nothing is refused and nothing limited; that somebody decided and wrote down why holds all the same
            return Decision(policy, public=public)
        limits = said.limits if said.limits is not None else guard.limits
        gate = Gate("library", NAME, policy.at or guard.at)
        if said.unsure or enforces is None:
            return Decision(policy, limits, Judgement("unknown", (gate,), said.unsure or _MODE))
        if not policy.declared:
            return Decision(policy, limits, Judgement("gate", (gate,), _UNDECLARED))
        if public is not None:
            return Decision(policy, limits, public=public)
        if said.gates:
            return Decision(policy, limits, self._delegated(gate, said.gates[0], code))
        return Decision(policy, limits, Judgement("gate", (gate,)))

    def _delegated(self, gate: Gate, own: Value, code: RouteCode) -> Judgement | None:
        """The app's own gate decides, and is judged as any other; where it is not on the route, the guard refuses."""
        if isinstance(self.world.settle(own), Unknown):
            return Judgement("unknown", (gate,), "the gate that it is delegated to could not be followed")
        if gate_places.stands_on(self.world, own, code):
            return None
        return Judgement("gate", (gate,), f"delegated to {name_of(own).rpartition('.')[2]}, which is not on it: the guard refuses it")


def _all_of(found: list[Decision]) -> Decision:
    """Several guards, the outermost first: each may refuse."""
    judged = [one.judgement for one in found if one.judgement is not None]
    judgement = next((one for one in judged if one.verdict == "gate"), judged[0] if judged else None)
    public = found[-1].public if all(one.public is not None for one in found) else None
    return Decision(found[-1].policy, tuple(limit for one in found for limit in one.limits), judgement, public)


def _given(use: Made) -> Made | None:
    """The guard of ``Guard(app)`` or ``guard.init_app(app)``."""
    if is_guard(use):
        return use
    callee = use.callee
    if isinstance(callee, Member) and callee.name == "init_app" and isinstance(callee.base, Made) and is_guard(callee.base):
        return callee.base
    return None


def _enforces(guard: Made) -> bool | None:
    mode = guard.kwargs.get("mode")
    if mode is None:
        return True
    return {"enforce": True, "monitor": False}.get(text(mode) or "") if type(mode) is Const else None


def _by_path(routes: Value | None) -> tuple[tuple[tuple[str, Said], ...], str]:
    """``routes={"/health": "why it is public", "/static/**": require()}``, and why it is not known."""
    if routes is None or (isinstance(routes, Const) and routes.value is None):
        return (), ""
    if not isinstance(routes, Map):
        return (), "the routes= of the guard could not be followed"
    found = {k: declaration(v) or guards.reason(v) for k, v in routes.items.items() if isinstance(k, str)}
    return tuple(found.items()), "" if routes.whole else "the routes= of the guard could not be followed"


def _in_file(file: tuple[PathPolicy, ...], method: str, path: str) -> list[Said]:
    if not file:
        return []
    from ostiary.model import policyfile

    return [_of_file(one) for one in policyfile.matching(file, method, path)]


def _of_file(one: PathPolicy) -> Said:
    limits = one.policy.limits
    shown = None if limits is None else tuple(DeclaredLimit(limit.text, one.policy.at) for limit in limits)
    return Said(one.policy if one.policy.declared else altered(UNDECLARED, limits=limits, monitor=one.policy.monitor), shown)


def _read_all(values: Iterable[Value]) -> list[Said]:
    return [said for value in values if (said := declaration(value)) is not None]


def _protects(use: Made, guard: GuardCode) -> bool:
    callee = use.callee
    return isinstance(callee, Member) and callee.name == "protect" and callee.base is guard.made


def _upwards(module: str, name: str, documents: dict[str, bytes]) -> str | None:
    folder = posixpath.dirname(module)
    while True:
        path = posixpath.normpath(posixpath.join(folder, name))
        if path in documents or not folder:
            return path if path in documents else None
        folder = posixpath.dirname(folder)


def _prefix(w: World, owners: tuple[Obj, ...]) -> str:
    """Where the last of these applications is mounted in the first."""
    out = ""
    for outer, inner in pairwise(owners):
        child = next((c for c in mounts.children(w, outer) if mounts.target(w, c.value) is inner), None)
        out = out.rstrip("/") + (child.prefix or "" if child is not None else "")
    return out.rstrip("/")
