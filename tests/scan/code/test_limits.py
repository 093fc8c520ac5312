"""Which limits hold on which route: as read, word for word, and as the libraries themselves count real requests."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Any

import pytest

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
    "POST /decorated": "2/minute A", "GET /method": "2/minute A", "POST /method": "D A", "GET /class-exempt": "", "GET /wrapped": "2/minute A",
    "GET /bp/plain": "2/minute A", "GET /bp/limited": "5/minute A", "GET /bp/keeps": "2/minute 5/minute A", "GET /bp/exempt": "2/minute",
    "GET /free/plain": "", "GET /free/limited": "5/minute", "GET /outer/inner/plain": "2/minute A", "GET /outer/own/plain": "4/minute A",
    "GET /free/away/plain": "D A", "GET /kept/plain": "4/minute D A", "GET /far/plain": "2/minute A",
}  # fmt: skip
# (lines of configuration, options of the constructor, D, A, what the application says)
SETTINGS: dict[str, tuple[str, str, str, str, str | None]] = {
    "nothing": ("", "", "", "", None),
    "default": ("", "default_limits=['3/minute']", "3/minute", "", "3/minute"),
    "two defaults": ("", "default_limits=['3/minute', '4/minute']", "3/minute 4/minute", "", "3/minute; 4/minute"),
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
    return text.replace("LATE", "").replace(", ,", ",").replace("INIT", "lim.init_app(app)") if late else text.replace("LATE", "app=app").replace("INIT", "")


def expected(default: str, always: str) -> dict[str, list[str]]:
    return {route: sorted(words.replace("D", default).replace("A", always).split()) for route, words in OWN.items()}


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("name", SETTINGS)
def test_flask_limiter(name: str, late: bool) -> None:
    config, options, default, always, said = SETTINGS[name]
    found, whole = read(flask_source(config, options, late))
    assert {route: sorted(texts) for route, texts in found.items()} == expected(default, always)
    assert whole == said


@pytest.mark.parametrize("name", OFF)
def test_flask_limiter_switched_off_limits_nothing(name: str) -> None:
    found, whole = read(flask_source(*OFF[name]))
    assert (set(map(tuple, found.values())), whole) == ({()}, None)


def counted(client: Any, route: str) -> int | None:
    """How many calls were let through, None for all of seven."""
    method, path = route.split()
    codes = [client.open(path, method=method).status_code for _ in range(7)]
    return codes.index(429) if 429 in codes else None


def tightest(texts: list[str]) -> int | None:
    return min((int(n) for text in texts for n in re.findall(r"(\d+)/minute", text)), default=None)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("name", [*SETTINGS, *OFF])
def test_flask_limiter_itself_agrees(name: str, late: bool) -> None:
    """An oracle: the library counts seven calls of every route."""
    pytest.importorskip("flask_limiter")
    config, options = SETTINGS[name][:2] if name in SETTINGS else OFF[name]
    source = flask_source(config, options, late)
    for route, texts in read(source)[0].items():
        names: dict[str, Any] = {"__name__": "limited_app"}
        exec(source, names)
        assert (route, counted(names["app"].test_client(), route)) == (route, tightest(texts))


@pytest.mark.parametrize(
    ("files", "route", "texts"),
    [
        (
            {
                "ext.py": "from flask_limiter import Limiter\nlimiter = Limiter(key_func=lambda: '', default_limits=['9/hour'])\n",
                "app.py": "from flask import Flask\nfrom ext import limiter\ndef create_app():\n    app = Flask('a')\n    for e in [limiter]:\n        e.init_app(app)\n    @app.get('/x')\n    def x(): return ''\n    return app\n",
            },
            "GET /x",
            ["9/hour"],
        ),
        (
            {
                "ext.py": "import flask_limiter\nclass Mine(flask_limiter.Limiter):\n    pass\nlimiter = Mine(key_func=k, default_limits=['9/hour'])\n",
                "app.py": "from flask import Flask\nfrom ext import limiter\napp = Flask('a')\nlimiter.init_app(app)\n@app.get('/x')\n@limiter.limit('1/day')\ndef x(): return ''\n",
            },
            "GET /x",
            ["1/day"],
        ),
        ("from flask import Flask\nfrom flask_limiter import Limiter\napp = Flask('a')\nl = Limiter(k)\n@app.get('/x')\n@l.limit('1/day')\ndef x(): return ''\n", "GET /x", []),
        ("from flask import Flask\nfrom flask_limiter import Limiter\napp = Flask('a')\nl = Limiter(k, app=app)\n@app.get('/x')\n@l.limit(rate)\ndef x(): return ''\n", "GET /x", ["computed"]),
        ("from flask import Flask\nfrom flask_limiter import Limiter\napp = Flask('a')\nl = Limiter(k, app=app, default_limits=load())\n@app.get('/x')\ndef x(): return ''\n", "GET /x", ["computed"]),
        ("from flask import Flask\nfrom flask_limiter import Limiter, Limit\napp = Flask('a')\nl = Limiter(k, app=app, default_limits=[Limit('7/day')])\n@app.get('/x')\ndef x(): return ''\n", "GET /x", ["7/day"]),
        ("from flask import Flask\nfrom flask_limiter import Limiter\napp = Flask('a')\nl = Limiter(app, k)\n@app.get('/x')\n@l.limit('5/minute;9/hour')\ndef x(): return ''\n", "GET /x", ["5/minute;9/hour"]),
        ("from flask import Flask\nfrom flask_limiter import Limiter\napp = Flask('a')\nl = Limiter(k, app=app, enabled=ON)\n@app.get('/x')\n@l.limit('1/day')\ndef x(): return ''\n", "GET /x", ["1/day"]),
        ("from quart import Quart\nfrom datetime import timedelta\nfrom quart_rate_limiter import RateLimiter, rate_limit\napp = Quart('a')\nRateLimiter(app)\n@app.get('/x')\n@rate_limit(5, timedelta(minutes=1))\nasync def x(): return ''\n", "GET /x", ["5 per 1 minutes"]),
    ],
)  # fmt: skip
def test_other_ways_to_set_it_up(files: dict[str, str] | str, route: str, texts: list[str]) -> None:
    assert read(files)[0][route] == texts


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
    "GET /shared": "2/minute", "POST /verbs": "2/minute", "GET /r/limited": "2/minute", "GET /r/plain": "", "GET /r/keeps": "4/minute D",
    "GET /sub/limited": "2/minute", "GET /sub/plain": "",
}  # fmt: skip
SLOW_SETTINGS: dict[str, tuple[str, str, str, str, str | None]] = {
    "nothing": ("", "", "", "", None),
    "a default without middleware": ("", "default_limits=['3/minute']", "3/minute", "", None),
    "a default": ("app.add_middleware(SlowAPIMiddleware)", "default_limits=['3/minute']", "3/minute", "3/minute", "3/minute"),
    "the other middleware": ("app.add_middleware(SlowAPIASGIMiddleware)", "default_limits=['3/minute']", "3/minute", "3/minute", "3/minute"),
    "application": ("app.add_middleware(SlowAPIMiddleware)", "application_limits=['3/minute']", "", "3/minute", "3/minute"),
    "application without middleware": ("", "application_limits=['3/minute']", "", "", None),
}


def slow_source(middleware: str, options: str) -> str:
    return SLOWAPI.replace("MIDDLEWARE", middleware).replace("OPTIONS", options)


@pytest.mark.parametrize("name", SLOW_SETTINGS)
def test_slowapi(name: str) -> None:
    middleware, options, default, by_middleware, said = SLOW_SETTINGS[name]
    found, whole = read(slow_source(middleware, options))
    wanted = {route: words.replace("D", default).replace("M", by_middleware).split() for route, words in SLOW_OWN.items()}
    assert {route: sorted(texts) for route, texts in found.items() if route != "GET /verbs"} == {r: sorted(t) for r, t in wanted.items()}
    assert whole == said


def test_slowapi_switched_off_limits_nothing() -> None:
    found, whole = read(slow_source("app.add_middleware(SlowAPIMiddleware)", "enabled=False, default_limits=['3/minute']"))
    assert (set(map(tuple, found.values())), whole) == ({()}, None)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", SLOW_SETTINGS)
def test_slowapi_itself_agrees(name: str) -> None:
    """An oracle, where FastAPI is 0.137 or newer."""
    pytest.importorskip("slowapi")
    fastapi = pytest.importorskip("fastapi")
    if tuple(int(n) for n in fastapi.__version__.split(".")[:2]) < (0, 137):
        pytest.skip("included routes are found by the middleware of older ones")
    from fastapi.testclient import TestClient

    source = slow_source(*SLOW_SETTINGS[name][:2])
    for route, texts in read(source)[0].items():
        names: dict[str, Any] = {"__name__": "slow_app"}
        exec(source, names)
        client, (method, path) = TestClient(names["app"]), route.split()
        codes = [client.request(method, path).status_code for _ in range(7)]
        assert (route, codes.index(429) if 429 in codes else None) == (route, tightest(texts))


FASTAPI = "from fastapi import FastAPI, APIRouter, Depends, Request\nfrom fastapi_limiter.depends import RateLimiter\nfrom pyrate_limiter import Limiter, Rate, Duration\n"


@pytest.mark.parametrize(
    ("code", "route", "texts"),
    [
        ("app = FastAPI()\n@app.get('/x', dependencies=[Depends(RateLimiter(times=2, seconds=5))])\nasync def x(): ...", "GET /x", ["2 per 5 seconds"]),
        ("app = FastAPI()\n@app.get('/x')\nasync def x(limit=Depends(RateLimiter(times=2, minutes=1))): ...", "GET /x", ["2 per 1 minutes"]),
        ("app = FastAPI()\n@app.get('/x')\nasync def x(limit=Depends(RateLimiter(2, 0, 30))): ...", "GET /x", ["2 per 30 seconds"]),
        ("app = FastAPI(dependencies=[Depends(RateLimiter(times=2, hours=1))])\n@app.get('/x')\nasync def x(): ...", "GET /x", ["2 per 1 hours"]),
        ("app = FastAPI()\nr = APIRouter(dependencies=[Depends(RateLimiter(times=2, hours=1))])\n@r.get('/x')\nasync def x(): ...\napp.include_router(r)", "GET /x", ["2 per 1 hours"]),
        ("app = FastAPI()\nr = APIRouter()\n@r.get('/x')\nasync def x(): ...\napp.include_router(r, dependencies=[Depends(RateLimiter(times=2, hours=1))])", "GET /x", ["2 per 1 hours"]),
        ("app = FastAPI()\nslow = RateLimiter(times=1, seconds=N)\n@app.get('/x', dependencies=[Depends(slow)])\nasync def x(): ...", "GET /x", ["1 per computed time"]),
        ("app = FastAPI()\n@app.get('/x', dependencies=[Depends(RateLimiter(limiter=Limiter(Rate(2, Duration.SECOND * 5))))])\nasync def x(): ...", "GET /x", ["2 per 5 seconds"]),
        ("app = FastAPI()\n@app.get('/x', dependencies=[Depends(RateLimiter(limiter=Limiter(Rate(2, Duration.MINUTE))))])\nasync def x(): ...", "GET /x", ["2 per minute"]),
        ("app = FastAPI()\n@app.get('/x', dependencies=[Depends(RateLimiter(limiter=Limiter([Rate(2, 60000), Rate(9, 500)])))])\nasync def x(): ...", "GET /x", ["2 per 60 seconds; 9 per 500 milliseconds"]),
        ("app = FastAPI()\n@app.get('/x', dependencies=[Depends(RateLimiter(limiter=make()))])\nasync def x(): ...", "GET /x", ["computed"]),
        ("from fastapi_limiter.decorators import skip_limiter\napp = FastAPI(dependencies=[Depends(RateLimiter(times=2, hours=1))])\n@app.get('/x')\n@skip_limiter\nasync def x(): ...", "GET /x", []),
        ("from typing import Annotated\napp = FastAPI()\nSlow = Annotated[None, Depends(RateLimiter(times=2, hours=1))]\n@app.get('/x')\nasync def x(s: Slow): ...", "GET /x", ["2 per 1 hours"]),
    ],
)  # fmt: skip
def test_fastapi_limiter(code: str, route: str, texts: list[str]) -> None:
    assert read(FASTAPI + code)[0][route] == texts


HOME = "from flask import Flask, Blueprint, abort, request, jsonify\nfrom functools import wraps\napp = Flask('a')\n"
FAST = "from fastapi import FastAPI, Depends, HTTPException, Request, status\nfrom fastapi.responses import JSONResponse\nfrom starlette.middleware.base import BaseHTTPMiddleware\napp = FastAPI()\n"


@pytest.mark.parametrize(
    ("code", "texts", "whole"),
    [
        (HOME + "def slow(n):\n    def deco(f):\n        @wraps(f)\n        def inner(*a, **k):\n            if seen(n):\n                abort(429)\n            return f(*a, **k)\n        return inner\n    return deco\n@app.get('/x')\n@slow(5)\ndef x(): return ''\n", ["by slow"], None),
        (HOME + "def slow(f):\n    def inner(*a):\n        if hits() > 5:\n            return jsonify(error='slow down'), 429\n        return f(*a)\n    return inner\n@app.get('/x')\n@slow\ndef x(): return ''\n", ["by slow"], None),
        (HOME + "@app.before_request\ndef slow():\n    if hits() > 5: abort(429)\n@app.get('/x')\ndef x(): return ''\n", ["by slow"], "by slow"),
        (HOME + "def check():\n    if hits() > 5: abort(429)\n@app.get('/x')\ndef x():\n    check()\n    return ''\n", ["in the handler"], None),
        (HOME + "@app.get('/x')\ndef x():\n    r = fetch()\n    if r.status_code == 429: return ''\n    retry(codes=[429, 500])\n    return ''\n", [], None),
        (HOME + "from lib import rate_limit\n@app.get('/x')\n@rate_limit(5)\ndef x(): return ''\n", ["by rate_limit"], None),
        (HOME + "@app.errorhandler(429)\ndef too_many(e): return 'slow', 429\n@app.get('/x')\ndef x(): return ''\n", [], None),
        (FAST + "def slow(request: Request):\n    if hits(request):\n        raise HTTPException(status_code=429)\n@app.get('/x', dependencies=[Depends(slow)])\ndef x(): ...\n", ["by slow"], None),
        (FAST + "def slow(request: Request):\n    if hits(request):\n        raise HTTPException(status.HTTP_429_TOO_MANY_REQUESTS)\n@app.get('/x')\ndef x(_=Depends(slow)): ...\n", ["by slow"], None),
        (FAST + "class Slow:\n    def __init__(self, n): self.n = n\n    async def __call__(self, request: Request):\n        if await hits() > self.n: raise HTTPException(429)\n@app.get('/x')\ndef x(_=Depends(Slow(5))): ...\n", ["by Slow"], None),
        (FAST + "@app.middleware('http')\nasync def slow(request, call_next):\n    if hits(): return JSONResponse({}, status_code=429)\n    return await call_next(request)\n@app.get('/x')\ndef x(): ...\n", ["by slow"], "by slow"),
        (FAST + "class Slow(BaseHTTPMiddleware):\n    async def dispatch(self, request, call_next):\n        if hits(): return JSONResponse({}, status_code=429)\n        return await call_next(request)\napp.add_middleware(Slow)\n@app.get('/x')\ndef x(): ...\n", ["by Slow"], "by Slow"),
        (FAST + "from asgi_ratelimit import RateLimitMiddleware\napp.add_middleware(RateLimitMiddleware, limit=5)\n@app.get('/x')\ndef x(): ...\n", ["by RateLimitMiddleware"], "by RateLimitMiddleware"),
        (FAST + "class TooManyTries(Exception): ...\ndef slow():\n    if hits(): raise TooManyTries()\n@app.get('/x')\ndef x(_=Depends(slow)): ...\n", ["by slow"], None),
        (FAST + "def limit_page(n: int = 10): return n\n@app.get('/x')\ndef x(_=Depends(limit_page)): ...\n", [], None),
    ],
)  # fmt: skip
def test_home_made_limits_are_told_by_what_they_do(code: str, texts: list[str], whole: str | None) -> None:
    found, said = read(code)
    assert (found["GET /x"], said) == (texts, whole)


def test_a_limit_says_where_it_is_written() -> None:
    source = textwrap.dedent(flask_source("", "default_limits=['3/minute']"))
    world, apps = link(build((SourceFile("app.py", source.encode()),), Path("/nowhere")))
    limits = Limits(world)
    lines = {c.route.path: [str(limit.at) for limit in limits.of(c)] for a in apps for c in a.routes}
    numbered = {line: n for n, line in enumerate(source.splitlines(), 1)}
    first, default = numbered['@app.route("/limited")'] + 1, next(n for line, n in numbered.items() if line.startswith("lim = "))
    assert lines["/limited"] == [f"app.py:{first}"]
    assert lines["/plain"] == [f"app.py:{default}"]
    assert lines["/bp/plain"] == ["app.py:" + str(numbered['lim.limit("2/minute")(bp)'])]
