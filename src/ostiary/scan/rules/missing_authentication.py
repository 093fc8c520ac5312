"""A route that answers whoever asks, though nobody wrote down that it is public."""

from __future__ import annotations

from ostiary.model.finding import Confidence, Severity
from ostiary.model.route import Route, State
from ostiary.scan.code.ir import Function, last_name, walk
from ostiary.scan.code.sites import RouteCode
from ostiary.scan.lazy import Pattern
from ostiary.scan.rules import Found, Rule
from ostiary.scan.rules._flows import Flow
from ostiary.scan.rules._sources import credential
from ostiary.scan.rules._words import NO, listed, names_secret, words
from ostiary.scan.rules.invalid_credential_accepted import extractors_of, read_in_handler, refuses_somebody

rule = Rule("missing-authentication")

_READS = frozenset({"GET", "HEAD", "OPTIONS", "WEBSOCKET"})
_TWINS = frozenset({"HEAD", "OPTIONS"})
_PERSONAL = listed(
    "user users customer customers account accounts profile profiles member members patient patients employee employees"
    " person people contact contacts order orders payment payments invoice invoices address addresses admin billing card"
    " cards email emails"
)
# Ways in: whoever is about to sign in, sign up or set up has no credential yet.
_ENTRANCES = listed(
    "login signin signup register registration oauth oauth2 oidc saml sso callback forgot reset invite invitation activate confirm setup"
    " install webhook webhooks token tokens logout refresh auth"
    " authenticate verify validate claim health healthz healthcheck ping version about"
)
_EVERYBODYS = Pattern(r"(?:^|/)(?:robots\.txt|favicon\.ico|sitemap\.xml|\.well-known(?:/.*)?|apple-touch-icon[\w-]*\.png)$")
_PAGES = listed(
    "render_template render_template_string TemplateResponse HTMLResponse send_file send_from_directory FileResponse redirect RedirectResponse"
)
_PARAMETER = Pattern(r"\{([^}]*)\}")
_FIX = {
    "flask": "Put the check under the route's decorator:\n@auth.login_required\nor write it down: # ostiary: public <reason>",
    "": "Add the dependency that verifies the caller:\ndependencies=[Depends(current_user)]\nor write it down: # ostiary: public <reason>",
}


@rule.on_route
def reachable(code: RouteCode) -> Found:
    """Open, with nothing that even reads a credential; a credential that is read and not verified is invalid-credential-accepted."""
    route = code.route
    if route.protection.state is not State.OPEN or route.public is not None or extractors_of(route) or route.method in _TWINS:
        return
    if _EVERYBODYS.search(route.path) or read_in_handler(code) is not None:
        return
    severity = severity_of(code)
    message = f"{route.method} {route.path} answers anybody: {route.protection.why or 'no gate on the way to its handler'}{_grave(code, severity)}"
    yield rule.finding(message, code, _confidence(code), severity=severity, fix=fix_of(code))


def _confidence(code: RouteCode) -> Confidence:
    """High where nothing speaks for strangers; medium for pages, ways in, capability URLs and routes that ask who is calling and do not insist."""
    function = code.handler.function if code.handler is not None else None
    if code.route.unresolved or (
        function is not None and (_compares_credential(code, function) or _looks_up_key(code.route.path, function))
    ):
        return Confidence.LOW
    if _asks_somebody(code.route) or _is_entrance(code) or _holds_key(code.route.path) or _says_public(code):
        return Confidence.MEDIUM
    if function is not None and (_is_page(code.route, function) or refuses_somebody(function)):
        return Confidence.MEDIUM
    return Confidence.HIGH


def _says_public(code: RouteCode) -> bool:
    """Its path, function, class or module is called public, which is a wish at least."""
    function = code.handler.function if code.handler is not None else None
    where = f"{function.module.name} {function.qualname}" if function is not None else ""
    return bool({"public", "anonymous", "guest", "shared", "share"} & set(words(f"{code.route.path} {where}")))


def _asks_somebody(route: Route) -> bool:
    """Something on the way asks who is calling and takes nobody for an answer: somebody thought of strangers, or the reader missed the refusal."""
    return bool(route.protection.optional)


def _is_entrance(code: RouteCode) -> bool:
    path = _PARAMETER.sub("", code.route.path)
    name = code.handler.function.name if code.handler is not None else ""
    if _ENTRANCES & set(words(f"{path} {name}")):
        return True
    # Signing up looks like this in most APIs: POST /users.
    last = words(path.rstrip("/").rpartition("/")[2])
    return code.route.method == "POST" and bool(last) and last[-1] in ("users", "members", "accounts", "customers")


def _holds_key(path: str) -> bool:
    """``/feeds/{auth_token}``: who knows the address may read it."""
    return any(names_secret(name) > NO for name in _PARAMETER.findall(path))


def _looks_up_key(path: str, function: Function) -> bool:
    """``/checkouts/{client_secret}`` whose handler does something with the secret: it is the credential for this one thing."""
    keys = {name for name in _PARAMETER.findall(path) if names_secret(name) > NO}
    return any(node[0] == "name" and node[2] in keys for node in walk(function.body))


def _is_page(route: Route, function: Function) -> bool:
    return route.method == "GET" and any(last_name(call[2]) in _PAGES for call in function.calls)


def _compares_credential(code: RouteCode, function: Function) -> bool:
    """The handler checks a credential in a way of its own, and refuses without saying 401."""
    flow = Flow(code.world, function)
    sides = (side for compare in function.compares for side in (compare[2], *compare[4]))
    return any(flow.trace(side, credential) is not None for side in sides) or any(
        last_name(node[2]) in ("compare_digest", "verify_signature") for node in walk(function.body) if node[0] == "call"
    )


def severity_of(code: RouteCode) -> Severity | None:
    """Critical where it writes or is about people; None leaves the page's own."""
    return Severity.CRITICAL if code.route.method not in _READS or _is_personal(code.route.path) else None


def _is_personal(path: str) -> bool:
    return bool(_PERSONAL & set(words(_PARAMETER.sub("", path))))


def _grave(code: RouteCode, severity: Severity | None) -> str:
    if severity is None:
        return ""
    return "; it writes" if code.route.method not in _READS else "; its path speaks of personal data"


def fix_of(code: RouteCode) -> str:
    """Three lines for the framework of the application."""
    return _FIX["flask" if code.app.framework in ("flask", "quart", "apiflask") else ""]
