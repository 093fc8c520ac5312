"""The route table of a live Flask app is what the app serves."""

from __future__ import annotations

from functools import partial, wraps
from typing import Any

import pytest
from flask import Blueprint, Flask
from flask.views import MethodView, View
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from ostiary.routes import bearer_of
from ostiary.routes import flask as routes


def view(**_: Any) -> str:
    return "here"


class Page(View):
    methods = ("GET", "POST")

    def dispatch_request(self) -> str:
        return "page"


class Caller:
    def __call__(self) -> str:
        return "called"


def app_with(*rules: Any, **options: Any) -> Flask:
    app = Flask(__name__, static_folder=None, **options)
    for number, (rule, settings) in enumerate(rules):
        app.add_url_rule(rule, f"view{number}", view, **settings)
    return app


def keys(app: Any, *kinds: str) -> set[tuple[str, str]]:
    return {(route.method, route.path) for route in routes.table(app) if route.kind in (kinds or ("http",))}


@pytest.mark.parametrize(
    ("rule", "path"),
    [
        ("/a", "/a"),
        ("/<name>", "/{name}"),
        ("/<int:number>/x", "/{number}/x"),
        ("/<any('a', \"b>c\"):kind>", "/{kind}"),
        ("/<float(min=1.5):size>-<path:rest>", "/{size}-{rest}"),
        ("/<int:a>/<int:b>/", "/{a}/{b}/"),
    ],
)
def test_parameters_are_names(rule: str, path: str) -> None:
    """Converters and their arguments are dropped, whatever they contain."""
    assert keys(app_with((rule, {}))) == {("GET", path)}


@pytest.mark.parametrize(
    ("methods", "declared"),
    [
        (["GET"], {"GET"}),
        (["GET", "POST"], {"GET", "POST"}),
        (["HEAD"], {"HEAD"}),
        (["OPTIONS", "POST"], {"OPTIONS", "POST"}),
        (["post"], {"POST"}),
    ],
)
def test_methods_are_those_declared(methods: list[str], declared: set[str]) -> None:
    """HEAD beside GET and an automatic OPTIONS are the framework's, not the author's."""
    assert keys(app_with(("/", {"methods": methods}))) == {(method, "/") for method in declared}


def test_class_views_give_their_verbs() -> None:
    """A MethodView's methods are routes, its own HEAD too; a View has those of its ``methods``."""

    class Shelf(MethodView):
        def get(self) -> str:
            return ""

        def head(self) -> str:
            return ""

        def put(self) -> str:
            return ""

    app = Flask(__name__, static_folder=None)
    app.add_url_rule("/shelf", view_func=Shelf.as_view("shelf"))
    app.add_url_rule("/page", view_func=Page.as_view("page"))
    assert keys(app) == {("GET", "/shelf"), ("HEAD", "/shelf"), ("PUT", "/shelf"), ("GET", "/page"), ("POST", "/page")}


def test_blueprints_nest_and_repeat() -> None:
    """The same blueprint under two prefixes is two routes; a nested one has both prefixes."""
    child = Blueprint("child", __name__, url_prefix="/child")
    child.add_url_rule("/x", view_func=view)
    parent = Blueprint("parent", __name__)
    parent.register_blueprint(child)
    app = Flask(__name__, static_folder=None)
    app.register_blueprint(parent, url_prefix="/a")
    app.register_blueprint(parent, url_prefix="/b", name="again")
    assert keys(app) == {("GET", "/a/child/x"), ("GET", "/b/child/x")}


def test_static_files_are_marked() -> None:
    """The folders of app and blueprint are ``static``; a route that only ends in static is not."""
    app = Flask(__name__)
    app.register_blueprint(Blueprint("shop", __name__, url_prefix="/shop", static_folder="files"))
    app.add_url_rule("/static-pages", "pages.static", view)
    assert keys(app, "static") == {("GET", "/static/{filename}"), ("GET", "/shop/files/{filename}")}
    assert keys(app) == {("GET", "/static-pages")}


def test_rules_that_only_build_are_no_routes() -> None:
    """``build_only`` rules answer nobody."""
    assert keys(app_with(("/a", {"build_only": True}))) == set()


def test_hosts_are_told_apart() -> None:
    """Subdomain and host are part of a route."""
    app = app_with(("/", {"subdomain": "<shop>"}), host_matching=False)
    assert routes.table(app)[0].host == "{shop}"


def test_dispatched_apps_hang_below_their_prefix() -> None:
    """Apps beside ours are part of what is served, by a dispatcher outside or inside; a raw one is a mount."""

    def metrics(environ: Any, start: Any) -> list[bytes]:
        return []

    app = app_with(("/a", {}))
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/metrics": metrics})  # type: ignore[method-assign]
    outside = DispatcherMiddleware(app, {"/admin/": app_with(("/b", {}))})
    assert keys(outside, "http", "mount") == {("GET", "/a"), ("GET", "/admin/b"), ("*", "/metrics/{path}")}


def test_handlers_are_named_where_their_code_is() -> None:
    """Not the wrapper's name, nor that of ``as_view``; a partial is what it calls, an object its class."""

    @wraps(view)
    def wrapper(**_: Any) -> str:
        return view()

    app = Flask(__name__, static_folder=None)
    app.add_url_rule("/a", view_func=wrapper)
    app.add_url_rule("/b", "partial", partial(view, shelf=1))
    app.add_url_rule("/c", view_func=Page.as_view("page"), methods=["GET"])
    app.add_url_rule("/d", "object", Caller())
    assert [route.handler for route in routes.table(app)] == [f"{__name__}:{name}" for name in ("view", "view", "Page", "Caller")]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_documents_are_marked() -> None:
    """The pages that flask-restx brings are ``docs``; what the project adds is not."""
    restx = pytest.importorskip("flask_restx")

    class Book(restx.Resource):  # type: ignore[misc, name-defined]
        def get(self) -> str:
            return ""

    app = Flask(__name__, static_folder=None)
    restx.Api(app, doc="/doc").add_resource(Book, "/book")
    assert keys(app) == {("GET", "/book")}
    assert ("GET", "/swagger.json") in keys(app, "docs")


def test_other_objects_are_refused() -> None:
    """Something without a url_map is an error, not an empty table."""
    with pytest.raises(TypeError, match="url_map"):
        routes.table(object())


def test_wrappers_in_a_circle_end() -> None:
    """An object that wraps itself is not followed for ever."""

    class Circle:
        @property
        def app(self) -> Circle:
            return self

    assert bearer_of(Circle(), "url_map") is None
