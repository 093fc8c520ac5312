"""What a tree says about TLS: who demands or terminates it, who relies on it, and whether browsers are told to stay with it.

One walk a scan, over the files whose bytes hold one of a few words. A sign anywhere in the tree counts for every application of it:
where it hangs cannot always be followed, and a sign too many only makes the rules quieter.
"""

from __future__ import annotations

import re
from typing import Any
from weakref import WeakKeyDictionary

from ostiary.model.route import Location, State
from ostiary.scan.code.guarding import Guarding
from ostiary.scan.code.ir import Expr, Function, Module, last_name, walk
from ostiary.scan.code.sites import AppCode, Call, RouteCode, Site
from ostiary.scan.code.world import World
from ostiary.scan.lazy import Pattern
from ostiary.scan.records import record
from ostiary.scan.rules import bind_all_interfaces
from ostiary.scan.rules._flows import Flow
from ostiary.scan.rules._nodes import mentions, near, nodes, settings_in
from ostiary.scan.rules._words import listed

HSTS = "strict-transport-security"
_NEEDLES = (
    b"httpsredirect", b"talisman", b"sslify", b"hsts", b"strict-transport", b"stricttransport", b"strict_transport", b"certfile", b"keyfile",
    b"ssl_c", b"ssl_k", b"is_secure", b"forwarded", b"scheme", b"cookie_secure", b"https_only", b"secure=", b"proxyfix", b"proxy_headers",
    b"proxyheaders", b"secweb", b"import secure", b"from secure", b"0.0.0.0",
)  # fmt: skip
# every needle holds one of these: half as many to look for
_COARSE = (
    b"secure", b"ssl", b"proxy", b"strict", b"certfile", b"keyfile", b"talisman", b"hsts", b"forwarded", b"scheme", b"httpsr", b"https_",
    b"secweb", b"0.0.0.0",
)  # fmt: skip
# words of a line that is worth a look in such a file, those left out that hold another
_WORDS = (*_NEEDLES, b"force_https", b"secure", b"ssl")
_NEAR = tuple(word for word in _WORDS if not any(other in word for other in _WORDS if other != word))
_DEMANDS = listed("HTTPSRedirectMiddleware HTTPSRedirect Talisman SSLify")
_SETS_HSTS = listed("Talisman SecWeb StrictTransportSecurity SSLify")
_PROXIES = listed("ProxyFix ProxyHeadersMiddleware")
_STARTS = listed("run run_simple run_app serve Config Server WSGIServer make_server create_server Granian main")
_TLS_OPTIONS = listed("ssl_context ssl_certfile ssl_keyfile certfile keyfile ssl_cert ssl_key ssl")
_TLS_NAMES = _TLS_OPTIONS - {"ssl", "ssl_context"}
_SECURE_FLAGS = listed("SESSION_COOKIE_SECURE REMEMBER_COOKIE_SECURE JWT_COOKIE_SECURE https_only cookie_secure")
_ANSWERS = listed("redirect RedirectResponse abort HTTPException JSONResponse PlainTextResponse Response jsonify make_response")
_REQUESTS = listed("request req scope environ")
_HSTS_LIBRARIES = listed("secure secweb Secweb")
# what answers for these is a platform's gateway, which speaks HTTPS alone
_PLATFORMS = listed("mangum serverless_wsgi awsgi apig_wsgi zappa functions_framework firebase_functions modal chalice vercel_wsgi")
_SERVER_FILE = Pattern(r"(?:gunicorn|hypercorn)[\w.]*\.py\Z")
_SERVER_TLS = Pattern(rb"^\s*(?:certfile|keyfile)\s*=", re.MULTILINE)


@record
class Transport:
    """``demanded``: a redirect or a certificate; ``relied_on``: cookies, links, a server's options or a platform that need HTTPS; ``hsts``: the header is set;
    ``proxied``: forwarded headers are read; ``refused`` and ``started``: where HTTPS is switched off, and where a server starts without it."""

    demanded: bool = False
    relied_on: bool = False
    hsts: bool = False
    proxied: bool = False
    refused: Location | None = None
    started: Location | None = None


_CACHE: WeakKeyDictionary[Any, Transport] = WeakKeyDictionary()


def transport(world: World) -> Transport:
    """The signs of the whole tree."""
    found = _CACHE.get(world)
    if found is None:
        found = _CACHE[world] = Transport()
        for module in world.modules.values():
            _imports(found, world, module)
            if mentions(world, module, _COARSE) and mentions(world, module, _NEEDLES):
                _read(found, world, module)
        found.demanded = found.demanded or _configured(world)
    return found


def cookies_guarded(world: World) -> bool:
    """Ostiary's guard completes every cookie of the applications here: Secure where it demands HTTPS, HttpOnly and SameSite."""
    guarding = Guarding(world)
    found = [guarding.on(obj) for obj in world.objects if obj.kind.endswith(".app") and not obj.wiring.stranger]
    return bool(found) and all(guard is not None and guard.https for guard in found)


def takes_credentials(app: AppCode) -> bool:
    """Some route demands a credential, reads one, or checks a password."""
    return any(_takes(code) for code in app.routes)


def _takes(code: RouteCode) -> bool:
    route = code.route
    if route.protection.state is State.PROTECTED or route.protection.extractors:
        return True
    return route.public is not None and route.public.by == "behaviour" and route.public.reason.startswith(("login:", "password", "regist"))


def _imports(found: Transport, world: World, module: Module) -> None:
    roots = {dotted.partition(".")[0] for level, dotted, _ in module.imports if not level} & (_PLATFORMS | _HSTS_LIBRARIES)
    roots = {root for root in roots if root not in world.modules}
    azure = any(dotted.startswith("azure.functions") for _, dotted, _ in module.imports)
    found.relied_on = found.relied_on or azure or bool(roots & _PLATFORMS)
    found.hsts = found.hsts or bool(roots & _HSTS_LIBRARIES)


def _configured(world: World) -> bool:
    """A certificate in the configuration file of a server, which need not be part of the program."""
    files = (f for f in world.index.finder.files.values() if _SERVER_FILE.search(f.path))
    return any(_SERVER_TLS.search(f.source) for f in files)


def _read(found: Transport, world: World, module: Module) -> None:
    worth = near(world, module, _NEAR)
    for function, node in nodes(module, lambda one: one in worth or _starts(one)):
        handler = _NODES.get(node[0])
        if handler is not None:
            handler(found, Site(world, module, function, node[1]), node)
        for name, value in settings_in(node):
            _setting(found, name, value)
    for function in module.functions:
        found.demanded = found.demanded or _demands(world, function, function in worth)
    _server_file(found, Site(world, module, module.top, module.top.at))


def _starts(function: Function) -> bool:
    """It may start a server, or configure one."""
    return any(last_name(call[2]) in _STARTS for call in function.calls)


def _identifier(found: Transport, _: Site, node: Expr) -> None:
    name = str(node[-1])
    found.demanded = found.demanded or name in _DEMANDS
    found.hsts = found.hsts or name in _SETS_HSTS or "hsts" in name.lower()
    found.proxied = found.proxied or name in _PROXIES


def _text(found: Transport, _: Site, node: Expr) -> None:
    said = node[2].decode("latin-1") if isinstance(node[2], bytes) else node[2]
    if not isinstance(said, str):
        return
    lower = said.lower()
    found.hsts = found.hsts or (HSTS in lower and len(said) < 100)
    found.proxied = found.proxied or lower.startswith("x-forwarded-")
    found.demanded = found.demanded or said in _TLS_NAMES


def _call(found: Transport, site: Site, node: Expr) -> None:
    name = last_name(node[2])
    for keyword, value in node[4]:
        _option(found, site, name, keyword or "", value)
    if name in _STARTS and not _develops(node) and any(True for _ in bind_all_interfaces.listens(_as_call(site, node))):
        found.started = found.started or site.location


def _as_call(site: Site, node: Expr) -> Call:
    return Call(site.world, site.module, site.function, node[1], node)


def _develops(call: Expr) -> bool:
    """``reload=True``, ``debug=True``: how a developer starts it."""
    return any(keyword in ("reload", "debug", "use_reloader") and value[0] == "const" and value[2] is True for keyword, value in call[4])


def _option(found: Transport, site: Site, callee: str, keyword: str, value: Expr) -> None:
    if keyword == "force_https" and callee in ("Talisman", "init_app") and _is_off(value):
        found.refused = found.refused or site.location
    if callee != "Guard" and keyword.lower().startswith(("hsts", "strict_transport_security")):
        found.hsts = True
    if callee == "set_cookie" and keyword == "secure" and not _is_off(value):
        found.relied_on = True
    if callee in _STARTS and keyword in _TLS_OPTIONS and not _is_off(value):
        # a certificate that is a parameter or a setting is there in some deployments
        found.demanded = found.demanded or value[0] in ("str", "seq", "call")
        found.relied_on = True
    if keyword in ("proxy_headers", "forwarded_allow_ips") and not _is_off(value):
        found.proxied = True


def _assign(found: Transport, _: Site, node: Expr) -> None:
    for target in node[2] if node[3] is not None else ():
        if target[0] == "attr" and target[3] in _TLS_NAMES and not _is_off(node[3]):
            found.demanded = True


def _setting(found: Transport, name: str, value: Expr) -> None:
    if name in _SECURE_FLAGS and not _is_off(value):
        found.relied_on = True
    if name == "PREFERRED_URL_SCHEME" and value[0] == "str" and value[2] == "https":
        found.relied_on = True


def _is_off(value: Expr) -> bool:
    return value[0] == "const" and not value[2]


_NODES = {"name": _identifier, "attr": _identifier, "str": _text, "const": _text, "call": _call, "assign": _assign}


def _demands(world: World, function: Function, near: bool) -> bool:
    """``if not request.is_secure: abort(403)``, ``if request.url.scheme == "http": return RedirectResponse(…)``, by hand."""
    compares = [c for c in function.compares if _names_scheme(c[2], *c[4])]
    if not (near or compares) or not any(last_name(call[2]) in _ANSWERS for call in function.calls):
        return False
    if near and any(node[0] == "attr" and node[3] == "is_secure" for node in walk(function.body)):
        return True
    flow = Flow(world, function)
    return any(_tests_scheme(flow, compare[2], *compare[4]) for compare in compares)


def _names_scheme(*sides: Expr) -> bool:
    return any(side[0] == "str" and side[2].lower() in ("http", "https") for side in sides)


def _tests_scheme(flow: Flow, *sides: Expr) -> bool:
    """The scheme of the request at hand, not of some other address."""
    return any(node[0] == "name" and node[2] in _REQUESTS for side in sides for node in walk(flow.expand(side)))


def _server_file(found: Transport, site: Site) -> None:
    if found.started is None and _SERVER_FILE.search(site.module.path):
        found.started = next((f.at for f in bind_all_interfaces.configured(site)), None)
