"""The documented examples of slowapi, over the drop-in and over slowapi itself where it answers rightly."""

# FastAPI reads annotations of functions inside functions: no postponed evaluation here.

from collections.abc import Iterator
from typing import Any

import pytest
import slowapi
import slowapi.errors
import slowapi.middleware
import slowapi.util
from fastapi import APIRouter, FastAPI, Request
from starlette.responses import PlainTextResponse, Response
from starlette.testclient import TestClient

from ostiary.compat import slowapi as ours
from ostiary.errors import UsageError
from ostiary.fastapi import Guard
from tests.guard.sites import PEPPER, Clock


class Peer:
    """The names of slowapi's own modules under one roof, as ours are."""

    Limiter = slowapi.Limiter
    RateLimitExceeded = slowapi.errors.RateLimitExceeded
    SlowAPIMiddleware = slowapi.middleware.SlowAPIMiddleware
    SlowAPIASGIMiddleware = slowapi.middleware.SlowAPIASGIMiddleware
    _rate_limit_exceeded_handler = staticmethod(slowapi._rate_limit_exceeded_handler)
    get_remote_address = staticmethod(slowapi.util.get_remote_address)


@pytest.fixture(params=["peer", "ours"])
def lib(request: pytest.FixtureRequest) -> Iterator[Any]:
    return Peer if request.param == "peer" else ours


def service(lib: Any, middleware: bool = False, **options: Any) -> tuple[FastAPI, Any]:
    limiter = lib.Limiter(key_func=lib.get_remote_address, **options)
    app = FastAPI()
    app.state.limiter = limiter
    app.add_exception_handler(lib.RateLimitExceeded, lib._rate_limit_exceeded_handler)
    if middleware:
        app.add_middleware(lib.SlowAPIMiddleware)
    return app, limiter


def statuses(app: FastAPI, path: str, times: int, method: str = "GET") -> list[int]:
    client = TestClient(app)
    return [client.request(method, path).status_code for _ in range(times)]


def test_a_limited_route(lib: Any) -> None:
    """The quick start: five a minute, for functions that are async and for those that are not."""
    app, limiter = service(lib)

    @app.get("/home")
    @limiter.limit("5/minute")
    async def home(request: Request) -> Response:
        return PlainTextResponse("test")

    @app.get("/mars")
    @limiter.limit("5/minute")
    def mars(request: Request) -> dict[str, str]:
        return {"key": "value"}

    assert statuses(app, "/home", 7) == statuses(app, "/mars", 7) == [200] * 5 + [429] * 2
    answer = TestClient(app).get("/home")
    assert answer.json() == {"error": "Rate limit exceeded: 5 per 1 minute"}


def test_several_limits_on_a_route(lib: Any) -> None:
    """Stacked, and in one text."""
    app, limiter = service(lib)

    @app.get("/stacked")
    @limiter.limit("100/hour")
    @limiter.limit("2/minute")
    async def stacked(request: Request) -> str:
        return "x"

    @app.get("/text")
    @limiter.limit("100/hour;2/minute")
    async def text(request: Request) -> str:
        return "x"

    assert statuses(app, "/stacked", 3) == statuses(app, "/text", 3) == [200, 200, 429]


def test_default_limits_exemptions_and_own_limits(lib: Any) -> None:
    """With the middleware a route that says nothing has the defaults; one that says something has its own."""
    app, limiter = service(lib, middleware=True, default_limits=["1/minute"])

    @app.get("/default")
    async def default() -> str:
        return "x"

    @app.get("/free")
    @limiter.exempt
    async def free(request: Request) -> str:
        return "x"

    @app.get("/own")
    @limiter.limit("2/minute")
    async def own(request: Request) -> str:
        return "x"

    @app.get("/both")
    @limiter.limit("2/minute", override_defaults=False)
    async def both(request: Request) -> str:
        return "x"

    found = [statuses(app, path, 3) for path in ("/default", "/free", "/own", "/both")]
    assert found == [[200, 429, 429], [200] * 3, [200, 200, 429], [200, 429, 429]]


def test_shared_limits_and_application_limits(lib: Any) -> None:
    """One counter for several routes, one for the whole app."""
    app, limiter = service(lib, middleware=True, application_limits=["4/minute"])
    shared = limiter.shared_limit("2/minute", scope="search")

    @app.get("/one")
    @shared
    async def one(request: Request) -> str:
        return "x"

    @app.get("/two")
    @shared
    async def two(request: Request) -> str:
        return "x"

    assert statuses(app, "/one", 1) + statuses(app, "/two", 2) == [200, 200, 429]


def test_methods_costs_keys_and_exempt_when(lib: Any) -> None:
    """The options of ``limit``."""
    app, limiter = service(lib)

    @app.api_route("/methods", methods=["GET", "POST"])
    @limiter.limit("1/minute", methods=["POST"])
    async def methods(request: Request) -> str:
        return "x"

    @app.api_route("/each", methods=["GET", "POST"])
    @limiter.limit("1/minute", per_method=True)
    async def each(request: Request) -> str:
        return "x"

    @app.get("/cost")
    @limiter.limit("10/minute", cost=lambda request: 5)
    async def cost(request: Request) -> str:
        return "x"

    @app.get("/keyed")
    @limiter.limit("1/minute", key_func=lambda request: request.headers.get("user", "-"))
    async def keyed(request: Request) -> str:
        return "x"

    @app.get("/excused")
    @limiter.limit("1/minute", exempt_when=lambda: True)
    async def excused(request: Request) -> str:
        return "x"

    @app.get("/dynamic")
    @limiter.limit(lambda key: "3/minute" if key == "testclient" else "1/minute", error_message="slow down")
    async def dynamic(request: Request) -> str:
        return "x"

    assert statuses(app, "/methods", 2) + statuses(app, "/methods", 2, "POST") == [200, 200, 200, 429]
    assert statuses(app, "/each", 2) + statuses(app, "/each", 2, "POST") == [200, 429, 200, 429]
    assert statuses(app, "/cost", 3) == [200, 200, 429]
    client = TestClient(app)
    assert [client.get("/keyed", headers={"user": user}).status_code for user in ("a", "b", "a")] == [200, 200, 429]
    assert statuses(app, "/excused", 3) == [200] * 3
    assert statuses(app, "/dynamic", 4) == [200] * 3 + [429]
    assert client.get("/dynamic").json() == {"error": "Rate limit exceeded: slow down"}


def test_headers(lib: Any) -> None:
    """``headers_enabled``: limit, what is left, and when, on answers and on refusals."""
    app, limiter = service(lib, headers_enabled=True)

    @app.get("/t")
    @limiter.limit("2/minute")
    async def t(request: Request, response: Response) -> str:
        return "x"

    client = TestClient(app)
    answers = [client.get("/t") for _ in range(3)]
    assert [answer.headers["X-RateLimit-Limit"] for answer in answers] == ["2"] * 3
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["1", "0", "0"]
    assert all(0 < int(answer.headers["Retry-After"]) <= 60 for answer in answers)


def test_disabled_counts_nothing(lib: Any) -> None:
    """``enabled=False`` for a test suite."""
    app, limiter = service(lib, enabled=False)

    @app.get("/t")
    @limiter.limit("1/minute")
    async def t(request: Request) -> str:
        return "x"

    assert statuses(app, "/t", 3) == [200] * 3


# What slowapi does not do


def test_defaults_hold_on_included_routers_and_mounts() -> None:
    """slowapi's middleware finds no handler there in current FastAPI, and counts nothing."""
    app, limiter = service(ours, middleware=True, default_limits=["2/minute"])
    inner, outer = APIRouter(prefix="/inner"), APIRouter(prefix="/outer")

    @inner.get("/deep/{name}")
    async def deep(name: str) -> str:
        return name

    @inner.get("/free")
    @limiter.exempt
    async def free() -> str:
        return "x"

    outer.include_router(inner)
    app.include_router(outer)
    app.mount("/raw", PlainTextResponse("raw"))
    assert statuses(app, "/outer/inner/deep/a", 3) == [200, 200, 429]
    assert statuses(app, "/raw/x", 3) == [200, 200, 429]
    assert statuses(app, "/outer/inner/free", 3) == [200] * 3


def test_calls_that_a_filter_names_are_not_counted() -> None:
    """As in Flask-Limiter."""
    app, limiter = service(ours, middleware=True, default_limits=["1/minute"])

    @app.get("/t")
    async def t() -> str:
        return "x"

    @limiter.request_filter
    def inner(request: Request) -> bool:
        return "x-inner" in request.headers

    client = TestClient(app)
    assert [client.get("/t", headers=headers).status_code for headers in ({"X-Inner": "1"}, {"X-Inner": "1"}, {}, {})] == [
        200,
        200,
        200,
        429,
    ]


def test_a_window_is_exact_at_its_border() -> None:
    """Five at the end of one minute leave none for the start of the next, where a fixed window lets five more pass."""
    app, limiter = service(ours, strategy="fixed-window")
    limiter.rates.clock = clock = Clock(1_800_000_059.0)

    @app.get("/t")
    @limiter.limit("5/minute")
    async def t(request: Request) -> str:
        return "x"

    assert statuses(app, "/t", 5) == [200] * 5
    clock.now += 2
    assert statuses(app, "/t", 1) == [429]
    clock.now += 59
    assert statuses(app, "/t", 6) == [200] * 5 + [429]


def test_a_refused_call_spends_no_other_limit() -> None:
    """All limits of a call or none."""
    app, limiter = service(ours)
    limiter.rates.clock = clock = Clock()

    @app.get("/t")
    @limiter.limit("3/hour;1/minute")
    async def t(request: Request) -> str:
        return "x"

    assert statuses(app, "/t", 5) == [200] + [429] * 4
    clock.now += 61
    assert statuses(app, "/t", 1) == [200]


def test_what_stands_between_two_limits_is_not_taken_off() -> None:
    """A login between two decorators is asked."""
    import functools

    app, limiter = service(ours)

    def login(function: Any) -> Any:
        @functools.wraps(function)
        async def checked(*arguments: Any, **named: Any) -> Any:
            return Response(status_code=401)

        return checked

    @app.get("/t")
    @limiter.limit("2/minute")
    @login
    @limiter.limit("9/minute")
    async def t(request: Request) -> str:
        return "x"

    assert statuses(app, "/t", 3) == [401, 401, 429]


def test_beside_a_guard() -> None:
    """Whom the guard refuses spends nothing of the route's limit."""
    app, limiter = service(ours)
    guard = Guard(app, store="memory://", pepper=PEPPER, https="off", policy_file=None)

    @app.get("/t")
    @guard.public("a shop window")
    @limiter.limit("1/minute")
    async def t(request: Request) -> str:
        return "x"

    @app.get("/closed")
    @guard.require()
    @limiter.limit("1/minute")
    async def closed(request: Request) -> str:
        return "x"

    assert statuses(app, "/t", 2) == [200, 429]
    assert statuses(app, "/closed", 3) == [401] * 3


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"strategy": "leaky-bucket"}, "strategy: one of"),
        ({"storage_uri": "memcached://localhost"}, "storage_uri: memory"),
        ({"default_limits": "5/minute"}, "a list of limits"),
        ({"default_limits": ["often"]}, "'often' is not a limit"),
        ({"key_style": "path"}, "key_style"),
        ({"config_filename": "missing.env"}, "config_filename: there is no file missing.env"),
        ({"retry_after": "soon"}, "retry_after: delta-seconds or http-date"),
        ({"in_memory_fallback": "5/minute"}, "in_memory_fallback: a list of limits"),
    ],
)
def test_what_cannot_be_is_a_sentence(options: dict[str, Any], said: str) -> None:
    """At start-up."""
    with pytest.raises(UsageError, match=said):
        ours.Limiter(key_func=ours.get_remote_address, **options)


def test_a_decorated_function_takes_the_request() -> None:
    """Said where it is written, as is a limit that is none."""
    limiter = ours.Limiter(key_func=ours.get_remote_address)
    with pytest.raises(UsageError, match="request"):
        limiter.limit("5/minute")(lambda: None)
    with pytest.raises(UsageError, match="is not a limit"):
        limiter.limit("5 a minute")
