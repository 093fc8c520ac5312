"""Every origin may call with the caller's cookies and read the answer. Stands in for cors-permissive at the same place."""

from __future__ import annotations

from ostiary.model.finding import Confidence
from ostiary.scan.code.sites import Call, Site
from ostiary.scan.rules import Found, Rule
from ostiary.scan.rules._cors import Cors, added, by_hand, flask_cors, starlette

rule = Rule("cors-credentials-exposed")

_FIX = 'Name the origins, or leave credentials off:\nallow_origins=["https://app.example.com"], allow_credentials=True'


@rule.on_call("add_middleware", "Middleware", "CORSMiddleware")
def middleware(call: Call) -> Found:
    """Starlette sends the caller's origin back when cookies come along."""
    yield from _exposed(call, starlette(call))


@rule.on_call("CORS", "init_app", "cross_origin")
def extension(call: Call) -> Found:
    """Flask-CORS sends the caller's origin back with supports_credentials."""
    yield from _exposed(call, flask_cors(call))


@rule.on_call("add", "set", "setdefault")
def header(call: Call) -> Found:
    """Headers added by hand."""
    yield from _exposed(call, added(call))


@rule.on_module
def headers(site: Site) -> Found:
    """Headers assigned by hand."""
    for cors in by_hand(site):
        yield from _exposed(Site(site.world, site.module, cors.function or site.function, cors.at), cors)


def _exposed(site: Site, cors: Cors | None) -> Found:
    if cors is not None and cors.any_origin and cors.credentials:
        message = f"any website can act and read as a visitor who is signed in: {cors.how}, and credentials are allowed"
        yield rule.finding(message, site, Confidence.HIGH if cors.sure else Confidence.MEDIUM, fix=_FIX)
