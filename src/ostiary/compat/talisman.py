"""Flask-Talisman's names: write ``from ostiary.compat.talisman import …`` for ``from flask_talisman import …``.

Over plain HTTP only a page is sent to HTTPS; a call with a credential is refused. Who calls over HTTPS is what the server, or a proxy
that it was told to trust, says.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from ostiary.errors import MissingExtra, UsageError

try:
    import flask as _flask  # noqa: F401
except ModuleNotFoundError:
    raise MissingExtra("ostiary.compat.talisman", "flask") from None

from flask import Flask, Response, current_app, redirect, request

from ostiary.guard import answers
from ostiary.guard.authn.presented import in_query
from ostiary.guard.decision import Deny
from ostiary.wire import problem
from ostiary.wsgi import KEY, WsgiRequest

__all__ = [
    "ALLOW_FROM",
    "DEFAULT_CSP_POLICY",
    "DEFAULT_DOCUMENT_POLICY",
    "DEFAULT_FEATURE_POLICY",
    "DEFAULT_PERMISSIONS_POLICY",
    "DENY",
    "GOOGLE_CSP_POLICY",
    "NONCE_LENGTH",
    "SAMEORIGIN",
    "Talisman",
]
Policy = str | Mapping[str, Any] | None
View = TypeVar("View", bound=Callable[..., Any])
DENY = "DENY"
SAMEORIGIN = "SAMEORIGIN"
ALLOW_FROM = "ALLOW-FROM"
ONE_YEAR_IN_SECS = 31_556_926
NONCE_LENGTH = 32
DEFAULT_REFERRER_POLICY = "strict-origin-when-cross-origin"
DEFAULT_SESSION_COOKIE_SAMESITE = "Lax"
DEFAULT_CSP_POLICY = {"default-src": "'self'", "object-src": "'none'"}
DEFAULT_PERMISSIONS_POLICY = {"browsing-topics": "()"}
DEFAULT_DOCUMENT_POLICY: dict[str, str] = {}
DEFAULT_FEATURE_POLICY: dict[str, str] = {}
GOOGLE_CSP_POLICY = {
    "font-src": "'self' themes.googleusercontent.com *.gstatic.com",
    "frame-src": "'self' www.google.com www.youtube.com",
    "script-src": "'self' ajax.googleapis.com *.googleanalytics.com *.google-analytics.com",
    "style-src": "'self' ajax.googleapis.com fonts.googleapis.com *.gstatic.com",
    "object-src": "'none'",
    "default-src": "'self' *.gstatic.com",
}
_OF_VIEWS = (
    "force_https",
    "frame_options",
    "frame_options_allow_from",
    "content_security_policy",
    "content_security_policy_nonce_in",
    "permissions_policy",
    "document_policy",
    "feature_policy",
)
_MARK = "talisman_view_options"
_CREDENTIALS = ("Authorization", "Proxy-Authorization", "X-API-Key")
_PARAMETERS = frozenset({"access_token", "api_key", "apikey", "x-api-key"})
logger = logging.getLogger("ostiary.compat.talisman")


class Talisman:
    """Flask-Talisman's Talisman: headers for browsers, HTTPS, and the attributes of the session's cookie."""

    def __init__(self, app: Flask | None = None, **kwargs: Any) -> None:
        if app is not None:
            self.init_app(app, **kwargs)
        elif kwargs:
            raise UsageError(f"{', '.join(sorted(kwargs))}: options go to Talisman(app, …) or to init_app(app, …)")

    def init_app(
        self,
        app: Flask,
        feature_policy: Policy = DEFAULT_FEATURE_POLICY,
        permissions_policy: Policy = DEFAULT_PERMISSIONS_POLICY,
        document_policy: Policy = DEFAULT_DOCUMENT_POLICY,
        force_https: bool = True,
        force_https_permanent: bool = False,
        force_file_save: bool = False,
        frame_options: str | None = SAMEORIGIN,
        frame_options_allow_from: str | None = None,
        strict_transport_security: bool = True,
        strict_transport_security_preload: bool = False,
        strict_transport_security_max_age: int = ONE_YEAR_IN_SECS,
        strict_transport_security_include_subdomains: bool = True,
        content_security_policy: Policy = DEFAULT_CSP_POLICY,
        content_security_policy_report_uri: str | None = None,
        content_security_policy_report_only: bool = False,
        content_security_policy_nonce_in: Iterable[str] | None = None,
        referrer_policy: str | None = DEFAULT_REFERRER_POLICY,
        session_cookie_secure: bool = True,
        session_cookie_http_only: bool = True,
        session_cookie_samesite: str | None = DEFAULT_SESSION_COOKIE_SAMESITE,
        x_content_type_options: bool = True,
        x_xss_protection: bool = False,
    ) -> None:
        """From now on every answer of the app carries the headers. Raises UsageError for options that cannot be."""
        if content_security_policy_report_only and content_security_policy_report_uri is None:
            raise UsageError("content_security_policy_report_only needs content_security_policy_report_uri, where reports go")
        self.feature_policy = _own(feature_policy)
        self.permissions_policy = _own(permissions_policy)
        self.document_policy = _own(document_policy)
        self.force_https, self.force_https_permanent = force_https, force_https_permanent
        self.force_file_save = force_file_save
        self.frame_options, self.frame_options_allow_from = frame_options, frame_options_allow_from
        self.strict_transport_security = strict_transport_security
        self.strict_transport_security_preload = strict_transport_security_preload
        self.strict_transport_security_max_age = strict_transport_security_max_age
        self.strict_transport_security_include_subdomains = strict_transport_security_include_subdomains
        self.content_security_policy = _own(content_security_policy)
        self.content_security_policy_report_uri = content_security_policy_report_uri
        self.content_security_policy_report_only = content_security_policy_report_only
        self.content_security_policy_nonce_in = content_security_policy_nonce_in or []
        self.referrer_policy = referrer_policy
        self.session_cookie_secure = session_cookie_secure
        self.x_content_type_options, self.x_xss_protection = x_content_type_options, x_xss_protection
        self.app = app
        self._warned = False
        _check(vars(self))
        self._cookie(http_only=session_cookie_http_only, same_site=session_cookie_samesite)
        app.jinja_env.globals["csp_nonce"] = self._nonce
        app.before_request(self._before)
        app.after_request(self._after)

    def __call__(self, **kwargs: Any) -> Callable[[View], View]:
        """Other options for one view: ``@talisman(frame_options=DENY)``. Raises UsageError for one that a view cannot have."""
        if unknown := sorted(set(kwargs) - set(_OF_VIEWS)):
            raise UsageError(f"{', '.join(unknown)}: a view has its own {', '.join(_OF_VIEWS)}")
        _check({"frame_options": None, **vars(self), **kwargs})

        def decorated(view: View) -> View:
            setattr(view, _MARK, {**getattr(view, _MARK, {}), **kwargs})
            return view

        return decorated

    def _cookie(self, *, http_only: bool, same_site: str | None) -> None:
        config = self.app.config
        self._secure_in_debug = config.get("SESSION_COOKIE_SECURE", False)
        # What the app has chosen is not weakened by a default.
        if config.get("SESSION_COOKIE_SAMESITE") != "Strict" or same_site != DEFAULT_SESSION_COOKIE_SAMESITE:
            config["SESSION_COOKIE_SAMESITE"] = same_site
        if http_only:
            config["SESSION_COOKIE_HTTPONLY"] = True
        self._keep_cookie()

    def _keep_cookie(self) -> None:
        """``debug`` may be switched on after ``init_app``."""
        if self.session_cookie_secure:
            self.app.config["SESSION_COOKIE_SECURE"] = not self.app.debug or self._secure_in_debug

    # At a request

    def _option(self, name: str) -> Any:
        view = current_app.view_functions.get(request.endpoint or "")
        return getattr(view, _MARK, {}).get(name, getattr(self, name))

    def _before(self) -> Any:
        self._keep_cookie()
        self._nonce()
        received = _received()
        if received.secure or self.app.debug or not self._option("force_https"):
            return None
        if request.method not in ("GET", "HEAD") or self._carries_credential():
            refused = answers.refusal(received, Deny(problem.HTTPS_REQUIRED, "https"))
            return Response(refused.body, refused.status, refused.headers)
        self._warn()
        return redirect("https" + request.url.removeprefix("http"), 301 if self.force_https_permanent else 302)

    def _carries_credential(self) -> bool:
        """One that came in clear is lost; whoever sent it must hear of it, and a redirect would hide that."""
        named = any(name in request.headers for name in _CREDENTIALS)
        session = self.app.config["SESSION_COOKIE_NAME"] in request.cookies
        return named or session or in_query(request.query_string.decode("latin-1"), _PARAMETERS) is not None

    def _warn(self) -> None:
        if "X-Forwarded-Proto" in request.headers and not self._warned:
            self._warned = True
            logger.warning(
                "X-Forwarded-Proto is not believed; behind a proxy: app.wsgi_app = ProxyFix(app.wsgi_app, x_proto=1), or Guard(proxies=1)"
            )

    def _nonce(self) -> str:
        if not (self._option("content_security_policy") and self._option("content_security_policy_nonce_in")):
            return ""
        found: str | None = getattr(request, "csp_nonce", None)
        if found is None:
            found = request.csp_nonce = secrets.token_urlsafe(NONCE_LENGTH)[:NONCE_LENGTH]  # type: ignore[attr-defined]
        return found

    def _after(self, response: Response) -> Response:
        wanted = {
            "Feature-Policy": _directives(self._option("feature_policy")),
            "Permissions-Policy": _structured(self._option("permissions_policy")),
            "Document-Policy": _structured(self._option("document_policy")),
            "X-XSS-Protection": "1; mode=block" if self.x_xss_protection else "",
            "X-Content-Type-Options": "nosniff" if self.x_content_type_options else "",
            "X-Download-Options": "noopen" if self.force_file_save else "",
            "Strict-Transport-Security": self._hsts(),
            "Referrer-Policy": self.referrer_policy,
        }
        for name, value in wanted.items():
            if value:
                response.headers[name] = value
        self._protect_content(response)
        return response

    def _protect_content(self, response: Response) -> None:
        policy = _directives(self._option("content_security_policy"), self._nonce(), self._option("content_security_policy_nonce_in"))
        only = "-Report-Only" if self.content_security_policy_report_only else ""
        if policy and self.content_security_policy_report_uri and "report-uri" not in policy:
            policy += f"; report-uri {self.content_security_policy_report_uri}"
        if policy:
            response.headers[f"Content-Security-Policy{only}"] = policy
        framing = self._option("frame_options")
        if framing == ALLOW_FROM:
            framing += f" {self._option('frame_options_allow_from')}"
            # No browser of today reads ALLOW-FROM: without this every site might embed the page.
            if only or "frame-ancestors" not in policy:
                response.headers.add("Content-Security-Policy", f"frame-ancestors {self._option('frame_options_allow_from')}")
        if framing:
            response.headers["X-Frame-Options"] = framing

    def _hsts(self) -> str:
        if not self.strict_transport_security or not _received().secure:
            return ""
        subdomains = "; includeSubDomains" if self.strict_transport_security_include_subdomains else ""
        preload = "; preload" if self.strict_transport_security_preload else ""
        return f"max-age={self.strict_transport_security_max_age}{subdomains}{preload}"


def _received() -> WsgiRequest:
    """The request as a guard on this app sees it, which may have proxies to trust; else as the server tells it."""
    return request.environ.get(KEY) or WsgiRequest(request.environ, 0.0)


def _own(policy: Policy) -> Any:
    """The app's policy may be changed later (``talisman.content_security_policy["img-src"] = "*"``), the default of others not."""
    return dict(policy) if isinstance(policy, Mapping) else policy


def _check(options: Mapping[str, Any]) -> None:
    framing, sites = options["frame_options"], options.get("frame_options_allow_from")
    if framing not in (DENY, SAMEORIGIN, ALLOW_FROM, None, False, ""):
        raise UsageError(f"frame_options: DENY, SAMEORIGIN, ALLOW_FROM or None, not {framing!r}")
    if framing == ALLOW_FROM and not sites:
        raise UsageError("frame_options=ALLOW_FROM needs frame_options_allow_from, the sites that may embed the page")
    for name, value in options.items():
        if name.endswith("_policy") and not isinstance(value, str | Mapping | None) and value is not False:
            raise UsageError(f"{name}: a text, a dict, or None, not {value!r}")


def _directives(policy: Any, nonce: str = "", sections: Iterable[str] = ()) -> str:
    """A policy as browsers read it, each directive with its words; the nonce joins those of ``sections``."""
    if not policy:
        return ""
    if isinstance(policy, str):
        written = [part.strip().partition(" ") for part in policy.split(";") if part.strip()]
        policy = {name: words for name, _, words in written}
    named = {sections} if isinstance(sections, str) else set(sections)
    parts = []
    for name, words in policy.items():
        added = f" 'nonce-{nonce}'" if nonce and name in named else ""
        parts.append(f"{name} {words if isinstance(words, str) else ' '.join(words)}{added}".strip())
    return "; ".join(parts)


def _structured(policy: Any) -> str:
    """A dictionary of RFC 9651."""
    if not policy or isinstance(policy, str):
        return policy or ""
    return ", ".join(f"{name}={value}" for name, value in policy.items())
