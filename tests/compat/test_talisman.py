"""The documented examples of Flask-Talisman, over the drop-in, and over Flask-Talisman itself where it is installed."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import logging
import re
from typing import Any

import pytest
from flask import Flask, render_template_string, request, session
from werkzeug.middleware.proxy_fix import ProxyFix

from ostiary.compat import talisman as ours
from ostiary.errors import UsageError
from ostiary.flask import Guard
from tests.guard.sites import PEPPER

LIBRARIES = {"ours": ours}
if importlib.util.find_spec("flask_talisman"):
    LIBRARIES["peer"] = importlib.import_module("flask_talisman")
SECURE = "https://api.example"
CLEAR = "http://api.example"
OPTIONS = [
    "self",
    "app",
    "feature_policy",
    "permissions_policy",
    "document_policy",
    "force_https",
    "force_https_permanent",
    "force_file_save",
    "frame_options",
    "frame_options_allow_from",
    "strict_transport_security",
    "strict_transport_security_preload",
    "strict_transport_security_max_age",
    "strict_transport_security_include_subdomains",
    "content_security_policy",
    "content_security_policy_report_uri",
    "content_security_policy_report_only",
    "content_security_policy_nonce_in",
    "referrer_policy",
    "session_cookie_secure",
    "session_cookie_http_only",
    "session_cookie_samesite",
    "x_content_type_options",
    "x_xss_protection",
]
NAMES = [
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
GOOGLE = (
    "font-src 'self' themes.googleusercontent.com *.gstatic.com; frame-src 'self' www.google.com www.youtube.com; "
    "script-src 'self' ajax.googleapis.com *.googleanalytics.com *.google-analytics.com; "
    "style-src 'self' ajax.googleapis.com fonts.googleapis.com *.gstatic.com; object-src 'none'; default-src 'self' *.gstatic.com"
)


@pytest.fixture(params=list(LIBRARIES))
def lib(request: pytest.FixtureRequest) -> Any:
    return LIBRARIES[request.param]


def service(lib: Any, **options: Any) -> tuple[Flask, Any]:
    app = Flask(__name__)
    app.secret_key = "for the tests"
    talisman = lib.Talisman(app, **options)
    app.add_url_rule("/", "index", lambda: "x", methods=["GET", "POST"])
    return app, talisman


def headers(app: Flask, path: str = "/", base: str = SECURE, **given: str) -> Any:
    return app.test_client().get(path, base_url=base, headers=given).headers


def test_what_an_answer_carries_by_default(lib: Any) -> None:
    """``Talisman(app)`` and nothing else: every header, byte for byte, over HTTPS; errors carry them as well."""
    app, _ = service(lib)
    wanted = {
        "Content-Security-Policy": "default-src 'self'; object-src 'none'",
        "Permissions-Policy": "browsing-topics=()",
        "Referrer-Policy": "strict-origin-when-cross-origin",
        "Strict-Transport-Security": "max-age=31556926; includeSubDomains",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "SAMEORIGIN",
    }
    for path in ("/", "/missing"):
        found = headers(app, path)
        assert {name: value for name, value in found.items() if name not in ("Content-Type", "Content-Length", "Allow")} == wanted


def test_every_option_that_is_a_header(lib: Any) -> None:
    """HSTS with preload and an age of its own, framing, XSS, downloads, referrers."""
    app, _ = service(
        lib,
        strict_transport_security_preload=True,
        strict_transport_security_max_age=60,
        strict_transport_security_include_subdomains=False,
        frame_options=lib.DENY,
        x_xss_protection=True,
        force_file_save=True,
        referrer_policy="no-referrer",
        x_content_type_options=False,
        content_security_policy=False,
        permissions_policy=None,
    )
    found = headers(app)
    assert found["Strict-Transport-Security"] == "max-age=60; preload"
    assert (found["X-Frame-Options"], found["X-XSS-Protection"], found["X-Download-Options"]) == ("DENY", "1; mode=block", "noopen")
    assert found["Referrer-Policy"] == "no-referrer"
    assert not {"X-Content-Type-Options", "Content-Security-Policy", "Permissions-Policy"} & set(found.keys())


@pytest.mark.parametrize(
    ("policy", "sent"),
    [
        ({"default-src": ["'self'", "*.trusted.com"]}, "default-src 'self' *.trusted.com"),
        (
            {"default-src": "'self'", "img-src": "*", "media-src": ["media1.com", "media2.com"], "script-src": "userscripts.example.com"},
            "default-src 'self'; img-src *; media-src media1.com media2.com; script-src userscripts.example.com",
        ),
        ({"default-src": "https://onlinebanking.jumbobank.com"}, "default-src https://onlinebanking.jumbobank.com"),
        ("default-src 'self'; image-src *", "default-src 'self'; image-src *"),
    ],
)
def test_content_security_policies(lib: Any, policy: Any, sent: str) -> None:
    """The examples of the documentation, as dicts and as a text."""
    app, _ = service(lib, content_security_policy=policy)
    assert headers(app)["Content-Security-Policy"] == sent


def test_a_policy_may_be_changed_after_the_start(lib: Any) -> None:
    """By its attribute; the default of other apps stays what it is."""
    app, talisman = service(lib)
    talisman.content_security_policy["img-src"] = "*"
    assert headers(app)["Content-Security-Policy"].endswith("; img-src *")
    assert "img-src" not in headers(service(lib)[0])["Content-Security-Policy"]


def test_reports(lib: Any) -> None:
    """``report_uri`` is joined to the policy once; ``report_only`` names the header otherwise, and needs a place for reports."""
    uri = "https://reports.example/csp"
    app, _ = service(lib, content_security_policy_report_uri=uri)
    assert headers(app)["Content-Security-Policy"] == f"default-src 'self'; object-src 'none'; report-uri {uri}"
    said, _ = service(lib, content_security_policy="default-src 'self'; report-uri /own", content_security_policy_report_uri=uri)
    assert headers(said)["Content-Security-Policy"] == "default-src 'self'; report-uri /own"
    watching, _ = service(lib, content_security_policy_report_only=True, content_security_policy_report_uri=uri)
    found = headers(watching)
    assert "Content-Security-Policy" not in found
    assert found["Content-Security-Policy-Report-Only"].endswith(f"report-uri {uri}")
    with pytest.raises((ValueError, UsageError), match="content_security_policy_report_uri"):
        service(lib, content_security_policy_report_only=True)


def test_nonces(lib: Any) -> None:
    """One for each request, in the named sections, in ``csp_nonce()`` of templates and on the request."""
    csp = {"default-src": "'self'", "script-src": "'self'"}
    app, _ = service(lib, content_security_policy=csp, content_security_policy_nonce_in=["script-src"])
    app.add_url_rule("/page", "page", lambda: render_template_string("{{ csp_nonce() }}|{{ request.csp_nonce }}"))
    nonces = set()
    for _ in range(3):
        answer = app.test_client().get("/page", base_url=SECURE)
        nonce, twin = answer.text.split("|")
        assert nonce == twin
        assert re.fullmatch(r"[A-Za-z0-9_-]{32}", nonce)
        assert answer.headers["Content-Security-Policy"] == f"default-src 'self'; script-src 'self' 'nonce-{nonce}'"
        nonces.add(nonce)
    assert len(nonces) == 3


def test_the_other_policies(lib: Any) -> None:
    """Feature, permissions and document policy, as dicts and as texts."""
    app, _ = service(
        lib,
        feature_policy={"geolocation": "'none'"},
        permissions_policy={"geolocation": "()", "microphone": "()"},
        document_policy={"oversized-images": "?0"},
    )
    found = headers(app)
    assert found["Feature-Policy"] == "geolocation 'none'"
    assert (found["Permissions-Policy"], found["Document-Policy"]) == ("geolocation=(), microphone=()", "oversized-images=?0")
    texts, _ = service(lib, permissions_policy="geolocation=(), microphone=()", document_policy="oversized-images=?0")
    found = headers(texts)
    assert (found["Permissions-Policy"], found["Document-Policy"]) == ("geolocation=(), microphone=()", "oversized-images=?0")


def test_options_of_a_view(lib: Any) -> None:
    """Each that a view may have differs there and nowhere else."""
    app, talisman = service(lib)

    @app.route("/own")
    @talisman(
        force_https=False,
        frame_options=lib.DENY,
        content_security_policy={"default-src": "'none'", "style-src": "a.example"},
        content_security_policy_nonce_in=["style-src"],
        permissions_policy={"camera": "()"},
        document_policy={"js-profiling": "?1"},
        feature_policy="camera 'none'",
    )
    def own() -> str:
        return str(request.csp_nonce)  # type: ignore[attr-defined]

    @app.route("/embeddable")
    @talisman(frame_options=lib.ALLOW_FROM, frame_options_allow_from="*")
    def embeddable() -> str:
        return "Embeddable"

    answer = app.test_client().get("/own", base_url=CLEAR)
    found = answer.headers
    assert (answer.status_code, found["X-Frame-Options"], found["Permissions-Policy"]) == (200, "DENY", "camera=()")
    assert found["Content-Security-Policy"] == f"default-src 'none'; style-src a.example 'nonce-{answer.text}'"
    assert (found["Document-Policy"], found["Feature-Policy"]) == ("js-profiling=?1", "camera 'none'")
    assert headers(app, "/embeddable")["X-Frame-Options"] == "ALLOW-FROM *"
    other = headers(app)
    assert (other["X-Frame-Options"], other["Content-Security-Policy"]) == ("SAMEORIGIN", "default-src 'self'; object-src 'none'")


def test_a_page_is_sent_to_https(lib: Any) -> None:
    """302, or 301 where it is permanent; the query goes along; no HSTS on what came in clear; not in debug mode."""
    app, _ = service(lib)
    answer = app.test_client().get("/?a=b", base_url=CLEAR)
    assert (answer.status_code, answer.headers["Location"]) == (302, "https://api.example/?a=b")
    assert "Strict-Transport-Security" not in answer.headers
    permanent, _ = service(lib, force_https_permanent=True)
    assert permanent.test_client().get("/", base_url=CLEAR).status_code == 301
    off, _ = service(lib, force_https=False)
    assert off.test_client().get("/", base_url=CLEAR).status_code == 200
    app.debug = True
    assert app.test_client().get("/", base_url=CLEAR).status_code == 200


def test_the_cookie_of_the_session(lib: Any) -> None:
    """Secure, HttpOnly, SameSite=Lax; as the options say; not Secure in debug mode."""

    def cookie(debug: bool = False, **options: Any) -> str:
        app, _ = service(lib, **options)
        app.debug = debug
        app.add_url_rule("/in", "in", lambda: session.update(user="a") or "x")
        return str(headers(app, "/in")["Set-Cookie"]).partition(";")[2]

    assert cookie() == " Secure; HttpOnly; Path=/; SameSite=Lax"
    assert cookie(session_cookie_secure=False, session_cookie_samesite="Strict") == " HttpOnly; Path=/; SameSite=Strict"
    assert cookie(debug=True) == " HttpOnly; Path=/; SameSite=Lax"


def test_behind_a_proxy_that_the_app_trusts(lib: Any) -> None:
    """Werkzeug's ProxyFix, as Flask documents it."""
    app, _ = service(lib)
    app.wsgi_app = ProxyFix(app.wsgi_app, x_proto=1)  # type: ignore[method-assign]
    answer = app.test_client().get("/", base_url=CLEAR, headers={"X-Forwarded-Proto": "https"})
    assert (answer.status_code, "Strict-Transport-Security" in answer.headers) == (200, True)


def test_the_names_and_the_order_of_the_options(lib: Any) -> None:
    """Positional arguments mean the same; every name of the package is there."""
    options = list(inspect.signature(lib.Talisman.init_app).parameters)
    assert options == OPTIONS
    assert {name for name in NAMES if hasattr(lib, name)} == set(NAMES)
    assert (lib.ALLOW_FROM, lib.DENY, lib.SAMEORIGIN, lib.NONCE_LENGTH) == ("ALLOW-FROM", "DENY", "SAMEORIGIN", 32)
    assert lib.GOOGLE_CSP_POLICY["script-src"] == "'self' ajax.googleapis.com *.googleanalytics.com *.google-analytics.com"
    assert headers(service(lib, content_security_policy=lib.GOOGLE_CSP_POLICY)[0])["Content-Security-Policy"] == GOOGLE


# What Flask-Talisman does otherwise


def call(app: Flask, method: str = "GET", path: str = "/", **given: str) -> Any:
    return app.test_client(use_cookies=False).open(path, method=method, base_url=CLEAR, headers=given)


def test_a_call_with_a_credential_is_refused_over_http() -> None:
    """Flask-Talisman sends it on, and again the next time: nobody hears that the credential goes in clear."""
    app, _ = service(ours)
    sent = [
        call(app, Authorization="Bearer abc"),
        call(app, **{"X-API-Key": "abc"}),
        call(app, Cookie="session=abc"),
        call(app, path="/?api_key=abc"),
        call(app, "POST"),
        call(app, "DELETE", Authorization="Basic YTpi"),
    ]
    assert [(answer.status_code, answer.headers.get("Location")) for answer in sent] == [(403, None)] * 6
    assert sent[0].json["code"] == "https_required"
    assert sent[0].headers["Content-Security-Policy"] == "default-src 'self'; object-src 'none'"
    assert call(app, Cookie="seen=1").status_code == 302


def test_a_forwarding_header_of_a_stranger_is_not_believed(caplog: pytest.LogCaptureFixture) -> None:
    """No view over plain HTTP, no HSTS; the log says once what to do behind a proxy."""
    app, _ = service(ours)
    with caplog.at_level(logging.WARNING, "ostiary.compat.talisman"):
        answers = [call(app, **{"X-Forwarded-Proto": "https"}) for _ in range(3)]
    assert [(answer.status_code, "Strict-Transport-Security" in answer.headers) for answer in answers] == [(302, False)] * 3
    assert [record.getMessage() for record in caplog.records] == [
        "X-Forwarded-Proto is not believed; behind a proxy: app.wsgi_app = ProxyFix(app.wsgi_app, x_proto=1), or Guard(proxies=1)"
    ]


def test_allow_from_is_said_in_words_that_browsers_read() -> None:
    """No browser of today heeds X-Frame-Options: ALLOW-FROM. A policy that says it itself is left alone."""
    sites = {"frame_options": ours.ALLOW_FROM, "frame_options_allow_from": "https://partner.example"}
    said = headers(service(ours, **sites)[0]).getlist("Content-Security-Policy")
    assert said == ["default-src 'self'; object-src 'none'", "frame-ancestors https://partner.example"]
    none = headers(service(ours, **sites, content_security_policy=None)[0]).getlist("Content-Security-Policy")
    assert none == ["frame-ancestors https://partner.example"]
    own = headers(service(ours, **sites, content_security_policy="frame-ancestors 'none'")[0]).getlist("Content-Security-Policy")
    assert own == ["frame-ancestors 'none'"]
    watching = {
        "content_security_policy": "frame-ancestors 'none'",
        "content_security_policy_report_only": True,
        "content_security_policy_report_uri": "/r",
    }
    assert headers(service(ours, **sites, **watching)[0])["Content-Security-Policy"] == "frame-ancestors https://partner.example"


def test_a_stricter_cookie_of_the_app_stays() -> None:
    """SameSite=Strict of the app's configuration is not weakened by a default."""
    app = Flask(__name__)
    app.config.update(SESSION_COOKIE_SAMESITE="Strict", SESSION_COOKIE_SECURE=True)
    app.debug = True
    ours.Talisman(app)
    assert (app.config["SESSION_COOKIE_SAMESITE"], app.config["SESSION_COOKIE_SECURE"]) == ("Strict", True)
    app.debug = False
    assert service(ours)[0].config["SESSION_COOKIE_SECURE"] is True


def test_a_nonce_where_another_hook_answers_first() -> None:
    """The page of a hook that ran before ours has its nonce in both places, too."""
    app = Flask(__name__)
    app.before_request(lambda: render_template_string("{{ csp_nonce() }}"))
    ours.Talisman(app, content_security_policy={"script-src": "'self'"}, content_security_policy_nonce_in="script-src")
    answer = app.test_client().get("/", base_url=SECURE)
    assert answer.headers["Content-Security-Policy"] == f"script-src 'self' 'nonce-{answer.text}'"
    assert len(answer.text) == 32


def test_beside_a_guard() -> None:
    """The headers of the app stand, and whom the guard takes to call over HTTPS, behind its proxies, does."""
    app, _ = service(ours)
    guard = Guard(app, store="memory://", pepper=PEPPER, https="off", policy_file=None, proxies=1)
    app.add_url_rule("/open", "open", guard.public("a page")(lambda: "x"))
    client = app.test_client()
    forwarded = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
    answer = client.get("/open", base_url=CLEAR, headers=forwarded)
    assert (answer.status_code, answer.headers.getlist("X-Frame-Options")) == (200, ["SAMEORIGIN"])
    assert answer.headers.getlist("Strict-Transport-Security") == ["max-age=31556926; includeSubDomains"]
    assert client.get("/open", base_url=CLEAR, headers={**forwarded, "X-Forwarded-Proto": "http"}).status_code == 302


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"frame_options": "ALLOWALL"}, "frame_options: DENY, SAMEORIGIN"),
        ({"frame_options": ours.ALLOW_FROM}, "needs frame_options_allow_from"),
        ({"content_security_policy": 5}, "content_security_policy: a text, a dict"),
        ({"content_security_policy_report_only": True}, "where reports go"),
    ],
)
def test_what_cannot_be_is_a_sentence(options: dict[str, Any], said: str) -> None:
    """At start-up."""
    with pytest.raises(UsageError, match=said):
        service(ours, **options)


def test_options_that_would_be_lost_are_errors() -> None:
    """Flask-Talisman drops options given without an app, and those of a view that it does not know."""
    with pytest.raises(UsageError, match="force_https: options go to"):
        ours.Talisman(force_https=True)
    with pytest.raises(UsageError, match="force_htps: a view has its own"):
        ours.Talisman()(force_htps=False)
