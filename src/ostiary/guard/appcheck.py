"""``ostiary guard check module:app``: imports the app, as its server would, and reads its guard."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

from ostiary.errors import OstiaryError, UsageError
from ostiary.guard.checks import Declared, Problem, place

_NAME = "ostiary"


class Checked:
    """What the guard of an app demands, route by route, and what is wrong with it."""

    def __init__(self, installed: Any) -> None:
        self.declared: list[Declared] = sorted(installed.declared(), key=lambda one: (one.compiled.template, one.compiled.method))
        self.problems: list[Problem] = installed.problems()
        self.monitor: bool = installed.core.monitor

    def rows(self) -> list[dict[str, str]]:
        """One row a route: method, path, demands, limits, at."""
        return [_row(one) for one in self.declared]


def check(target: str) -> Checked:
    """The app that ``package.module:name`` (or ``:make()``) names. Raises UsageError when there is none, or no guard on it."""
    app = load(target)
    installed = getattr(app, "extensions", {}).get(_NAME) or getattr(getattr(app, "state", None), _NAME, None)
    if installed is None:
        raise UsageError(f"{target} has no guard: write Guard(app) from ostiary.flask or ostiary.fastapi")
    return Checked(installed)


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
        "at": place(one.view),
    }


def demands(one: Declared) -> str:
    """What a caller must show, in words."""
    policy = one.compiled.policy
    if not policy.declared:
        return "undeclared"
    if policy.public:
        return f"public: {policy.reason}"
    words = [one.compiled.delegate.name] if one.compiled.delegate is not None else ["credential"]
    words += [f"all of {' '.join(policy.scopes)}"] if policy.scopes else []
    words += [f"one of {' '.join(policy.any_scopes)}"] if policy.any_scopes else []
    words += [f"from {' '.join(policy.networks)}"] if policy.networks is not None else []
    return ", ".join(words)
