"""The documented examples of Flask-Limiter, over the drop-in and over Flask-Limiter itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import flask_limiter
import flask_limiter.util
import pytest
from flask import Blueprint, Flask, Response, jsonify, make_response, request
from flask.views import MethodView, View

from ostiary.compat import flask_limiter as ours
from ostiary.errors import UsageError
from tests.guard.sites import Clock


class Peer:
    ApplicationLimit = flask_limiter.ApplicationLimit
    ExemptionScope = flask_limiter.ExemptionScope
    HeaderNames = flask_limiter.HeaderNames
    Limit = flask_limiter.Limit
    Limiter = flask_limiter.Limiter
    MetaLimit = flask_limiter.MetaLimit
    RateLimitExceeded = flask_limiter.RateLimitExceeded
    RouteLimit = flask_limiter.RouteLimit
    get_remote_address = staticmethod(flask_limiter.util.get_remote_address)


@pytest.fixture(params=["peer", "ours"])
def lib(request: pytest.FixtureRequest) -> Iterator[Any]:
    return Peer if request.param == "peer" else ours


def service(lib: Any, **options: Any) -> tuple[Flask, Any]:
    app = Flask(__name__)
    return app, lib.Limiter(lib.get_remote_address, app=app, **{"storage_uri": "memory://", **options})


def statuses(app: Flask, path: str, times: int, method: str = "GET") -> list[int]:
    client = app.test_client()
    return [client.open(path, method=method).status_code for _ in range(times)]


def view(name: str, answer: Any = lambda: "x") -> Any:
    """A view with a name of its own: Flask-Limiter tells views apart by their names."""

    def found() -> Any:
        return answer()

    found.__name__ = found.__qualname__ = name
    return found


def test_the_quick_start(lib: Any) -> None:
    """Defaults, an own limit that stands in their place, one beside them, an exemption."""
    app, limiter = service(lib, default_limits=["3 per day", "2 per hour"])

    @app.route("/slow")
    @limiter.limit("1 per day")
    def slow() -> str:
        return ":("

    @app.route("/medium")
    @limiter.limit("1/second", override_defaults=False)
    def medium() -> str:
        return ":|"

    @app.route("/fast")
    def fast() -> str:
        return ":)"

    @app.route("/ping")
    @limiter.exempt
    def ping() -> str:
        return "PONG"

    found = [statuses(app, path, 4) for path in ("/slow", "/medium", "/fast", "/ping")]
    assert found == [[200, 429, 429, 429], [200, 429, 429, 429], [200, 200, 429, 429], [200] * 4]


def test_blueprints_and_class_views(lib: Any) -> None:
    """A limit on a blueprint, an exempt blueprint, ``decorators`` of a class, a limit on a method."""
    app, limiter = service(lib, default_limits=["1/hour"])
    login, regular, free = Blueprint("login", __name__), Blueprint("regular", __name__), Blueprint("free", __name__)
    login.add_url_rule("/login", "login", lambda: "x")
    regular.add_url_rule("/regular", "regular", lambda: "x")
    free.add_url_rule("/free", "free", lambda: "x")
    limiter.limit("2/hour")(login)
    limiter.exempt(free)

    class Limited(MethodView):
        decorators = [limiter.limit("2/minute")]  # noqa: RUF012 as the documentation writes it

        def get(self) -> str:
            return "x"

    class Plain(View):
        def dispatch_request(self) -> str:
            return "x"

    for blueprint in (login, regular, free):
        app.register_blueprint(blueprint)
    app.add_url_rule("/limited", view_func=Limited.as_view("limited"))
    app.add_url_rule("/plain", view_func=Plain.as_view("plain"))
    found = [statuses(app, path, 3) for path in ("/login", "/regular", "/free", "/limited", "/plain")]
    assert found == [[200, 200, 429], [200, 429, 429], [200] * 3, [200, 200, 429], [200, 429, 429]]


def test_shared_application_and_filtered(lib: Any) -> None:
    """One counter for several routes, one for all; none for what a filter names."""
    app, limiter = service(lib, application_limits=["4/hour"])
    shared = limiter.shared_limit("2/hour", scope="mysql")
    app.route("/one", endpoint="one")(shared(view("one")))
    app.route("/two", endpoint="two")(shared(view("two")))
    app.route("/other", endpoint="other")(lambda: "x")

    @limiter.request_filter
    def inner() -> bool:
        return request.headers.get("X-Internal", "") == "true"

    assert statuses(app, "/one", 1) + statuses(app, "/two", 2) == [200, 200, 429]
    client = app.test_client()
    assert [client.get("/one", headers={"X-Internal": "true"}).status_code for _ in range(9)] == [200] * 9


def test_the_options_of_a_limit(lib: Any) -> None:
    """Methods, per method, cost, key, exempt_when, dynamic limits, and deductions by the answer."""
    app, limiter = service(lib)

    def add(path: str, *limits: Any, answer: Any = lambda: "x") -> None:
        limited = view(path[1:], answer)
        for one in limits:
            limited = one(limited)
        app.add_url_rule(path, path[1:], limited, methods=["GET", "POST"])

    add("/methods", limiter.limit("1/hour", methods=["POST"]))
    add("/each", limiter.limit("1/hour", per_method=True))
    add("/cost", limiter.limit("10/hour", cost=lambda: 5))
    add("/keyed", limiter.limit("1/hour", key_func=lambda: request.headers.get("user", "-")))
    add("/excused", limiter.limit("1/hour", exempt_when=lambda: True))
    add("/dynamic", limiter.limit(lambda: "2/hour"))

    def wrong() -> Response:
        return make_response("wrong", int(request.args.get("status", "200")))

    add("/failures", limiter.limit("1/hour", deduct_when=lambda response: response.status_code == 400), answer=wrong)
    assert statuses(app, "/methods", 2) + statuses(app, "/methods", 2, "POST") == [200, 200, 200, 429]
    assert statuses(app, "/each", 2) + statuses(app, "/each", 2, "POST") == [200, 429, 200, 429]
    assert statuses(app, "/cost", 3) == [200, 200, 429]
    assert [app.test_client().get("/keyed", headers={"user": user}).status_code for user in "aba"] == [200, 200, 429]
    assert (statuses(app, "/excused", 3), statuses(app, "/dynamic", 3)) == ([200] * 3, [200, 200, 429])
    assert statuses(app, "/failures", 3) + statuses(app, "/failures?status=400", 1) + statuses(app, "/failures", 1) == [
        200,
        200,
        200,
        400,
        429,
    ]


def test_refusals(lib: Any) -> None:
    """``error_message``, an error handler, and a response by ``on_breach``."""
    app, limiter = service(lib)
    app.route("/message", endpoint="message")(limiter.limit("1/hour", error_message="chill!")(view("message")))
    app.route("/plain", endpoint="plain")(limiter.limit("1 per 15 minutes")(view("plain")))
    breach = limiter.limit("1/hour", on_breach=lambda limit: make_response("custom", 429))
    app.route("/breach", endpoint="breach")(breach(view("breach")))

    @app.errorhandler(429)
    def handler(error: Any) -> Any:
        return error.get_response() if error.response is not None else (jsonify(error=f"ratelimit exceeded {error.description}"), 429)

    def second(path: str) -> Any:
        statuses(app, path, 1)
        return app.test_client().get(path)

    assert second("/message").json == {"error": "ratelimit exceeded chill!"}
    assert second("/plain").json == {"error": "ratelimit exceeded 1 per 15 minute"}
    assert second("/breach").text == "custom"


def test_headers_and_current_limit(lib: Any) -> None:
    """``headers_enabled`` with names of one's own; ``current_limit`` in the view."""
    names = {lib.HeaderNames.LIMIT: "X-My-Limit"}
    app, limiter = service(lib, headers_enabled=True, header_name_mapping=names)
    app.route("/t", endpoint="t")(limiter.limit("2/minute;9/hour")(lambda: str(limiter.current_limit.remaining)))
    answers = [app.test_client().get("/t") for _ in range(3)]
    assert [answer.headers["X-My-Limit"] for answer in answers] == ["2"] * 3
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["1", "0", "0"]
    assert [answer.text for answer in answers[:2]] == ["1", "0"]
    assert all(0 < int(answer.headers["Retry-After"]) <= 60 for answer in answers)


def test_configuration_and_disabling(lib: Any) -> None:
    """``RATELIMIT_…`` of the app's configuration; ``enabled=False``."""
    limiter = lib.Limiter(lib.get_remote_address)
    app = Flask(__name__)
    app.config.update(RATELIMIT_DEFAULT="1/hour", RATELIMIT_STORAGE_URI="memory://", RATELIMIT_HEADERS_ENABLED=True)
    limiter.init_app(app)
    app.route("/t", endpoint="t")(lambda: "x")
    assert statuses(app, "/t", 2) == [200, 429]
    off, limiter = service(lib, enabled=False, default_limits=["1/hour"])
    off.route("/t", endpoint="t")(limiter.limit("1/hour")(lambda: "x"))
    assert statuses(off, "/t", 3) == [200] * 3


def test_a_block_of_code_is_limited(lib: Any) -> None:
    """``with limiter.limit(…)`` inside a view."""
    app, limiter = service(lib)

    @app.route("/t")
    def t() -> str:
        with limiter.limit("1/hour"):
            return "x"

    assert statuses(app, "/t", 2) == [200, 429]


# What Flask-Limiter does not do


def test_windows_are_exact_and_all_or_none() -> None:
    """At the border of a minute, and for a call that only one of two limits refuses."""
    app, limiter = service(ours, strategy="fixed-window")
    limiter.rates.clock = clock = Clock(1_800_000_059.0)
    app.route("/t", endpoint="t")(limiter.limit("5/minute")(lambda: "x"))
    app.route("/u", endpoint="u")(limiter.limit("3/hour;1/minute")(lambda: "x"))
    assert statuses(app, "/t", 5) == [200] * 5
    assert statuses(app, "/u", 5) == [200] + [429] * 4
    clock.now += 2
    assert statuses(app, "/t", 1) == [429]
    clock.now += 59
    assert (statuses(app, "/t", 6), statuses(app, "/u", 1)) == ([200] * 5 + [429], [200])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"strategy": "leaky-bucket"}, "strategy: one of"),
        ({"storage_uri": "mongodb://localhost"}, "storage_uri: memory"),
        ({"default_limits": "5/minute"}, "a list of limits"),
        ({"default_limits": ["often"]}, "'often' is not a limit"),
        ({"meta_limits": "1/hour"}, "meta_limits: a list of limits"),
        ({"in_memory_fallback": [5]}, "in_memory_fallback: a limit is a text"),
        ({"retry_after": "soon"}, "retry_after: delta-seconds or http-date"),
        ({"storage_options": {"password": "x"}}, "storage_options are for redis"),
        ({"storage_options": {"engine": "x"}}, "storage_options: engine cannot be given"),
    ],
)
def test_what_cannot_be_is_a_sentence(options: dict[str, Any], said: str) -> None:
    """At start-up."""
    with pytest.raises(UsageError, match=said):
        service(ours, **options)
