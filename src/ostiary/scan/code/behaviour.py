"""Public on purpose, by what a handler does: it checks a password that was just sent, starts an account, says that it is alive, shows a page…

What is done must be seen in the code; path and name only support it. A handler that gives or takes the data of others is not public.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ostiary.model.route import PublicMark
from ostiary.scan.code import habits, ir
from ostiary.scan.code.ir import Expr, Function
from ostiary.scan.code.values import Func, name_of
from ostiary.scan.lazy import Pattern
from ostiary.scan.records import record

if TYPE_CHECKING:
    from ostiary.scan.code.hints import Hints
    from ostiary.scan.code.world import World

_DEPTH = 2


@record
class _Seen:
    """What a handler does: names it calls, itself and two calls deep, and all words in its own body."""

    function: Function
    path: str
    method: str
    own: frozenset[str]
    deep: frozenset[str]
    words: frozenset[str]
    name: str

    def does(self, pattern: Pattern[str], deep: bool = True) -> bool:
        return any(pattern.search(n) for n in (self.deep if deep else self.own))

    def says(self, pattern: Pattern[str]) -> bool:
        return any(pattern.search(w) for w in self.words)


def public(world: World, hints: Hints, handler: Func, path: str, method: str) -> PublicMark | None:
    """Why a route is public on purpose, None when nothing says so."""
    seen = _look(hints, handler.function, path, method)
    for test, reason in _RULES:
        if test(seen):
            return PublicMark("behaviour", reason)
    return PublicMark("behaviour", "password login") if _has_login_form(world, handler) else None


def starts_session(hints: Hints, handler: Func, path: str, method: str) -> bool:
    """A login, its steps at another provider, or a reset: what it refuses is what was just sent."""
    seen = _look(hints, handler.function, path, method)
    return any(test(seen) for test in (_oauth, _reset, _register, _login))


def _look(hints: Hints, function: Function, path: str, method: str) -> _Seen:
    if function not in hints.said:
        hints.said[function] = _names(hints, function)
    own, deep, words = hints.said[function]
    name = f"{path} {function.name if not isinstance(function.parent, ir.ClassDef) else function.parent.name + '_' + function.name}"
    return _Seen(function, path, method, own, deep, words, _snake(name))


def _names(hints: Hints, function: Function) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """The names that a function calls, itself and two calls deep, and the words in it."""
    own = frozenset(ir.last_name(c[2]) for c in function.calls)
    deep, going, known = set(own), [function], {function}
    for _ in range(_DEPTH):
        going = [t for f in going for t in hints.called(f) if t not in known]
        known.update(going)
        deep.update(ir.last_name(c[2]) for f in going for c in f.calls)
    return own, frozenset(deep), _words(function)


def _snake(text: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text).lower()


def _words(function: Function) -> frozenset[str]:
    out = {p.name for p in function.params}
    pending: list[Any] = [function.body]
    while pending:
        node = pending.pop()
        for child in node:
            if type(child) is tuple:
                pending.append(child)
            elif type(child) is str and len(child) < 60:
                out.add(child)
    return frozenset(out)


def _segments(path: str) -> list[str]:
    return [s for s in path.lower().split("/") if s]


def _has_login_form(world: World, handler: Func) -> bool:
    from ostiary.scan.code.frameworks.depends import sources_of
    from ostiary.scan.code.libraries import verdict

    return any(s.value is not None and verdict(name_of(s.value)) == "form" for s in sources_of(world, handler))


def _docs(s: _Seen) -> bool:
    last = _segments(s.path)[-1:] or [""]
    shows = s.own & {"get_swagger_ui_html", "get_redoc_html", "get_openapi", "get_swagger_ui_oauth2_redirect_html"}
    return s.method == "GET" and (bool(shows) or (bool(habits.DOCS.match(last[0])) and not s.does(habits.DATA, deep=False)))


def _health(s: _Seen) -> bool:
    last = _segments(s.path)[-1:] or [""]
    small = len(s.function.body) <= 8 and "{" not in s.path
    return s.method in ("GET", "HEAD") and bool(habits.HEALTH.match(last[0])) and small and not (s.own - {"execute"}) & _collected(s.own)


def _collected(names: frozenset[str]) -> set[str]:
    return {n for n in names if habits.DATA.match(n)}


def _logout(s: _Seen) -> bool:
    return bool(habits.LOGOUT.search(s.name)) and s.does(habits.LEAVES)


def _reset(s: _Seen) -> bool:
    if not habits.RESET.search(s.name) or "admin" in s.name:
        return False
    return s.says(habits.SENT) and s.does(habits.RESETS)


def _login(s: _Seen) -> bool:
    if not habits.LOGIN.search(s.name) or "{" in s.path.rpartition("/")[2]:
        return False
    if s.does(habits.CHECKS) and (s.says(habits.PASSWORD) or s.does(habits.ISSUES)):
        return True
    return s.says(habits.PASSWORD) and (s.does(habits.ISSUES) or _compares_password(s.function))


def _compares_password(function: Function) -> bool:
    return any(any(habits.PASSWORD.search(str(n[-1])) for n in ir.walk(e) if n[0] in ("attr", "name", "str")) for e in function.compares)


def _register(s: _Seen) -> bool:
    return (
        bool(habits.REGISTER.search(s.name))
        and "admin" not in s.path
        and s.does(habits.MAKES)
        and (s.method == "GET" or s.says(habits.PASSWORD) or s.does(habits.MAKES, deep=False))
    )


def _oauth(s: _Seen) -> bool:
    if not habits.OAUTH.search(s.name):
        return False
    if s.does(habits.OAUTH_CALLS, deep=True) and not s.does(habits.LISTS, deep=False):
        return True
    if len(s.words & {"client_id", "redirect_uri", "authorization_code", "grant_type", "code_challenge", "response_type"}) > 1:
        return True
    starts = re.search(r"oauth|oidc|saml|\bsso\b", s.name) and s.own & {"redirect", "RedirectResponse"}
    return bool(starts) and s.method == "GET" and not _collected(s.own)


def _webhook(s: _Seen) -> bool:
    return s.method == "POST" and bool(habits.WEBHOOK.search(s.name)) and s.does(habits.SIGNATURES)


def _signed_link(s: _Seen) -> bool:
    """``if request.args["mac"] != link.mac: abort(404)``: who was given the link may read."""
    refuses = bool(s.own & {"abort", "HTTPException"}) or any(n[0] == "raise" for n in ir.walk(s.function.body))
    sides = [side for e in s.function.compares if e[3][0] in ("==", "!=") for side in (e[2], *e[4])]
    sides += [a for c in s.function.calls if ir.last_name(c[2]) == "compare_digest" for a in c[3]]
    params = {p.name for p in s.function.params}
    return s.method == "GET" and refuses and any(_is_signature(side, params) for side in sides)


def _is_signature(side: Expr, params: set[str]) -> bool:
    """A signature as the caller sends it: a parameter, or an item of the query."""
    if side[0] == "name":
        return side[2] in params and bool(habits.SIGNATURE.match(side[2]))
    if side[0] == "call" and side[2][0] == "attr" and side[2][3] == "get" and side[3]:
        side = ("sub", side[1], side[2][2], side[3][0])
    named = side[0] == "sub" and side[3][0] == "str" and bool(habits.SIGNATURE.match(side[3][2]))
    return named and ir.last_name(side[2]) in ("args", "query_params")


def _login_page(s: _Seen) -> bool:
    named = re.search(r"log[-_]?in|sign[-_]?in|sign[-_]?up|register|forgot", s.name)
    return s.method == "GET" and bool(named) and "{" not in s.path and bool(s.own & habits.PAGES) and not _collected(s.own)


def _page(s: _Seen) -> bool:
    """Nothing but a template, a file or a redirect that is the same for everybody."""
    if s.method not in ("GET", "HEAD", "ANY") or not s.own & habits.PAGES or s.own - habits.PAGES - habits.HELPERS:
        return False
    files = s.own & {"send_from_directory", "send_file", "FileResponse", "send_static_file"}
    return _plain_block(s.function.body) and (not files or not _opens_what_is_asked(s.function))


def _plain_block(body: tuple[Expr, ...]) -> bool:
    return len(body) <= 4 and all(s[0] in ("return", "assign", "expr", "import", "from") for s in body)


def _opens_what_is_asked(function: Function) -> bool:
    """``send_file(path)`` of a parameter is no static file; ``send_from_directory(FOLDER, path)`` is."""
    params = {p.name for p in function.params}
    for call in function.calls:
        if ir.last_name(call[2]) in ("send_file", "FileResponse") and any(
            n[0] == "name" and n[2] in params for e in call[3] for n in ir.walk(e)
        ):
            return True
    return False


def _constant(s: _Seen) -> bool:
    """The same words for everybody."""
    body = [st for st in s.function.body if not (st[0] == "expr" and st[2][0] == "str")]
    if s.method not in ("GET", "HEAD") or len(body) != 1 or body[0][0] != "return" or body[0][2] is None or "{" in s.path:
        return False
    return _fixed(body[0][2])


def _fixed(e: Expr) -> bool:
    if e[0] in ("str", "const"):
        return True
    if e[0] == "seq":
        return all(_fixed(i) for i in e[3])
    if e[0] == "dict":
        return all(k is not None and _fixed(k) for k in e[2]) and all(_fixed(v) for v in e[3])
    if e[0] == "call" and ir.last_name(e[2]) in (
        "jsonify",
        "Response",
        "JSONResponse",
        "PlainTextResponse",
        "HTMLResponse",
        "make_response",
        "dumps",
    ):
        return all(_fixed(a) for a in e[3]) and all(_fixed(v) for _, v in e[4])
    return False


_RULES: tuple[tuple[Callable[[_Seen], bool], str], ...] = (
    (_docs, "documentation page"),
    (_health, "health check"),
    (_logout, "logout"),
    (_webhook, "webhook whose signature is verified"),
    (_oauth, "step of a login at another provider"),
    (_reset, "confirms something that was sent to the user, or asks for it"),
    (_register, "registration"),
    (_login, "login: checks a password or code that was just sent, or issues a token for it"),
    (_login_page, "login or registration page"),
    (_signed_link, "link that the server signed"),
    (_page, "page, file or redirect that is the same for everybody"),
    (_constant, "answers the same words to everybody"),
)
