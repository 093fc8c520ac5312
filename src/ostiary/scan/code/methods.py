"""Methods of things: ``request.headers.get(…)``, ``token.split(…)``, ``request.path.startswith(…)``, ``current_user.has_role(…)``."""

from __future__ import annotations

from collections.abc import Callable

from ostiary.scan.code import attributes, calls, conditions, credentials, exempt, items, known, libraries, settings, unread
from ostiary.scan.code.frames import Frame
from ostiary.scan.code.ir import Expr
from ostiary.scan.code.things import ADDRESS, NO_DEFAULT, NONE, ONWARD, UNKNOWN, Path, Thing, Ways, answer, bag, const, join
from ostiary.scan.code.values import Unknown

Args = list[Thing]
Kwargs = dict[str, Thing]
_GETS = ("get", "getlist", "get_all", "getone", "pop", "setdefault", "getfirst", "__getitem__")
_BODY = ("json", "get_json", "form", "body", "get_data", "receive_json", "receive_text", "receive_bytes", "receive", "stream", "values")
_FORMAT = frozenset(
    (
        "startswith",
        "endswith",
        "isdigit",
        "isalnum",
        "isascii",
        "isalpha",
        "count",
        "find",
        "index",
        "isspace",
        "islower",
        "isupper",
        "isnumeric",
    )
)
_TEXT = ("lower", "upper", "strip", "rstrip", "lstrip", "removeprefix", "removesuffix", "casefold")


def method(f: Frame, e: Expr, base: Thing, name: str, path: Path, args: Args, kwargs: Kwargs) -> Ways:
    """``base.name(…)``."""
    handler = _TABLE.get(base.kind)
    if handler is not None:
        return handler(f, e, base, name, path, args, kwargs)
    return unread.unresolved(f, e, path, args, kwargs, base)


def _bag(f: Frame, e: Expr, base: Thing, name: str, path: Path, args: Args, kwargs: Kwargs) -> Ways:
    if base.name == "config" and name in _GETS and args:
        return [(path, _setting(f, args, kwargs))]
    if name in _GETS and (args or "key" in kwargs):
        return [(path, items.item(f.engine, base, args[0] if args else kwargs["key"]))]
    if name in ("items", "values", "keys", "copy", "to_dict", "mutablecopy"):
        return [(path, base)]
    if base.name == "config":
        return (
            unread.unresolved(f, e, path, args, kwargs, base)
            if libraries.authish(name)
            else [(path, settings.setting(f.engine, name, None))]
        )
    return [(path, UNKNOWN)]


def _setting(f: Frame, args: Args, kwargs: Kwargs) -> Thing:
    name = args[0].value if args[0].kind == "const" and isinstance(args[0].value, str) else None
    if name is None:
        return settings.setting(f.engine, "a setting", None)
    found = settings.setting(f.engine, name, None)
    if found.value is not NO_DEFAULT:
        return found
    default = args[1] if len(args) > 1 else kwargs.get("default", NONE)
    return Thing("flag", name, default.value) if default.kind == "const" else found


def _raw(f: Frame, e: Expr, base: Thing, name: str, path: Path, args: Args, kwargs: Kwargs) -> Ways:
    if name in _FORMAT:
        return conditions.form(f, path, base, e)
    if name in ("split", "rsplit", "partition", "rpartition", "decode", "encode", "index") and f.tries:
        f.fail(path, Thing("error", "malformed"))
    if name == "get" or not libraries.authish(name):
        return [(path, base)]
    return unread.unresolved(f, e, path, args, kwargs, base)


def _nobody(f: Frame, e: Expr, base: Thing, name: str, path: Path, args: Args, kwargs: Kwargs) -> Ways:
    if name == "_get_current_object":
        return [(path, base)]
    if any(a.name.startswith("login:") for a in args if a.kind == "raw"):
        return [(path.test("login"), Thing("nobody", "login"))]
    return [(path, attributes.attribute(f.engine, base, name))]


def _request(f: Frame, e: Expr, base: Thing, name: str, path: Path, args: Args, kwargs: Kwargs) -> Ways:
    if name == "close":
        f.fail(path, answer(401))
        return []
    if name in _BODY:
        return [(path, bag("body"))]
    if name == "get":
        return [(path, items.item(f.engine, base, args[0]) if args else UNKNOWN)]
    if credentials.is_identity(name) or libraries.authish(name):
        return [(path, Thing("nobody", "identity", soft=True))]
    return [(path, UNKNOWN)]


def _part(f: Frame, e: Expr, base: Thing, name: str, path: Path, args: Args, kwargs: Kwargs) -> Ways:
    text = conditions.part_text(f, base)
    if name in ("startswith", "endswith") and args:
        return [(path, _affix(f, e, base, text, name, args[0]))]
    if name in _TEXT and text is not None and all(a.kind == "const" and isinstance(a.value, str) for a in args):
        return [(path, Thing("part", base.name, getattr(text, name)(*[a.value for a in args])))]
    if name == "split" and text is not None and args and args[0].kind == "const" and isinstance(args[0].value, str) and args[0].value:
        return [(path, Thing("seq", value=tuple(Thing("part", base.name, piece) for piece in text.split(args[0].value))))]
    if name in _TEXT or name in ("split", "partition", "rpartition", "encode", "decode", "replace", "rsplit"):
        return [(path, base)]
    return [(path, conditions.asked(base, e))]


def _affix(f: Frame, e: Expr, base: Thing, text: str | None, name: str, given: Thing) -> Thing:
    found = items.members_of(f.engine, given) or [given]
    if text is None or not all(m.kind == "const" and isinstance(m.value, str) for m in found):
        return conditions.asked(base, e)
    test = exempt.starts if name == "startswith" else exempt.ends
    return conditions.known(exempt.any_of([test(text, m.value) for m in found]), base, e)


def _const(f: Frame, e: Expr, base: Thing, name: str, path: Path, args: Args, kwargs: Kwargs) -> Ways:
    if base.value is None:
        f.fail(path, Thing("error", "AttributeError"))
        return []
    if isinstance(base.value, (str, bytes)) and name in (*_TEXT, "startswith", "endswith") and all(a.kind == "const" for a in args):
        try:
            return [(path, const(getattr(base.value, name)(*[a.value for a in args])))]
        except (TypeError, ValueError):
            return [(path, UNKNOWN)]
    return [(path, join([*args, *kwargs.values()]))]


def _value(f: Frame, e: Expr, base: Thing, name: str, path: Path, args: Args, kwargs: Kwargs) -> Ways:
    if isinstance(base.value, Unknown):
        return unread.unresolved(f, e, path, args, kwargs, base)
    if name in ("match", "search", "fullmatch") and args and args[0].kind == "part":
        return [(path, known.pattern(f, e, base, args[0], name))]
    members = items.members_of(f.engine, base)
    if members is not None:
        return _container(f, e, base, name, path, args)
    supplied = calls.supplied_attribute(f, base, name, path)
    if supplied is not None:
        return [way for p, target in supplied for way in calls.apply(f, e, target, p, args, kwargs)]
    target = attributes.attribute(f.engine, base, name)
    if target.kind == "unknown" or (target.kind == "flag" and not args):
        return [(path, target)] if target.kind == "flag" else unread.unresolved(f, e, path, args, kwargs, base)
    return calls.apply(f, e, target, path, args, kwargs)


def _container(f: Frame, e: Expr, base: Thing, name: str, path: Path, args: Args) -> Ways:
    if name in ("get", "pop") and args and args[0].kind == "const":
        found = items.item(f.engine, base, args[0])
        return [(path, found if found is not UNKNOWN else args[1] if len(args) > 1 else NONE)]
    if name in ("get", "pop") and args and is_credential(args[0]):
        # a stranger's key is not among those that are written down
        return [(path.test("verify"), args[1] if len(args) > 1 else NONE)]
    if name == "get" and args and args[0].kind == "part":
        return [(path, conditions.asked(args[0], e))]
    return [(path, UNKNOWN)]


def is_credential(thing: Thing) -> bool:
    """What a stranger sends as his key, and not to log in."""
    return thing.kind == "raw" and not thing.soft and thing.value != "claim" and not thing.name.startswith("login:")


def _known(f: Frame, e: Expr, base: Thing, name: str, path: Path, args: Args, kwargs: Kwargs) -> Ways:
    if name == "get" and args:
        return [(path, items.item(f.engine, base, args[0]))]
    if name in ("items", "values", "keys", "copy"):
        return [(path, base if name == "copy" else join([base]))]
    if name == "pop" and args and base.kind == "dict":
        return [(path, items.item(f.engine, base, args[0]))]
    if e[2][2][0] == "name" and name in ("append", "add", "extend", "insert", "update", "setdefault", "clear", "remove", "pop"):
        grown = (
            Thing("seq", value=(*base.value, args[0]))
            if name == "append" and args and base.kind == "seq" and len(base.value) < 6
            else UNKNOWN
        )
        return [(path.bind(e[2][2][2], grown), UNKNOWN)]
    return [(path, UNKNOWN)]


def _flag(f: Frame, e: Expr, base: Thing, name: str, path: Path, args: Args, kwargs: Kwargs) -> Ways:
    if name == "get" and args:
        return [(path, items.item(f.engine, Thing("bag", "config"), args[0]))]
    if isinstance(base.value, str) and name in _TEXT and not args:
        return [(path, Thing("flag", base.name, getattr(base.value, name)()))]
    if args and any(a.kind in ("request", "raw", "nobody") for a in args):
        return unread.unresolved(f, e, path, args, kwargs, UNKNOWN)
    return [(path, Thing("flag", base.name))] if name not in _TEXT else [(path, base)]


def _onward(f: Frame, e: Expr, base: Thing, name: str, path: Path, args: Args, kwargs: Kwargs) -> Ways:
    return calls.apply(f, e, ONWARD, path, args, kwargs) if name in ("__call__", "func", "run", "dispatch") else [(path, UNKNOWN)]


def _error(f: Frame, e: Expr, base: Thing, name: str, path: Path, args: Args, kwargs: Kwargs) -> Ways:
    return [(path, base if name in ("with_traceback", "get_response", "with_headers") else UNKNOWN)]


_TABLE: dict[str, Callable[[Frame, Expr, Thing, str, Path, Args, Kwargs], Ways]] = {
    "bag": _bag, "raw": _raw, "nobody": _nobody, "request": _request, "part": _part, "const": _const, "value": _value, "seq": _known, "dict": _known,
    "flag": _flag, "onward": _onward, "answer": _error, "error": _error, "address": lambda f, e, b, n, p, a, k: [(p, ADDRESS)],
    "asked": lambda f, e, b, n, p, a, k: [(p, b)], "view": lambda f, e, b, n, p, a, k: [(p, b)],
}  # fmt: skip
