"""Every origin may read the answers, though not with the caller's cookies."""

from __future__ import annotations

from ostiary.model.finding import Confidence
from ostiary.scan.code.sites import Call, Site
from ostiary.scan.rules import Found, Rule
from ostiary.scan.rules._cors import Cors, added, by_hand, flask_cors, starlette

rule = Rule("cors-permissive")

_FIX = 'Name the origins that may read:\nallow_origins=["https://app.example.com"]   # FastAPI\nCORS(app, origins=["https://app.example.com"])   # Flask'


@rule.on_call("add_middleware", "Middleware", "CORSMiddleware")
def middleware(call: Call) -> Found:
    """Starlette and FastAPI."""
    yield from _open(call, starlette(call))


@rule.on_call("CORS", "init_app", "cross_origin")
def extension(call: Call) -> Found:
    """Flask-CORS."""
    yield from _open(call, flask_cors(call))


@rule.on_call("add", "set", "setdefault")
def header(call: Call) -> Found:
    """A header added by hand."""
    yield from _open(call, added(call))


@rule.on_module
def headers(site: Site) -> Found:
    """A header assigned by hand."""
    for cors in by_hand(site):
        yield from _open(Site(site.world, site.module, cors.function or site.function, cors.at), cors)


def _open(site: Site, cors: Cors | None) -> Found:
    if cors is not None and cors.any_origin and not cors.credentials:
        yield rule.finding(
            f"every website may read the answers: {cors.how}", site, Confidence.HIGH if cors.sure else Confidence.MEDIUM, fix=_FIX
        )
