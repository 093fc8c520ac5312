"""Which limits hold on which route: other ways to set up the libraries, fastapi-limiter, and what projects make themselves."""

from __future__ import annotations

import pytest

from tests.scan.code.limit_apps import read


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
        ("import os\nfrom flask import Flask\nfrom flask_limiter import Limiter\napp = Flask('a')\nl = Limiter(k, app=app)\n@app.get('/x')\n@l.limit(os.environ.get('RATE', '5/hour'))\ndef x(): return ''\n", "GET /x", ["5/hour"]),
        ("from flask import Flask\nfrom flask_limiter import Limiter\napp = Flask('a')\nl = Limiter(app, k)\n@app.get('/x')\n@l.limit('5/minute;9/hour')\ndef x(): return ''\n", "GET /x", ["5/minute;9/hour"]),
        ("from flask import Flask\nfrom flask_limiter import Limiter\napp = Flask('a')\nl = Limiter(k, app=app, enabled=ON)\n@app.get('/x')\n@l.limit('1/day')\ndef x(): return ''\n", "GET /x", ["1/day"]),
        ("from quart import Quart\nfrom datetime import timedelta\nfrom quart_rate_limiter import RateLimiter, rate_limit\napp = Quart('a')\nRateLimiter(app)\n@app.get('/x')\n@rate_limit(5, timedelta(minutes=1))\nasync def x(): return ''\n", "GET /x", ["5 per 1 minutes"]),
    ],
)  # fmt: skip
def test_other_ways_to_set_it_up(files: dict[str, str] | str, route: str, texts: list[str]) -> None:
    assert read(files)[0][route] == texts


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
        (FAST + "async def slow(request, call_next):\n    if hits(): return JSONResponse({}, status_code=429)\n    return await call_next(request)\napp.add_middleware(BaseHTTPMiddleware, dispatch=slow)\n@app.get('/x')\ndef x(): ...\n", ["by slow"], "by slow"),
        (FAST + "from ratelimit import RateLimitMiddleware\ndef make(app, rules):\n    return RateLimitMiddleware(app, rules)\napp.add_middleware(make, rules={})\n@app.get('/x')\ndef x(): ...\n", ["by RateLimitMiddleware"], "by RateLimitMiddleware"),
        (FAST + "from asgi_ratelimit import RateLimitMiddleware\napp.add_middleware(RateLimitMiddleware, limit=5)\n@app.get('/x')\ndef x(): ...\n", ["by RateLimitMiddleware"], "by RateLimitMiddleware"),
        (FAST + "class TooManyTries(Exception): ...\ndef slow():\n    if hits(): raise TooManyTries()\n@app.get('/x')\ndef x(_=Depends(slow)): ...\n", ["by slow"], None),
        (FAST + "def limit_page(n: int = 10): return n\n@app.get('/x')\ndef x(_=Depends(limit_page)): ...\n", [], None),
    ],
)  # fmt: skip
def test_home_made_limits_are_told_by_what_they_do(code: str, texts: list[str], whole: str | None) -> None:
    found, said = read(code)
    assert (found["GET /x"], said) == (texts, whole)
