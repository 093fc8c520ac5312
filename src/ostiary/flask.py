"""The guard for Flask.

    from ostiary.flask import Guard, public, require

    guard = Guard(app)

    @app.get("/api/v1/orders")
    @require("orders:read", limits="5 per minute")
    def orders(): ...

    @app.get("/health")
    @public("the load balancer asks without a key")
    def health(): ...

The decision is made on the rule that Flask itself matched, before hooks, views and body parsing; a route about which nobody decided is refused.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from ostiary.errors import MissingExtra, UsageError

try:
    import flask as _flask  # noqa: F401
except ModuleNotFoundError:
    raise MissingExtra("ostiary.flask", "flask") from None

from flask import Blueprint, Flask, Request, Response, after_this_request, has_request_context, request_finished
from flask import current_app as flask_app
from flask import globals as flask_globals
from flask import request as flask_request
from flask.sessions import SecureCookieSessionInterface
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import RequestRedirect

from ostiary.guard import answers
from ostiary.guard.authn.statics import static
from ostiary.guard.checks import Declared, Problem, bursts, endings, gate_reached, problems, warning
from ostiary.guard.core import Core
from ostiary.guard.cors import is_preflight
from ostiary.guard.decision import ALLOW, Decision, Deny
from ostiary.guard.declaration import MARK, Declaration, Delegated, merged, nearest
from ostiary.guard.declare import accepts, concurrent, cors, delegated, deprecated, distinct, exempt, limit, public, require
from ostiary.guard.facade import Facade
from ostiary.guard.ownership import owned
from ostiary.guard.policies import Compiled
from ostiary.guard.tokens import ENDPOINT, HEADERS, JWKS, LARGEST_FORM, PUBLISHED, KeyTokens
from ostiary.guard.webhooks import webhook
from ostiary.routes.flask import template
from ostiary.wsgi import KEY, PHRASES, Environ, Shim, StartResponse, WsgiRequest

if TYPE_CHECKING:
    from werkzeug.routing import Rule

__all__ = [
    "Guard",
    "accepts",
    "concurrent",
    "cors",
    "delegated",
    "deprecated",
    "distinct",
    "exempt",
    "limit",
    "owned",
    "public",
    "require",
    "static",
    "webhook",
]

EXTENSION = "ostiary"
logger = logging.getLogger("ostiary")


class Guard(Facade):
    """Guards one Flask app. Takes what ``ostiary.guard.settings.Options`` names; without an app, ``init_app`` is called later."""

    def __init__(self, app: Flask | None = None, **settings: Any) -> None:
        self._settings = settings
        self._blueprints: dict[object, Declaration] = {}
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Checks the settings, opens the stores and puts the guard in front of the app. Raises UsageError for a bad setting."""
        if EXTENSION in app.extensions:
            raise UsageError("this app has a guard already")
        core = Core(**self._settings)
        installed = Installed(app, core, self._blueprints)
        app.extensions[EXTENSION] = installed
        inner, app.wsgi_app = app.wsgi_app, None  # type: ignore[method-assign, assignment]
        app.wsgi_app = Shim(inner, core, installed.ready)  # type: ignore[method-assign]
        app.full_dispatch_request = installed.around(app.full_dispatch_request)  # type: ignore[method-assign]
        if core.tokens is not None:
            _hand_out(app, core.tokens)

    def protect(self, blueprint: Blueprint, declaration: Declaration) -> None:
        """What holds for every route of a blueprint that says nothing itself."""
        said = self._blueprints.get(blueprint)
        self._blueprints[blueprint] = declaration if said is None else merged(said, declaration)

    def csrf_token(self) -> str:
        """A token for a page: its scripts send it in X-CSRF-Token. The answer that is being made carries its cookie."""
        csrf, secure = flask_app.extensions[EXTENSION].core.csrf, flask_request.environ[KEY].secure
        token: str = csrf.token()
        after_this_request(lambda response: _with_cookie(response, csrf.set_cookie(token, secure=secure)))
        return token

    def _current(self) -> WsgiRequest | None:
        return flask_request.environ.get(KEY) if has_request_context() else None

    def _core(self) -> Core:
        core: Core = flask_app.extensions[EXTENSION].core
        return core


class Installed:
    """The guard of one app: in ``app.extensions["ostiary"]``."""

    def __init__(self, app: Flask, core: Core, blueprints: dict[object, Declaration]) -> None:
        self.app = app
        self.core = core
        self._blueprints = blueprints
        self._compiled: dict[tuple[int, str], tuple[Rule, Compiled]] = {}
        self._checked = False
        self._lock = threading.Lock()

    def ready(self) -> None:
        """Before the first request: every declaration is compiled, what cannot be is an error, what nobody declared is said."""
        if self._checked:
            return
        with self._lock:
            if not self._checked:
                found = self.problems()
                warning(logger, found, monitor=self.core.settings.monitor)
                for said in (*bursts(self.declared()), *endings(self.declared(), self.core.clock())):
                    logger.warning("%s", said)
                self._checked = True

    def problems(self) -> list[Problem]:
        """What ``ostiary guard check`` says of this app. Raises UsageError for a declaration that cannot be."""
        return problems(self.core, list(self.declared()))

    def declared(self) -> Iterator[Declared]:
        """Every method of every rule with its policy."""
        for rule in self.app.url_map.iter_rules():
            view = self.app.view_functions.get(rule.endpoint)
            if rule.build_only or view is None or self._empty(rule):
                continue
            for method in sorted((rule.methods or {"*"}) - {"HEAD", "OPTIONS"}):
                yield Declared(self.compiled(rule, method), view)

    def _empty(self, rule: Rule) -> bool:
        """Flask adds a rule for static files to every app; without the folder it serves nothing."""
        return rule.endpoint == "static" and not os.path.isdir(self.app.static_folder or "")

    def _gated(self, rule: Rule, view: Any, method: str, delegate: Delegated) -> bool:
        """Is the app's own gate on the route: around the view, or among the hooks that run before it?"""
        names = (None, *_blueprint_names(rule.endpoint))
        hooks = [hook for name in names for hook in self.app.before_request_funcs.get(name, ())]
        return gate_reached(delegate.gate, _method_of(view, method), view, *hooks)

    def compiled(self, rule: Rule, method: str) -> Compiled:
        """The policy of a method on a rule; made anew when the app has put another view in its place."""
        view = self.app.view_functions.get(rule.endpoint)
        found = self._compiled.get((id(rule), method))
        if found is not None and found[1].owner is view:
            return found[1]
        fresh = self._compile(rule, method, view)
        # The rule is kept beside it, so that its id stays its own.
        self._compiled[id(rule), method] = (rule, fresh)
        return fresh

    def _compile(self, rule: Rule, method: str, view: Any) -> Compiled:
        # By the blueprint itself: nested, or registered under another name, it is not called what it calls itself.
        outer = [self._blueprints.get(self.app.blueprints.get(name)) for name in _blueprint_names(rule.endpoint)]
        gated = partial(self._gated, rule, view, method)
        compiled = self.core.policies.compile(method, template(rule), _mark_of(view, method), outer, owner=view, gated=gated)
        if compiled.policy.timeout is not None:
            raise UsageError(f"{method} {compiled.template}: nothing can end a thread: set the time-out in the server (gunicorn --timeout)")
        return compiled

    def around(self, dispatch: Any) -> Any:
        """``full_dispatch_request`` of the app, with the decision before it."""

        core = self.core

        def guarded(*arguments: Any) -> Any:
            # Flask hands its context along from 3.2 on; the proxy is asked once, since each of its attributes costs a look-up of its own.
            asked = arguments[0].request if arguments else flask_request._get_current_object()  # type: ignore[attr-defined]
            request = asked.environ.get(KEY)
            shimmed = request is not None
            if request is None:
                # The app is called past its wsgi_app: nothing was checked on the way in.
                request = asked.environ[KEY] = WsgiRequest(asked.environ, core.clock())
                denied = core.arrive(request)
                if denied is not None:
                    return self._refusal(request, denied, arguments)
            try:
                decision = self._decide(request, asked)
            except Exception:  # noqa: BLE001 a declaration that cannot be, of a rule that came late
                decision = core.failed(request)
            if isinstance(decision, Deny):
                # Who calls this by hand wants a Response.
                if shimmed and decision.problem.status >= _ERRORS and self._unseen(arguments):
                    return _Refused(answers.refusal(request, decision))
                return self._refusal(request, decision, arguments)
            return dispatch(*arguments)

        return guarded

    def _decide(self, request: WsgiRequest, asked: Request) -> Decision:
        # As Flask sees it: a middleware inside the shim may have changed it.
        request.method = method = asked.method
        rule, failed = asked.url_rule, asked.routing_exception
        if rule is None or failed is not None:
            return self._unrouted(request, failed)
        if method == "OPTIONS" and is_preflight(request) and getattr(rule, "provide_automatic_options", False):
            # Flask answers by itself; no view is reached.
            request.decision = ALLOW
            return self.core.preflight(request, self._offered(asked)) or ALLOW
        compiled = self.compiled(rule, method if rule.methods is not None else "*")
        if compiled.owned is not None or compiled.policy.distinct is not None:
            request.parameters = asked.view_args or {}
        if compiled.policy.issues:
            # What compresses inside of the guard is not asked to.
            asked.environ.pop("HTTP_ACCEPT_ENCODING", None)
        return self.core.decide(request, compiled)

    def _offered(self, asked: Request) -> dict[str, Compiled]:
        """The policies of all methods that the path of this request has."""
        adapter = self.app.create_url_adapter(asked)
        found: dict[str, Compiled] = {}
        for method in adapter.allowed_methods() if adapter is not None else ():
            # Some methods of a path may be redirected.
            with contextlib.suppress(HTTPException):
                found[method] = self.compiled(adapter.match(return_rule=True, method=method)[0], method)  # type: ignore[union-attr]
        return found

    def _unrouted(self, request: WsgiRequest, failed: HTTPException | None) -> Decision:
        """No rule: Flask answers 404, 405 or the redirect of a slash, and no view is reached. Unknown paths have a limit of their own."""
        if isinstance(failed, (MethodNotAllowed, RequestRedirect)) and is_preflight(request):
            request.decision = ALLOW
            return ALLOW
        return self.core.decide(request, self.core.policies.unmatched)

    def _refusal(self, request: WsgiRequest, denied: Deny, arguments: tuple[Any, ...]) -> Response:
        """The refusal, through the app's own after_request functions, so that CORS headers are on it."""
        refused = answers.refusal(request, denied)
        response = self.app.response_class(refused.body or None, refused.status, refused.headers)
        finalize: Any = self.app.finalize_request
        return finalize(*arguments, response, from_error_handler=True)  # type: ignore[no-any-return]

    def _unseen(self, arguments: tuple[Any, ...]) -> bool:
        """Does nothing of the app look at an answer that no view gave, so that it need be no Response? No function after it, signal, session, and nothing of Flask's replaced."""
        app = self.app
        if request_finished.receivers or app.response_class is not Response or app.secret_key or any(app.after_request_funcs.values()):
            return False
        if type(app.session_interface) is not SecureCookieSessionInterface:
            return False
        context = arguments[0] if arguments else flask_globals.request_ctx
        own = [getattr(getattr(app, name), "__func__", None) is made for name, made in _FLASKS_OWN.items()]
        return all(own) and not context._after_request_functions


_ERRORS = 400
_FLASKS_OWN = {name: getattr(Flask, name) for name in ("finalize_request", "make_response", "process_response")}


class _Refused:
    """A refusal as a WSGI app, which is what Flask takes a response for."""

    __slots__ = ("_refused",)

    def __init__(self, refused: answers.Refusal) -> None:
        self._refused = refused

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:  # noqa: ARG002 the form of PEP 3333
        start_response(PHRASES[self._refused.status], self._refused.headers)
        return [self._refused.body]


def _with_cookie(response: Response, cookie: str) -> Response:
    response.headers.add("Set-Cookie", cookie)
    return response


def _hand_out(app: Flask, tokens: KeyTokens) -> None:
    """The token endpoint, and what verifies tokens."""

    def token() -> Any:
        who = flask_request.environ[KEY].principal
        given = tokens.exchange(who, flask_request.content_type or "", flask_request.stream.read(LARGEST_FORM + 1))
        return given.document, given.status, HEADERS

    app.add_url_rule(tokens.path, "ostiary.token", ENDPOINT(token), methods=["POST"])
    app.add_url_rule(JWKS, "ostiary.jwks", PUBLISHED(lambda: tokens.keys.published()))


def _blueprint_names(endpoint: str) -> list[str]:
    """The blueprints of an endpoint, the innermost first, named as they are registered."""
    parts = endpoint.split(".")[:-1]
    return [".".join(parts[:count]) for count in range(len(parts), 0, -1)]


def _method_of(view: Any, method: str) -> Any:
    """The function of a class-based view that answers a method; None where there is none."""
    view_class = getattr(view, "view_class", None)
    own = getattr(view_class, method.lower(), None)
    return getattr(view_class, "get", None) if own is None and method == "HEAD" else own


def _mark_of(view: Any, method: str) -> Declaration | None:
    """What a view says: its method's word before its class's, and what one leaves open from the other."""
    found = [getattr(thing, MARK, None) for thing in (_method_of(view, method), getattr(view, "view_class", None), view)]
    said = [mark for mark in found if mark is not None]
    if not said:
        return None
    return nearest(said)
