"""A refusal in Flask: through the app's own functions where it has any, and the same answer without a Response where it has none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, Response, after_this_request, g, request_finished
from flask.sessions import SecureCookieSessionInterface, SessionMixin
from werkzeug.routing import BaseConverter
from werkzeug.test import Client

from ostiary.flask import Guard, require
from tests.guard.sites import PEPPER

URL = "https://api.example.com"


def made(prepare: Callable[[Flask], object] = lambda _: None, flask: type[Flask] = Flask) -> Flask:
    app = flask("refusing", static_folder=None)
    prepare(app)
    Guard(app, store="memory://", pepper=PEPPER, policy_file=None)

    @app.get("/orders")
    @require()
    def orders() -> str:
        return "[]"

    return app


def asked(app: Flask, method: str, path: str, headers: dict[str, str]) -> tuple[int, list[tuple[str, str]], bytes]:
    """Status, headers and body, without what is another in every answer."""
    got = app.test_client().open(path, method=method, base_url=URL, headers=headers)
    told = sorted((name, value) for name, value in got.headers if name != "X-Request-Id")
    return got.status_code, told, got.data.replace(got.headers["X-Request-Id"].encode(), b"")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize("path", ["/orders", "/nowhere", "/orders?x=ost_sk_live_uPzwkydvYEuHhxUOt77w2zkbQ3Gt9VsCXUu7hpK5yMhXr0SfokX"])
@pytest.mark.parametrize("key", [None, "unknown-to-everybody", "two, credentials"])
def test_with_a_response_or_without_it_is_the_same_answer(method: str, path: str, key: str | None) -> None:
    """Status, headers and body are those that go through Flask's own Response."""
    headers = {} if key is None else {"X-API-Key": key}
    watched = made(lambda app: app.after_request(lambda response: response))
    assert asked(made(), method, path, headers) == asked(watched, method, path, headers)


class Converter(BaseConverter):
    """Runs while Flask matches, which is before the decision."""

    def to_python(self, value: str) -> str:
        after_this_request(_marked)
        return value


def _marked(response: Response) -> Response:
    response.headers["X-Marked"] = "yes"
    return response


def _by_converter(app: Flask) -> None:
    app.url_map.converters["odd"] = Converter
    app.add_url_rule("/<odd:name>", "odd", require()(lambda name: name))


class Finalizing(Flask):
    def finalize_request(self, *arguments: Any, **more: Any) -> Response:
        return _marked(super().finalize_request(*arguments, **more))


class Processing(Flask):
    def process_response(self, *arguments: Any) -> Response:
        return _marked(super().process_response(*arguments))


class Making(Flask):
    def make_response(self, *arguments: Any) -> Response:
        return _marked(super().make_response(*arguments))


class Marked(Response):
    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        _marked(self)


class Responding(Flask):
    response_class = Marked


class Session(SecureCookieSessionInterface):
    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        _marked(response)

    def is_null_session(self, obj: object) -> bool:
        return False


def _keeping(app: Flask) -> None:
    app.session_interface = Session()


def _hooked(app: Flask) -> None:
    app.after_request(_marked)


@pytest.mark.parametrize("flask", [Finalizing, Processing, Making, Responding])
def test_what_an_app_makes_of_answers_it_makes_of_refusals(flask: type[Flask]) -> None:
    """A method or class that it has in place of Flask's is asked."""
    app = made(flask=flask)
    # Flask's own client would make an answer of the app's class of it.
    assert Client(app).get("/orders", base_url=URL).headers["X-Marked"] == "yes"


@pytest.mark.parametrize(("prepare", "path"), [(_by_converter, "/anything"), (_keeping, "/orders"), (_hooked, "/orders")])
def test_what_waits_for_answers_sees_refusals(prepare: Callable[[Flask], object], path: str) -> None:
    """Functions after the request, those that the request itself asked for, and sessions."""
    got = made(prepare).test_client().get(path, base_url=URL)
    assert (got.status_code, got.headers["X-Marked"]) == (401, "yes")


def test_a_signal_tells_of_refusals() -> None:
    """Who listens to request_finished hears of them, too."""
    app, heard = made(), []

    def listening(_: object, response: Response, **more: object) -> None:
        heard.append(response.status_code)

    with request_finished.connected_to(listening, app):
        app.test_client().get("/orders", base_url=URL)
    assert heard == [401]


def test_teardown_runs_after_a_refusal() -> None:
    """What an app opened before is closed."""
    ended: list[bool] = []
    app = made()
    app.teardown_request(lambda _: ended.append(hasattr(g, "opened")))
    app.test_client().get("/orders", base_url=URL)
    assert ended == [False]
