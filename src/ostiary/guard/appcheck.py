"""``ostiary guard check module:app``: imports the app, as its server would, and reads its guard."""

from __future__ import annotations

import importlib
import os
import sys
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

from ostiary.errors import OstiaryError, UsageError
from ostiary.guard.checks import Declared, Problem, endings, last_day, place

if TYPE_CHECKING:
    from ostiary.guard.policies import Compiled

_NAME = "ostiary"
FORGED = "192.0.2.123"
"""An address of RFC 5737 that nobody has."""
_WAIT = 5.0


class Checked:
    """What the guard of an app demands, route by route, and what is wrong with it."""

    def __init__(self, installed: Any) -> None:
        self.declared: list[Declared] = sorted(installed.declared(), key=lambda one: (one.compiled.template, one.compiled.method))
        self.problems: list[Problem] = installed.problems()
        self.warnings: list[str] = endings(self.declared, installed.core.clock())
        self.monitor: bool = installed.core.settings.monitor

    def rows(self) -> list[dict[str, str]]:
        """One row a route: method, path, demands, limits, at."""
        return [_row(one) for one in self.declared]


def check(target: str, url: str | None = None) -> Checked:
    """The app that ``package.module:name`` (or ``:make()``) names; with ``url`` the running one is asked, too.

    Raises UsageError when there is none, or no guard on it.
    """
    app = load(target)
    installed = installed_on(app)
    if installed is None:
        raise no_guard(target)
    found = Checked(installed)
    if url is not None:
        found.problems += forged(installed.core, url)
    return found


def no_guard(target: str) -> UsageError:
    return UsageError(f"{target} has no guard: write Guard(app) from ostiary.flask, ostiary.fastapi, ostiary.wsgi or ostiary.asgi")


def installed_on(app: Any) -> Any:
    """What was installed on the app, or stands around it: also in the place where a framework lets its callable be wrapped."""
    extensions = getattr(app, "extensions", None)
    installed = extensions.get(_NAME) if isinstance(extensions, dict) else None
    around = [getattr(one, "paths", None) for one in (app, getattr(app, "wsgi_app", None), getattr(app, "asgi_app", None))]
    return installed or getattr(getattr(app, "state", None), _NAME, None) or next((one for one in around if hasattr(one, "declared")), None)


def forged(core: Any, url: str, wait: float = _WAIT) -> list[Problem]:
    """Calls the running app with forged forwarding headers (NET-1) and reads in its events which address it believed.

    Raises UsageError when no guard answers, and when the event does not come within ``wait`` seconds.
    """
    request_id = _asked(url)
    deadline = time.monotonic() + wait
    while time.monotonic() < deadline:
        for event in core.recorder.store.recent(1000):
            if event.request_id == request_id:
                return [_believed(core)] if event.address == core.kept_address(FORGED) else []
        time.sleep(0.1)
    raise UsageError(f"{url} answered, but its event is not in {core.settings.events_url}: run this with the settings of that server")


def _believed(core: Any) -> Problem:
    ours = "the proxy in front passes on what clients send: let it overwrite X-Forwarded-For"
    server = "its server believes X-Forwarded-For: start uvicorn with --no-proxy-headers, and write proxies=1 behind a proxy"
    return Problem("forged-address", "a stranger may choose the client's address", server if core.settings.trust.nobody else ours)


def _asked(url: str) -> str:
    """The id of the request that was made."""
    if not url.startswith(("http://", "https://")):
        raise UsageError(f"{url!r} is no URL; write http://127.0.0.1:8000/health")
    headers = {"X-Forwarded-For": FORGED, "X-Real-IP": FORGED, "Forwarded": f"for={FORGED}"}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:  # noqa: S310 http and https only
            found = answer.headers.get("X-Request-Id")
    except urllib.error.HTTPError as refused:
        found = refused.headers.get("X-Request-Id")
    except OSError as error:
        raise UsageError(f"{url} does not answer: {getattr(error, 'reason', error)}") from None
    if not found:
        raise UsageError(f"{url} answers without X-Request-Id: no guard of ours is there")
    return str(found)


def load(target: str) -> Any:
    """Imports and gives the app object. What the app's own code raises is told in one line."""
    module, colon, name = target.partition(":")
    if not colon or not module or not name:
        raise UsageError(f"{target!r} names no app; write package.module:app, or package.module:create_app()")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        found = importlib.import_module(module)
        thing = getattr(found, name.removesuffix("()"))
        return thing() if name.endswith("()") else thing
    except OstiaryError:
        raise
    except ModuleNotFoundError as error:
        raise UsageError(f"{target}: no module named {error.name}") from None
    except AttributeError as error:
        raise UsageError(f"{target}: {error}") from None
    except SystemExit as error:
        raise UsageError(f"{target} does not start: it ends itself with {error.code!r}") from None
    except Exception as error:
        raise UsageError(f"{target} does not start: {type(error).__name__}: {error}") from error


def _row(one: Declared) -> dict[str, str]:
    compiled = one.compiled
    limits = [str(limit) for _, limit in (*compiled.by_address, *compiled.by_principal)]
    return {
        "method": compiled.method,
        "path": compiled.template,
        "demands": demands(one),
        "limits": "; ".join(limits),
        "at": place(one.view) or str(compiled.policy.at or ""),
    }


def demands(one: Declared) -> str:
    """What a caller must show, in words."""
    policy = one.compiled.policy
    if not policy.declared:
        return "undeclared"
    if policy.public:
        return ", ".join([f"public: {policy.reason}", *_besides(one.compiled)])
    words = [_credential(one.compiled)]
    words += [f"all of {' '.join(policy.scopes)}"] if policy.scopes else []
    words += [f"one of {' '.join(policy.any_scopes)}"] if policy.any_scopes else []
    words += [f"from {' '.join(policy.networks)}"] if policy.networks is not None else []
    words += [f"owner by {policy.owner}"] if policy.owner else []
    return ", ".join([*words, *_besides(one.compiled)])


def _credential(compiled: Compiled) -> str:
    """Who may call: the app's own gate, a webhook's sender, a signature, a credential."""
    signature, policy = compiled.signature, compiled.policy
    if compiled.delegate is not None:
        return compiled.delegate.name
    if compiled.webhook is not None:
        return f"webhook of {compiled.webhook.kind}"
    schemes = f"credential ({' or '.join(policy.schemes)})" if policy.schemes else "credential"
    if signature is None:
        return f"{schemes} or ticket" if policy.tickets else schemes
    signed = " ".join(
        ["signature", *(["over", *signature.more] if signature.more else []), *(["(streamed)"] if signature.streamed else [])]
    )
    return signed if signature.required else schemes


def _besides(compiled: Compiled) -> list[str]:
    """What else is demanded of a call, and what is done to its answer."""
    policy, ends = compiled.policy, compiled.lifecycle
    words = [f"different {name}: {limit}" for name, limit in [policy.distinct]] if policy.distinct is not None else []
    words += [f"{most} at a time{'' if place else ' in all'}" for place, most in compiled.concurrent]
    words += [f"brings {' or '.join(policy.accepts)}"] if policy.accepts is not None else []
    words += [f"at most {policy.max_body} bytes"] if policy.max_body is not None else []
    words += [f"JSON {policy.json_depth} deep at most"] if policy.json_depth is not None else []
    words += [f"within {policy.timeout:g} s"] if policy.timeout is not None else []
    words += [f"shared with {' '.join(compiled.cors.origins or ('*',))}"] if compiled.cors is not None else []
    words += ["deprecated" + (f" until {last_day(ends)}" if ends.sunset is not None else "")] if ends is not None else []
    words += ["answers signed"] if policy.sign_response else []
    return words
