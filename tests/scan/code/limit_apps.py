"""Applications that use Flask-Limiter and slowapi in every way that we know, and which limits hold on which of their routes."""

from __future__ import annotations

import textwrap
from pathlib import Path

from ostiary.scan.code.index import build
from ostiary.scan.code.limits import Limits
from ostiary.scan.code.link import link
from ostiary.scan.code.sites import AppCode
from ostiary.scan.code.walk import SourceFile


def read(files: dict[str, str] | str) -> tuple[dict[str, list[str]], str | None]:
    """Texts of the limits by ``METHOD path``, and what limits the application by default."""
    found = {"app.py": files} if isinstance(files, str) else files
    world, apps = link(build(tuple(SourceFile(p, textwrap.dedent(t).encode()) for p, t in found.items()), Path("/nowhere")))
    limits = Limits(world)
    assert len(apps) == 1
    app: AppCode = apps[0]
    app.limiter = limits.default_of(app)
    return {f"{c.route.method} {c.route.path}": [limit.text for limit in limits.of(c)] for c in app.routes}, app.limiter


FLASK = """
from flask import Flask, Blueprint
from flask.views import MethodView
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

app = Flask("t")
CONFIG
lim = Limiter(get_remote_address, LATE, storage_uri="memory://", OPTIONS)
shared = lim.shared_limit("2/minute", scope="s")
bp, free = Blueprint("bp", "bp", url_prefix="/bp"), Blueprint("free", "free", url_prefix="/free")
outer, inner = Blueprint("outer", "outer", url_prefix="/outer"), Blueprint("inner", "inner", url_prefix="/inner")
own, away = Blueprint("own", "own", url_prefix="/own"), Blueprint("away", "away", url_prefix="/away")
kept, far = Blueprint("kept", "kept", url_prefix="/kept"), Blueprint("far", "far", url_prefix="/far")

@app.route("/plain")
def plain(): return ""
@app.route("/limited")
@lim.limit("2/minute")
def limited(): return ""
@lim.limit("2/minute")
@app.route("/above")
def above(): return ""
@app.route("/twice")
@lim.limit("5/minute")
@lim.limit("4/minute")
def twice(): return ""
@app.route("/keeps")
@lim.limit("5/minute", override_defaults=False)
def keeps(): return ""
@app.route("/mixed")
@lim.limit("5/minute", override_defaults=False)
@lim.limit("6/minute")
def mixed(): return ""
@app.route("/verbs", methods=["GET", "POST"])
@lim.limit("2/minute", methods=["POST"])
def verbs(): return ""
@app.route("/exempt")
@lim.exempt
def exempt(): return ""
@lim.exempt
@app.route("/exempt-above")
def exempt_above(): return ""
@app.route("/exempt-limited")
@lim.exempt
@lim.limit("2/minute")
def exempt_limited(): return ""
@app.route("/shared")
@shared
def shared_view(): return ""
@app.route("/inside")
def inside():
    with lim.limit("2/minute"):
        return ""

class Decorated(MethodView):
    decorators = [lim.limit("2/minute")]
    def get(self): return ""
    def post(self): return ""
class Method(MethodView):
    @lim.limit("2/minute")
    def get(self): return ""
    def post(self): return ""
class Exempt(MethodView):
    decorators = [lim.exempt]
    def get(self): return ""
class Plain(MethodView):
    def get(self): return ""
app.add_url_rule("/decorated", view_func=Decorated.as_view("decorated"))
app.add_url_rule("/method", view_func=Method.as_view("method"))
app.add_url_rule("/class-exempt", view_func=Exempt.as_view("class_exempt"))
app.add_url_rule("/wrapped", view_func=lim.limit("2/minute")(Plain.as_view("wrapped")))

@bp.route("/plain")
def bp_plain(): return ""
@bp.route("/limited")
@lim.limit("5/minute")
def bp_limited(): return ""
@bp.route("/keeps")
@lim.limit("5/minute", override_defaults=False)
def bp_keeps(): return ""
@bp.route("/exempt")
@lim.exempt
def bp_exempt(): return ""
@free.route("/plain")
def free_plain(): return ""
@free.route("/limited")
@lim.limit("5/minute")
def free_limited(): return ""
@inner.route("/plain")
def inner_plain(): return ""
@own.route("/plain")
def own_plain(): return ""
@away.route("/plain")
def away_plain(): return ""
@kept.route("/plain")
def kept_plain(): return ""
@far.before_request
@lim.limit("2/minute")
def before(): pass
@far.route("/plain")
def far_plain(): return ""

lim.limit("2/minute")(bp)
lim.limit("2/minute")(outer)
lim.limit("4/minute")(own)
lim.limit("4/minute", override_defaults=False)(kept)
for blueprint in (free, ):
    lim.exempt(blueprint)
outer.register_blueprint(inner)
outer.register_blueprint(own)
free.register_blueprint(away)
for blueprint in (bp, free, outer, kept, far):
    app.register_blueprint(blueprint)
INIT
"""
# without a default, and what a default D and limits of the application A add
OWN = {
    "GET /plain": "D A", "GET /limited": "2/minute A", "GET /above": "A", "GET /twice": "5/minute 4/minute A", "GET /keeps": "5/minute D A",
    "GET /mixed": "5/minute 6/minute A", "GET /verbs": "D A", "POST /verbs": "2/minute A", "GET /exempt": "", "GET /exempt-above": "",
    "GET /exempt-limited": "", "GET /shared": "2/minute A", "GET /inside": "2/minute A", "GET /decorated": "2/minute A",
    "POST /decorated": "2/minute A", "GET /method": "2/minute A", "POST /method": "A", "GET /class-exempt": "", "GET /wrapped": "2/minute A",
    "GET /bp/plain": "2/minute A", "GET /bp/limited": "5/minute A", "GET /bp/keeps": "2/minute 5/minute A", "GET /bp/exempt": "2/minute",
    "GET /free/plain": "", "GET /free/limited": "5/minute", "GET /outer/inner/plain": "2/minute A", "GET /outer/own/plain": "4/minute A",
    "GET /free/away/plain": "D A", "GET /kept/plain": "4/minute D A", "GET /far/plain": "2/minute A",
}  # fmt: skip
# (lines of configuration, options of the constructor, D, A, what the application says)
SETTINGS: dict[str, tuple[str, str, str, str, str | None]] = {
    "nothing": ("", "", "", "", None),
    "default": ("", "default_limits=['3/minute']", "3/minute", "", "3/minute"),
    "two defaults": ("", "default_limits=['3/minute', '6/minute']", "3/minute 6/minute", "", "3/minute; 6/minute"),
    "configured": ("app.config['RATELIMIT_DEFAULT'] = '3/minute'", "", "3/minute", "", "3/minute"),
    "updated": ("app.config.update(RATELIMIT_DEFAULT='3/minute')", "", "3/minute", "", "3/minute"),
    "the constructor wins": ("app.config['RATELIMIT_DEFAULT'] = '3/minute'", "default_limits=['1/minute']", "1/minute", "", "1/minute"),
    "no such key": ("app.config['RATELIMIT_DEFAULTS'] = '3/minute'", "", "", "", None),
    "application": ("", "application_limits=['3/minute']", "", "3/minute", "3/minute"),
    "configured application": ("app.config['RATELIMIT_APPLICATION'] = '3/minute'", "", "", "3/minute", "3/minute"),
    "both": ("", "application_limits=['4/minute'], default_limits=['3/minute']", "3/minute", "4/minute", "4/minute; 3/minute"),
    "per method": ("", "default_limits=['3/minute'], default_limits_per_method=True", "3/minute", "", "3/minute"),
}
OFF = {
    "constructor": ("", "enabled=False, default_limits=['3/minute']"),
    "configuration": ("app.config['RATELIMIT_ENABLED'] = False", "default_limits=['3/minute']"),
}


def flask_source(config: str, options: str, late: bool = False) -> str:
    text = FLASK.replace("CONFIG", config).replace("OPTIONS", options)
    return (
        text.replace("LATE", "").replace(", ,", ",").replace("INIT", "lim.init_app(app)")
        if late
        else text.replace("LATE", "app=app").replace("INIT", "")
    )


SLOWAPI = """
from fastapi import FastAPI, APIRouter, Request
from slowapi import Limiter, _rate_limit_exceeded_handler
from slowapi.errors import RateLimitExceeded
from slowapi.middleware import SlowAPIMiddleware, SlowAPIASGIMiddleware
from slowapi.util import get_remote_address

lim = Limiter(key_func=get_remote_address, OPTIONS)
app, router, sub = FastAPI(), APIRouter(prefix="/r"), FastAPI()
app.state.limiter = lim
app.add_exception_handler(RateLimitExceeded, _rate_limit_exceeded_handler)
MIDDLEWARE
@app.get("/limited")
@lim.limit("2/minute")
def limited(request: Request): return 1
@lim.limit("2/minute")
@app.get("/above")
def above(request: Request): return 1
@app.get("/plain")
def plain(): return 1
@app.get("/exempt")
@lim.exempt
def exempt(request: Request): return 1
@app.get("/keeps")
@lim.limit("4/minute", override_defaults=False)
def keeps(request: Request): return 1
@app.get("/shared")
@lim.shared_limit("2/minute", scope="s")
async def shared(request: Request): return 1
@app.post("/verbs")
@app.get("/verbs")
@lim.limit("2/minute", methods=["POST"])
def verbs(request: Request): return 1
@router.get("/limited")
@lim.limit("2/minute")
async def router_limited(request: Request): return 1
@router.get("/plain")
def router_plain(): return 1
@router.get("/keeps")
@lim.limit("4/minute", override_defaults=False)
def router_keeps(request: Request): return 1
@sub.get("/limited")
@lim.limit("2/minute")
def sub_limited(request: Request): return 1
@sub.get("/plain")
def sub_plain(): return 1
app.include_router(router)
app.mount("/sub", sub)
"""
# D: a default that a decorator adds; M: a default that only the middleware adds
SLOW_OWN = {
    "GET /limited": "2/minute", "GET /above": "", "GET /plain": "M", "GET /exempt": "", "GET /keeps": "4/minute D",
    "GET /shared": "2/minute", "GET /verbs": "", "POST /verbs": "2/minute", "GET /r/limited": "2/minute", "GET /r/plain": "", "GET /r/keeps": "4/minute D",
    "GET /sub/limited": "2/minute", "GET /sub/plain": "",
}  # fmt: skip
SLOW_SETTINGS: dict[str, tuple[str, str, str, str, str | None]] = {
    "nothing": ("", "", "", "", None),
    "a default without middleware": ("", "default_limits=['3/minute']", "3/minute", "", None),
    "a default": ("app.add_middleware(SlowAPIMiddleware)", "default_limits=['3/minute']", "3/minute", "3/minute", "3/minute"),
    "the other middleware": (
        "app.add_middleware(SlowAPIASGIMiddleware)",
        "default_limits=['3/minute']",
        "3/minute",
        "3/minute",
        "3/minute",
    ),
    "application": ("app.add_middleware(SlowAPIMiddleware)", "application_limits=['3/minute']", "", "3/minute", "3/minute"),
    "application without middleware": ("", "application_limits=['3/minute']", "", "", None),
}


def slow_source(middleware: str, options: str) -> str:
    return SLOWAPI.replace("MIDDLEWARE", middleware).replace("OPTIONS", options)
