"""Public on purpose, by what a handler does: it checks a password that was just sent, starts an account, says that it is alive, shows a page…

What is done must be seen in the code; path and name only support it. A handler that gives or takes the data of others is not public.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ostiary.model.route import PublicMark
from ostiary.scan.code import ir
from ostiary.scan.code.ir import Expr, Function
from ostiary.scan.code.values import Func, name_of
from ostiary.scan.lazy import Pattern

if TYPE_CHECKING:
    from ostiary.scan.code.hints import Hints
    from ostiary.scan.code.world import World

_DEPTH = 2
_LOGIN = Pattern(
    r"log_?-?[io]n(?!g)|sign_?-?[io]n|(^|[/_-])(auth|token|tokens|session|sessions|authenticate|access[-_]token|sso|ldap|saml|jwt|otp|2fa|mfa|magic)([/_-]|$)|get_token|obtain"
)
_REGISTER = Pattern(r"register|registration|sign_?-?up|create_?-?account|onboard|(^|/)setup(/|$)|enrol")
_RESET = Pattern(
    r"(reset|forgot|forgotten|recover|lost|new|confirm)[-_/]*(the[-_])?pass|pass\w*[-_/]*(reset|recover|forgot|forget|lost)|(^|[/_-])(reset|forgot|recover|recovery)([/_-]|$)|"
    r"(^|[/_-])(confirm|activate|activation|verify|verification|unsubscribe|invite|invitation|accept[-_]invite|reactivate)([/_-]|$)|verify[-_]?e?mail|confirm[-_]?e?mail"
)
_LOGOUT = Pattern(r"(log|sign)[-_]?(out|off)")
_HEALTH = Pattern(
    r"^(health|healthz|healthcheck|health[-_]check|ping|pong|version|ready|readyz|readiness|live|livez|liveness|alive|status|heartbeat|up|_health|is[-_]?alive|\.?status\.json)$"
)
_DOCS = Pattern(
    r"^(docs?|redoc|swagger|swagger-?ui|openapi(\.json|\.ya?ml)?|swagger\.json|apispec(\.json)?|api-docs|api-doc|rapidoc|scalar)$"
)
_OAUTH = Pattern(r"oauth|oidc|openid|\bsso\b|saml|callback|authorize|google|github|facebook|microsoft|azure|gitlab|discord|apple")
_WEBHOOK = Pattern(r"web_?-?hook|(^|[/_-])hooks?([/_-]|$)|ipn|callback|events?$|stripe|github|slack")

_CHECKS = Pattern(
    r"^(check_password(_hash)?|checkpw|verify_password|verify_and_update(_password)?|validate_password|check_passwd|authenticate(_user)?|login_user|bind_user|simple_bind_s|password_matches|is_correct_password|compare_password|do_login|log_in|sign_in|auth_\w*user)$"
)
_ISSUES = Pattern(
    r"(create|generate|make|issue|encode|get|new|sign|build)_?(\w*_)?(access|auth|refresh|jwt|bearer|session|id)?_?(token|jwt|session)s?(_response|_pair|_jwt)?$|^(login_user|set_access_cookies|set_cookie|encode|encode_auth_token|token_response)$"
)
_MAKES = Pattern(
    r"^(add|save|create\w*|insert\w*|register\w*|sign_?up\w*|set_password|hash_password|generate_password_hash|hashpw|new_user|validate_on_submit|persist|store)$"
)
_RESETS = Pattern(
    r"(send|validate|verify|check|decode|load|consume|confirm|generate|get|unserialize|create|reset|set|hash|update|find|mark)\w*(password|token|reset|email|mail|pin|code|otp|activation|invite|invitation|confirm)\w*$|^(loads|unsign|set_password|hash_password|sendmail|send_mail|send_email|validate_on_submit|compare_digest)$"
)
_LEAVES = Pattern(
    r"^(logout_user|logout\w*|clear|pop|delete_cookie|unset_\w*cookies|revoke\w*|expire\w*|sign_out|blacklist\w*|clear_user_session|remove_session|delete_session|forget)$"
)
_DATA = Pattern(
    r"^(query|filter|filter_by|select|all|scalars|scalar|get_or_404|first_or_404|find|find_one|find_all|fetchall|fetchone|aggregate|delete|commit|add|update|insert|save|paginate|create_all|drop_all|environ|getenv|system|popen|Popen|remove)$"
)
_PAGES = frozenset(
    (
        *(
            "render_template",
            "render_template_string",
            "TemplateResponse",
            "HTMLResponse",
            "send_file",
            "send_from_directory",
            "FileResponse",
            "send_static_file",
        ),
        *(
            "redirect",
            "RedirectResponse",
            "url_for",
            "make_response",
            "get_swagger_ui_html",
            "get_redoc_html",
            "get_swagger_ui_oauth2_redirect_html",
        ),
    )
)
_HELPERS = frozenset(
    ("url_for", "join", "dirname", "_", "gettext", "Path", "get_flashed_messages", "format", "abspath", "str", "safe_join")
)
_OAUTH_CALLS = Pattern(
    r"^(authorize_redirect|authorize_access_token|fetch_token|fetch_access_token|authorization_url|create_authorization_url|get_authorization_url|get_access_token|exchange_code\w*|get_authorize_url|authorized_response|parse_id_token|process_response|prepare_for_authenticate|parse_authn_request_response|callback|make_google_blueprint|authorize|get_login_redirect|verify_and_process|create_authorization_response|authorized)$"
)
_SIGNATURES = Pattern(
    r"^(compare_digest|construct_event|verify_signature|verify_webhook\w*|check_signature|validate_signature|is_valid_signature|verify_header|verify_slack\w*|is_valid_request|verify_hmac|verify_request_signature|\w*verify\w*signature\w*)$"
)
_SENT = Pattern(
    r"^(token|code|pin|otp|e?mail|email_address|username|user_?name|login|phone|identifier|data|key|uid|uidb64|hash)$|_(token|code|pin|otp|email)$|^reset_\w+"
)
_PASSWORD = Pattern(r"passw(or)?d|^pwd$|passcode|^pin$|\botp\b|form_data|credentials")
_LISTS = Pattern(r"^(paginate|fetchall)$")


@dataclass(slots=True)
class _Seen:
    """What a handler does: names it calls, itself and two calls deep, and all words in its own body."""

    function: Function
    path: str
    method: str
    own: frozenset[str]
    deep: frozenset[str]
    words: frozenset[str]
    name: str

    def does(self, pattern: Pattern, deep: bool = True) -> bool:
        return any(pattern.search(n) for n in (self.deep if deep else self.own))

    def says(self, pattern: Pattern) -> bool:
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
    return s.method == "GET" and (bool(shows) or (bool(_DOCS.match(last[0])) and not s.does(_DATA, deep=False)))


def _health(s: _Seen) -> bool:
    last = _segments(s.path)[-1:] or [""]
    small = len(s.function.body) <= 8 and "{" not in s.path
    return s.method in ("GET", "HEAD") and bool(_HEALTH.match(last[0])) and small and not (s.own - {"execute"}) & _collected(s.own)


def _collected(names: frozenset[str]) -> set[str]:
    return {n for n in names if _DATA.match(n)}


def _logout(s: _Seen) -> bool:
    return bool(_LOGOUT.search(s.name)) and s.does(_LEAVES)


def _reset(s: _Seen) -> bool:
    if not _RESET.search(s.name) or "admin" in s.name:
        return False
    return s.says(_SENT) and s.does(_RESETS)


def _login(s: _Seen) -> bool:
    if not _LOGIN.search(s.name) or "{" in s.path.rpartition("/")[2]:
        return False
    if s.does(_CHECKS) and (s.says(_PASSWORD) or s.does(_ISSUES)):
        return True
    return s.says(_PASSWORD) and (s.does(_ISSUES) or _compares_password(s.function))


def _compares_password(function: Function) -> bool:
    return any(any(_PASSWORD.search(str(n[-1])) for n in ir.walk(e) if n[0] in ("attr", "name", "str")) for e in function.compares)


def _register(s: _Seen) -> bool:
    return (
        bool(_REGISTER.search(s.name))
        and "admin" not in s.path
        and s.does(_MAKES)
        and (s.method == "GET" or s.says(_PASSWORD) or s.does(_MAKES, deep=False))
    )


def _oauth(s: _Seen) -> bool:
    if not _OAUTH.search(s.name):
        return False
    if s.does(_OAUTH_CALLS, deep=True) and not s.does(_LISTS, deep=False):
        return True
    if len(s.words & {"client_id", "redirect_uri", "authorization_code", "grant_type", "code_challenge", "response_type"}) > 1:
        return True
    starts = re.search(r"oauth|oidc|saml|\bsso\b", s.name) and s.own & {"redirect", "RedirectResponse"}
    return bool(starts) and s.method == "GET" and not _collected(s.own)


def _webhook(s: _Seen) -> bool:
    return s.method == "POST" and bool(_WEBHOOK.search(s.name)) and s.does(_SIGNATURES)


def _login_page(s: _Seen) -> bool:
    named = re.search(r"log[-_]?in|sign[-_]?in|sign[-_]?up|register|forgot", s.name)
    return s.method == "GET" and bool(named) and "{" not in s.path and bool(s.own & _PAGES) and not _collected(s.own)


def _page(s: _Seen) -> bool:
    """Nothing but a template, a file or a redirect that is the same for everybody."""
    if s.method not in ("GET", "HEAD", "ANY") or not s.own & _PAGES or s.own - _PAGES - _HELPERS:
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
    (_page, "page, file or redirect that is the same for everybody"),
    (_constant, "answers the same words to everybody"),
)
