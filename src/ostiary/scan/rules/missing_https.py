"""Credentials that travel in the clear: nothing in the tree demands, terminates or relies on TLS.

A proxy may do it, and none is read here: low confidence, unless HTTPS is switched off or a server is started for everybody without it.
"""

from __future__ import annotations

from ostiary.model.finding import Confidence, Evidence
from ostiary.scan.code.sites import AppCode
from ostiary.scan.records import altered
from ostiary.scan.rules import Found, Rule
from ostiary.scan.rules._transport import Transport, takes_credentials, transport

rule = Rule("missing-https")

_FIX = {
    "flask": "Talisman(app, force_https=True)   # flask-talisman",
    "": "app.add_middleware(HTTPSRedirectMiddleware)",
}


@rule.on_app
def in_the_clear(app: AppCode) -> Found:
    """The application takes credentials, and nothing sees to it that they come encrypted."""
    seen = transport(app.world)
    if app.guard is not None and app.guard.https and app.guarded:
        return
    if app.guard is not None and not app.guard.https:
        seen = altered(seen, refused=seen.refused or app.guard.at)
    if seen.relied_on or (seen.refused is None and (seen.demanded or seen.hsts)) or not takes_credentials(app):
        return
    message, confidence, evidence = _judge(seen)
    fix = _FIX["flask" if app.framework in ("flask", "quart", "apiflask") else ""]
    yield rule.finding(message, app, confidence, evidence=evidence, fix=fix)


def _judge(seen: Transport) -> tuple[str, Confidence, tuple[Evidence, ...]]:
    message = "takes credentials, and nothing here demands HTTPS"
    if seen.refused is not None:
        evidence = (Evidence("note", "here", seen.refused),)
        return "takes credentials over HTTP as well: the demand for HTTPS is switched off", _unless_proxied(seen), evidence
    if seen.started is not None:
        evidence = (Evidence("note", "a server starts here without a certificate", seen.started),)
        return f"{message}; its server listens on every interface without TLS", _unless_proxied(seen), evidence
    return f"{message}; a proxy in front may", Confidence.LOW, ()


def _unless_proxied(seen: Transport) -> Confidence:
    """Who reads forwarded headers has a proxy in front, and that one may demand HTTPS."""
    return Confidence.LOW if seen.proxied else Confidence.MEDIUM
