"""Calls of library functions that the tables of ``libraries`` know."""

from __future__ import annotations

import re
from collections.abc import Callable

from ostiary.scan.code import (
    attributes,
    bindings,
    calls,
    conditions,
    exempt,
    expressions,
    items,
    libraries,
    looking,
    refusals,
    schemes,
    unread,
)
from ostiary.scan.code.frames import Frame
from ostiary.scan.code.ir import Expr
from ostiary.scan.code.things import (
    ANYBODY,
    FALSE,
    NO_DEFAULT,
    NONE,
    ONWARD,
    REQUEST,
    TAINTED,
    UNKNOWN,
    Path,
    Thing,
    Ways,
    answer,
    bag,
    claim,
    const,
    flag,
    join,
    raw,
)
from ostiary.scan.code.values import Const, Ext, Made, Map, Member, Value, name_of, text
from ostiary.scan.lazy import Pattern

_MAX_GOING = 12
Args = list[Thing]
Kwargs = dict[str, Thing]
_ANONYMOUS = Pattern(r"anonym|guest", re.IGNORECASE)
_NO_STATUS = Pattern(r"(^|\.)(url_for|flash|jsonify|render_template(_string)?|send_file|send_from_directory)$")


def library(f: Frame, e: Expr, value: Value, path: Path, args: Args, kwargs: Kwargs) -> Ways:
    """A call of a library name, or of what one made."""
    name = libraries.plain(schemes.library_name(f.engine.world, value))
    role = libraries.role(name)
    if name == "functools.update_wrapper" and args:
        return [(path, args[0])]
    if ONWARD in args or ONWARD in kwargs.values():
        return _wrap(f, value, name, role, path)
    if isinstance(value, Made) and libraries.verdict(name) == "scheme":
        return schemes.scheme(f, value, path)
    handler = _ROLES.get(role)
    if handler is not None:
        return handler(f, e, value, name, path, args, kwargs)
    found = refusals.exception(f.engine.world, value, args, kwargs)
    if found is not None:
        return [(path, found)]
    if refusals.RESPONSES.search(name):
        return [(path, _response(name, args, kwargs))]
    if libraries.HTTP_AUTH.search(name.rpartition(".")[0]):
        return schemes.http_auth(f, e, name.rpartition(".")[2], path, args)
    return _other(f, e, value, name, path, args, kwargs)


def _wrap(f: Frame, value: Value, name: str, role: str, path: Path) -> Ways:
    """The handler given to a library: a decorator applied by hand, a thread pool, ``inspect``."""
    if role in ("plain", "log", "getattr", "hasattr", "isinstance", "truth"):
        return [(path, Thing("asked", "an attribute of the view function") if role in ("getattr", "hasattr") else UNKNOWN)]
    verdict = f.engine.judge.decorates(value, value, f.engine.request)
    if verdict == "gate":
        return [(path, Thing("gated"))]
    return [(path.label("unsure", name) if verdict == "unknown" else path, ONWARD)]


def _other(f: Frame, e: Expr, value: Value, name: str, path: Path, args: Args, kwargs: Kwargs) -> Ways:
    carried = join([*args, *kwargs.values()])
    if carried.kind in TAINTED or REQUEST in args or any(a.kind == "bag" for a in args) or isinstance(value, Member):
        return unread.unresolved(f, e, path, args, kwargs, Thing("unknown"))
    found = unread.unresolved(f, e, path, args, kwargs, Thing("unknown"))
    if found[0][1].kind != "unknown" or found[0][0] is not path:
        return found
    given = tuple(calls._value(a) for a in args)
    made = Made(value, given, {k: calls._value(v) for k, v in kwargs.items()}, e[1], f.func.function.module, e)
    thing = attributes.thing_of(f.engine, made)
    return [(path, thing if thing.kind != "unknown" else Thing("value", "", made))]


def response_status(args: Args, kwargs: Kwargs) -> int | None:
    """The status that a response class is given: by keyword or as second argument; 200 when none is."""
    for name in ("status_code", "status", "code"):
        if name in kwargs:
            return refusals.status_of(kwargs[name])
    second = refusals.status_of(args[1]) if len(args) > 1 and args[1].kind != "dict" else None
    return second if second is not None else 200


def _response(name: str, args: Args, kwargs: Kwargs) -> Thing:
    if _NO_STATUS.search(name):
        return answer(200)
    if args and args[0].kind in ("answer", "seq") and name.endswith("make_response"):
        inner = args[0] if args[0].kind == "answer" else args[0].value[1] if len(args[0].value) > 1 else UNKNOWN
        status = refusals.status_of(inner)
        return answer(status if len(args) < 2 else refusals.status_of(args[1]))
    return answer(response_status(args, kwargs))


def _abort(f: Frame, e: Expr, value: Value, name: str, path: Path, args: Args, kwargs: Kwargs) -> Ways:
    given = args[0] if args else kwargs.get("code") or kwargs.get("http_status_code") or kwargs.get("status_code") or kwargs.get("status")
    f.fail(path, answer(refusals.status_of(given)))
    return []


def _redirect(f: Frame, e: Expr, value: Value, name: str, path: Path, args: Args, kwargs: Kwargs) -> Ways:
    return [(path, answer(302, "login" if refusals.login_page((*e[3], *(v for _, v in e[4]))) else "redirect"))]


def _enforce(f: Frame, e: Expr, value: Value, name: str, path: Path, args: Args, kwargs: Kwargs) -> Ways:
    if kwargs.get("optional") == const(True):
        return [(path.test("identity"), UNKNOWN)]
    f.fail(path.test("identity"), answer(401))
    return []


def _verifier(f: Frame, e: Expr, value: Value, name: str, path: Path, args: Args, kwargs: Kwargs) -> Ways:
    carried = join([*args, *kwargs.values()])
    if _unverified(kwargs, args):
        return _claims(f, e, path, carried)
    kind = "login" if carried.kind == "raw" and carried.name.startswith("login:") else "verify"
    missing = carried.kind == "raw" and path.given.get(carried.name) is False
    f.fail(path.test("presence" if missing else kind), Thing("error", "verify"))
    return []


def _unverified(kwargs: Kwargs, args: Args) -> bool:
    """``verify=False``, ``options={"verify_signature": False}``, ``algorithms=["none"]``."""
    options = kwargs.get("options") or (args[3] if len(args) > 3 else UNKNOWN)
    wanted = _entry(options, "verify_signature")
    algorithms = kwargs.get("algorithms", UNKNOWN)
    listed = algorithms.value if algorithms.kind == "seq" else ()
    none = any(m.kind == "const" and str(m.value).lower() == "none" for m in listed)
    verify = kwargs.get("verify") or (args[2] if len(args) > 2 else UNKNOWN)
    return FALSE in (wanted, verify) or _off(wanted) or _off(verify) or none


def _claims(f: Frame, e: Expr, path: Path, carried: Thing) -> Ways:
    """What an unverified token says; without one there is nothing to decode."""
    if carried.kind != "raw":
        return [(path, claim("header:?"))]
    out: Ways = []
    for p, present in conditions.decide(f, carried, path, e):
        if present:
            out.append((p, claim(carried.name)))
        else:
            f.fail(p, Thing("error", "verify"))
    return out


def _off(thing: Thing) -> bool:
    return thing.kind in ("const", "flag") and thing.value is False


def _entry(options: Thing, key: str) -> Thing:
    if options.kind == "dict":
        return next((v for k, v in options.value if k == key), UNKNOWN)
    if options.kind == "value" and isinstance(options.value, Map):
        found = options.value.items.get(key)
        return const(found.value) if isinstance(found, Const) else UNKNOWN
    return UNKNOWN


def _same(f: Frame, e: Expr, value: Value, name: str, path: Path, args: Args, kwargs: Kwargs) -> Ways:
    if name.endswith("Headers"):
        return [(path, bag("header"))]
    if len(args) == 1 and args[0].kind in ("bag", "seq", "dict", "value", "nobody", "part", "flag", "const", "onward", "closure"):
        return [(path, args[0])]
    if args and args[0].kind == "raw" and f.tries:
        f.fail(path, Thing("error", "malformed"))
    return [(path, join([*args, *kwargs.values()]))]


def _compare(f: Frame, e: Expr, value: Value, name: str, path: Path, args: Args, kwargs: Kwargs) -> Ways:
    given = [*args, *kwargs.values()]
    if len(given) > 1 and all(t.kind == "raw" for t in given):
        return [(path, UNKNOWN)]
    first = next((t for t in given if t.kind in TAINTED), UNKNOWN)
    kind = "login" if first.name.startswith("login") else "verify"
    return [(path.test(kind), Thing("nobody", kind))]


def _password(f: Frame, e: Expr, value: Value, name: str, path: Path, args: Args, kwargs: Kwargs) -> Ways:
    given = [t for t in (*args, *kwargs.values()) if t.kind == "raw"]
    header = any(t.name.startswith("header:") for t in given)
    return [(path.test("verify" if header else "login"), Thing("nobody", "verify" if header else "login"))]


def _truth(f: Frame, e: Expr, value: Value, name: str, path: Path, args: Args, kwargs: Kwargs) -> Ways:
    if len(args) != 1 or not e[3]:
        return [(path, UNKNOWN)]
    thing = args[0]
    if thing.kind == "seq" and name in ("any", "all"):
        return [(path, join(list(thing.value)))]
    if thing.kind in ("nobody", "flag", "asked", "unknown"):
        return [(path, thing)]
    return [(p, const(went)) for p, went in conditions.decide(f, thing, path, e[3][0])]


def _isinstance(f: Frame, e: Expr, value: Value, name: str, path: Path, args: Args, kwargs: Kwargs) -> Ways:
    if not args or args[0].kind not in ("nobody", "const", "raw"):
        return [(path, UNKNOWN)]
    if args[0].kind == "const":
        return [(path, FALSE if args[0].value is None else UNKNOWN)]
    if args[0].kind == "raw":
        return [(path, UNKNOWN)]
    wanted = " ".join(name_of(a.value) for a in args[1:] if isinstance(a.value, Value))
    anonymous = bool(_ANONYMOUS.search(wanted))
    return [(path, Thing("nobody", args[0].name, soft=not anonymous, truth=anonymous))]


def _setting(f: Frame, e: Expr, value: Value, name: str, path: Path, args: Args, kwargs: Kwargs) -> Ways:
    key = args[0].value if args and args[0].kind == "const" else "a setting"
    default = args[1] if len(args) > 1 else kwargs.get("default", UNKNOWN)
    given = default.value if default.kind == "const" and default.value not in (None, "") else NO_DEFAULT
    return [(path, flag(str(key), given))]


def _scheme_param(f: Frame, e: Expr, value: Value, name: str, path: Path, args: Args, kwargs: Kwargs) -> Ways:
    return [(path, Thing("seq", value=(UNKNOWN, args[0] if args else UNKNOWN)))]


def _regex(f: Frame, e: Expr, value: Value, name: str, path: Path, args: Args, kwargs: Kwargs) -> Ways:
    if len(args) > 1 and args[1].kind == "part":
        return [(path, pattern(f, e, args[0], args[1], name.rpartition(".")[2]))]
    carried = join(args)
    if name.endswith("compile"):
        return [(path, Thing("value", "", Made(value, tuple(calls._value(a) for a in args), {}, e[1], f.func.function.module, e)))]
    return [(path, carried if carried.kind == "raw" else UNKNOWN)]


def pattern(f: Frame, e: Expr, holder: Thing, part: Thing, how: str) -> Thing:
    """``re.match(pattern, request.path)``, ``PATTERN.match(request.path)``."""
    source = holder.value if holder.kind == "const" else None
    if isinstance(holder.value, Made) and name_of(holder.value) in ("re.compile", "regex.compile") and holder.value.args:
        source = text(holder.value.args[0])
    found = conditions.part_text(f, part)
    if not isinstance(source, str) or found is None or how not in ("match", "search", "fullmatch"):
        return conditions.asked(part, e)
    return conditions.known(exempt.matches(found, source, how), part, e)


def any_all(f: Frame, e: Expr, path: Path) -> Ways:
    """``any(request.path.startswith(p) for p in EXEMPT)``: members taken one by one where they are known."""
    comp, stops = e[3][0], e[2][2] == "any"
    target, iterable, tests = comp[4][0]
    out: Ways = []
    for p, over in expressions.ways(f, iterable, path):
        members = items.members_of(f.engine, over)
        if members is None or len(comp[4]) > 1 or tests:
            out += [way for q, thing in expressions.ways(f, comp, p) for way in _truth(f, e, Ext("any"), e[2][2], q, [thing], {})]
            continue
        going = [p]
        for member in members:
            forks = [fork for q in going for fork in expressions.test(f, comp[3], bindings.bind_target(f, q, target, member))]
            out += [(q, const(stops)) for q, went in forks if went is stops]
            going = f.capped(list({q.key(): q for q, went in forks if went is not stops}.values()), _MAX_GOING)
        out += [(q, const(not stops)) for q in going]
    return out


_ROLES: dict[str, Callable[[Frame, Expr, Value, str, Path, Args, Kwargs], Ways]] = {
    "abort": _abort, "redirect": _redirect, "enforce": _enforce, "verifier": _verifier, "compare": _compare, "password": _password,
    "unverified": lambda f, e, v, n, p, a, k: _claims(f, e, p, join(a)),
    "same": _same, "scheme": _scheme_param, "truth": _truth, "isinstance": _isinstance, "getattr": looking.get, "hasattr": looking.has,
    "setting": _setting, "request": lambda f, e, v, n, p, a, k: [(p, REQUEST)], "headers": lambda f, e, v, n, p, a, k: [(p, bag("header"))],
    "identity": lambda f, e, v, n, p, a, k: [(p, ANYBODY)], "credential": lambda f, e, v, n, p, a, k: [(p, raw("header:authorization"))],
    "refusal": lambda f, e, v, n, p, a, k: [(p, answer(401))], "regex": _regex, "log": lambda f, e, v, n, p, a, k: [(p, NONE)],
    "plain": lambda f, e, v, n, p, a, k: [(p, UNKNOWN)],
}  # fmt: skip
