"""Meta limits, objects that say a limit, exemptions and nested blueprints, over the drop-in and over Flask-Limiter itself."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from flask import Blueprint, Flask, make_response, request

from ostiary.compat import flask_limiter as ours
from tests.compat.test_flask_limiter import Peer, service, statuses, view
from tests.guard.sites import Clock

both = pytest.mark.parametrize("lib", [Peer, ours], ids=["peer", "ours"])


def add(app: Flask, path: str, limit: Any = lambda function: function, **options: Any) -> None:
    app.add_url_rule(path, path.strip("/"), limit(view(f"of{path.replace('/', '_')}")), **options)


@both
def test_meta_limits_count_breaches(lib: Any) -> None:
    """After so many of them nothing passes any more, on no route but those that are exempt; ``on_meta_breach`` answers."""
    app, limiter = service(lib, meta_limits=["2/hour"], on_meta_breach=lambda limit: make_response("enough", 429))
    add(app, "/one", limiter.limit("1/day"))
    add(app, "/two", limiter.limit("9/day"))
    add(app, "/free")
    add(app, "/exempt", limiter.exempt)
    add(app, "/meta", limiter.exempt(flags=lib.ExemptionScope.META))
    assert statuses(app, "/two", 3) + statuses(app, "/one", 2) + statuses(app, "/two", 1) == [200] * 4 + [429, 200]
    assert statuses(app, "/one", 1) == [429]
    assert [statuses(app, path, 1) for path in ("/two", "/free", "/exempt", "/meta")] == [[429], [429], [200], [200]]
    assert app.test_client().get("/two").text == "enough"


@both
def test_a_meta_limit_of_one_limit(lib: Any) -> None:
    """It counts the breaches of that one alone, by a key of its own."""
    app, limiter = service(lib)
    meta = lib.MetaLimit("1/hour", key_function=lambda: request.headers.get("team", "-"))
    add(app, "/one", limiter.limit("1/day", key_func=lambda: request.headers.get("user", "-"), meta_limits=[meta]))
    add(app, "/two", limiter.limit("1/day"))

    def call(path: str, user: str, team: str) -> int:
        return app.test_client().get(path, headers={"user": user, "team": team}).status_code

    assert [call("/two", "a", "x"), call("/two", "a", "x"), call("/one", "a", "x"), call("/one", "b", "x")] == [200, 429, 200, 200]
    assert [call("/one", "b", "x"), call("/one", "c", "x"), call("/one", "c", "y")] == [429, 429, 200]


@both
def test_a_meta_limit_counts_no_breach_of_another_limit(lib: Any) -> None:
    """Of two limits on a route the one without it was breached."""
    app, limiter = service(lib, on_meta_breach=lambda limit: make_response("meta", 429))
    add(app, "/t", lambda function: limiter.limit("1/day")(limiter.limit("9/day", meta_limits=["1/hour"])(function)))
    assert statuses(app, "/t", 3) == [200, 429, 429]
    assert app.test_client().get("/t").text != "meta"


@both
def test_limits_as_objects(lib: Any) -> None:
    """Among defaults and application limits, with keys and costs of their own, and as decorators."""
    user = lib.Limit("2/hour", key_function=lambda: request.headers.get("user", "-"), cost=2)
    app, limiter = service(lib, default_limits=[user, "4/hour"], application_limits=[lib.ApplicationLimit("5/hour")])
    add(app, "/plain")
    add(app, "/post", lib.RouteLimit("1/hour", limiter=limiter, methods=["POST"], override_defaults=True), methods=["GET", "POST"])

    def call(user: str, path: str = "/plain", method: str = "GET") -> int:
        return app.test_client().open(path, method=method, headers={"user": user}).status_code

    assert [call("a"), call("b"), call("a"), call("b")] == [200, 200, 429, 429]
    assert call("a", "/post", "POST") == 200


@both
def test_an_own_limit_for_some_methods_leaves_the_defaults_for_the_others(lib: Any) -> None:
    """Else a limit on POST would free GET of every limit."""
    app, limiter = service(lib, default_limits=["1/hour"])
    add(app, "/t", limiter.limit("2/hour", methods=["POST"]), methods=["GET", "POST"])
    assert statuses(app, "/t", 2) == [200, 429]
    assert statuses(app, "/t", 3, "POST") == [200, 200, 429]


@both
def test_a_scope_that_is_not_shared(lib: Any) -> None:
    """``limit(scope=…)`` tells counters of one route apart; ``shared_limit`` joins those of several."""
    app, limiter = service(lib)
    add(app, "/one", limiter.limit("1/hour", scope=lambda endpoint: request.headers.get("x", "-")))
    add(app, "/two", limiter.limit("1/hour", scope="-"))
    client = app.test_client()
    assert [client.get("/one", headers={"x": one}).status_code for one in "aba"] == [200, 200, 429]
    assert statuses(app, "/one", 1) + statuses(app, "/two", 1) == [200, 200]


@both
def test_exemptions_by_flags(lib: Any) -> None:
    """From application limits alone, or from default limits alone."""
    scope = lib.ExemptionScope
    app, limiter = service(lib, default_limits=["1/hour"], application_limits=["3/hour"])
    add(app, "/application", limiter.exempt(flags=scope.APPLICATION))
    add(app, "/default", limiter.exempt(flags=scope.DEFAULT))
    add(app, "/both", limiter.exempt)
    assert [statuses(app, path, 4) for path in ("/application", "/default", "/both")] == [
        [200, 429, 429, 429],
        [200] * 3 + [429],
        [200] * 4,
    ]


@both
def test_nested_blueprints(lib: Any) -> None:
    """The recipe of the documentation: an own limit in the parent's place, one beside it, one inherited, one exempt from all."""
    scope = lib.ExemptionScope
    app, limiter = service(lib, default_limits=["1/hour"], application_limits=["30/hour"])
    names = ("parent", "overriding", "beside", "inheriting", "health")
    parent, overriding, beside, inheriting, health = (Blueprint(name, __name__) for name in names)
    limiter.limit("2/hour")(parent)
    limiter.limit("3/hour")(overriding)
    limiter.limit("3/hour", override_defaults=False)(beside)
    limiter.exempt(health, flags=scope.DEFAULT | scope.APPLICATION | scope.ANCESTORS)
    for name, blueprint in zip(names, (parent, overriding, beside, inheriting, health), strict=True):
        blueprint.add_url_rule(f"/{name}", "t", view(f"nested_{name}"))
    for child in (overriding, beside, inheriting, health):
        parent.register_blueprint(child)
    app.register_blueprint(parent)
    found = {name: statuses(app, f"/{name}", 4).count(200) for name in names}
    assert found == {"parent": 2, "overriding": 3, "beside": 2, "inheriting": 2, "health": 4}


@both
def test_exemptions_of_descendents(lib: Any) -> None:
    """A blueprint's exemption holds for those in it only where it says so."""
    scope = lib.ExemptionScope
    app, limiter = service(lib, default_limits=["1/hour"])
    for name, flags in (("down", scope.DEFAULT | scope.DESCENDENTS), ("alone", scope.DEFAULT)):
        outer, inner = Blueprint(name, __name__), Blueprint(f"in_{name}", __name__)
        limiter.exempt(outer, flags=flags)
        for blueprint in (outer, inner):
            blueprint.add_url_rule(f"/{blueprint.name}", "t", view(f"descendent_{blueprint.name}"))
        outer.register_blueprint(inner)
        app.register_blueprint(outer)
    found = {name: statuses(app, f"/{name}", 3).count(200) for name in ("down", "in_down", "alone", "in_alone")}
    assert found == {"down": 3, "in_down": 3, "alone": 3, "in_alone": 1}


@both
def test_both_functions_hear_of_a_breach(lib: Any) -> None:
    """The limiter's and the limit's; the response of the latter is sent."""
    heard: list[str] = []

    def told(name: str) -> Any:
        return lambda limit: heard.append(name) or make_response(name, 429)

    app, limiter = service(lib, on_breach=told("all"))
    add(app, "/t", limiter.limit("1/hour", on_breach=told("own")))
    assert statuses(app, "/t", 1) == [200]
    assert (app.test_client().get("/t").text, heard) == ("own", ["all", "own"])


@both
def test_all_of_it_from_the_configuration(lib: Any) -> None:
    """Names of headers, a date for Retry-After, meta limits, options of defaults."""
    app = Flask(__name__)
    app.config.update(
        RATELIMIT_DEFAULT="2/hour",
        RATELIMIT_DEFAULTS_COST=2,
        RATELIMIT_DEFAULTS_PER_METHOD=True,
        RATELIMIT_APPLICATION="9/hour",
        RATELIMIT_APPLICATION_EXEMPT_WHEN=lambda: False,
        RATELIMIT_META="1/hour",
        RATELIMIT_STORAGE_URI="memory://",
        RATELIMIT_HEADERS_ENABLED=True,
        RATELIMIT_HEADER_LIMIT="X-My-Limit",
        RATELIMIT_HEADER_RETRY_AFTER_VALUE="http-date",
        RATELIMIT_KEY_PREFIX="shop",
    )
    lib.Limiter(lib.get_remote_address).init_app(app)
    add(app, "/t", methods=["GET", "POST"])
    first = app.test_client().get("/t")
    assert (first.status_code, first.headers["X-My-Limit"]) == (200, "2")
    assert parsedate_to_datetime(first.headers["Retry-After"]).timestamp() > 1_700_000_000
    assert statuses(app, "/t", 1, "POST") + statuses(app, "/t", 1) + statuses(app, "/t", 1, "POST") == [200, 429, 429]


# What Flask-Limiter does otherwise


def test_an_exempt_blueprint_keeps_what_it_was_given() -> None:
    """``exempt`` without flags takes off no limit that somebody wrote on it, or on the blueprint around it."""
    app, limiter = service(ours, default_limits=["9/hour"])
    outer, inner = Blueprint("outer", __name__), Blueprint("inner", __name__)
    limiter.limit("2/hour")(outer)
    limiter.exempt(inner)
    inner.add_url_rule("/inner", "t", view("kept_inner"))
    outer.register_blueprint(inner, name="renamed")
    app.register_blueprint(outer, name="moved")
    assert statuses(app, "/inner", 3) == [200, 200, 429]


def test_the_date_of_retry_after_is_when_more_is_available() -> None:
    """To the second, by the clock of the limiter."""
    app, limiter = service(ours, headers_enabled=True, retry_after="http-date")
    limiter.rates.clock = Clock(1_800_000_000.0)
    add(app, "/t", limiter.limit("1/minute"))
    assert statuses(app, "/t", 1) == [200]
    assert app.test_client().get("/t").headers["Retry-After"] == "Fri, 15 Jan 2027 08:01:00 GMT"


def test_a_breach_that_a_filter_names_is_none() -> None:
    """A filtered request is not held up by meta limits either."""
    app, limiter = service(ours, meta_limits=["1/hour"])
    limiter.request_filter(lambda: "x-inner" in request.headers)
    add(app, "/t", limiter.limit("1/day"))
    assert statuses(app, "/t", 3) == [200, 429, 429]
    assert app.test_client().get("/t", headers={"x-inner": "1"}).status_code == 200
