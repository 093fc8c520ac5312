"""DX-1, AUTH-1: what Flask's and Starlette's extensions register is behind the guard, and their logins are delegated to."""

import warnings
from typing import Any

import pytest
from flask import Blueprint, Flask

from ostiary import flask as flasky
from ostiary.testing import mint
from tests.guard.sites import PEPPER

SETTINGS: dict[str, Any] = {"store": "memory://", "pepper": PEPPER, "https": "off", "policy_file": None, "unmatched": None}


def _restful(app: Flask) -> None:
    from flask_restful import Api, Resource

    class Items(Resource):
        @flasky.require("items:read")
        def get(self) -> Any:
            return {"at": "items"}

        def post(self) -> Any:
            return {"at": "undeclared"}

    Api(app).add_resource(Items, "/items")


def _restx(app: Flask) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from flask_restx import Api, Namespace, Resource

        space = Namespace("items", path="/")

        @space.route("/items")
        class Items(Resource):
            @flasky.require("items:read")
            def get(self) -> Any:
                return {"at": "items"}

            def post(self) -> Any:
                return {"at": "undeclared"}

        Api(app, doc=False).add_namespace(space)


def _smorest(app: Flask) -> None:
    from flask.views import MethodView
    from flask_smorest import Api
    from flask_smorest import Blueprint as Smorest

    app.config.update(API_TITLE="items", API_VERSION="v1", OPENAPI_VERSION="3.1.0")
    blueprint = Smorest("items", __name__)

    @blueprint.route("/items")
    class Items(MethodView):
        @flasky.require("items:read")
        @blueprint.response(200)
        def get(self) -> Any:
            return {"at": "items"}

        def post(self) -> Any:
            return {"at": "undeclared"}

    Api(app).register_blueprint(blueprint)


def _async(app: Flask) -> None:
    blueprint = Blueprint("items", __name__)

    @blueprint.get("/items")
    @flasky.require("items:read")
    async def items() -> Any:
        return {"at": "items"}

    @blueprint.post("/items")
    async def undeclared() -> Any:
        return {"at": "undeclared"}

    app.ensure_sync = lambda view: lambda *words, **values: _run(view, *words, **values)  # type: ignore[method-assign]
    app.register_blueprint(blueprint)


def _run(view: Any, *words: Any, **values: Any) -> Any:
    """What ``flask[async]`` does by asgiref, which is not installed here."""
    import asyncio
    import inspect

    found = view(*words, **values)
    return asyncio.run(found) if inspect.isawaitable(found) else found


@pytest.mark.parametrize("register", [_restful, _restx, _smorest, _async])
def test_resources_of_extensions_are_behind_the_guard(register: Any) -> None:
    """A marked method demands its scope, an unmarked one of the same class is undeclared: 403."""
    app = Flask(__name__, static_folder=None)
    flasky.Guard(app, **SETTINGS)
    register(app)
    client, key = app.test_client(), {"X-API-Key": mint(app, "items:read")}
    assert [client.get("/items").status_code, client.get("/items", headers=key).status_code] == [401, 200]
    assert client.get("/items", headers={"X-API-Key": mint(app, "other:read")}).status_code == 403
    assert client.post("/items", headers=key).status_code == 403


def test_apiflask_is_a_flask_app() -> None:
    """Its decorators and ours on one view; its documentation pages are undeclared until somebody opens them."""
    from apiflask import APIFlask

    app = APIFlask(__name__, static_folder=None)
    flasky.Guard(app, **SETTINGS, routes={"/openapi.json": "our partners read it"})

    @app.get("/items")
    @app.output({})
    @flasky.require("items:read")
    def items() -> Any:
        return {}

    client, key = app.test_client(), {"X-API-Key": mint(app, "items:read")}
    asked = [client.get("/items"), client.get("/items", headers=key), client.get("/docs"), client.get("/openapi.json")]
    assert [answer.status_code for answer in asked] == [401, 200, 403, 200]


# Logins that an app has


def _flask_login(app: Flask) -> dict[str, str]:
    from flask_login import LoginManager, UserMixin, current_user, login_required

    class User(UserMixin):
        id = "ann"

    app.secret_key = "of the tests alone, of the tests alone"
    manager = LoginManager(app)
    manager.request_loader(lambda request: User() if request.headers.get("X-Login") == "ann" else None)

    @app.get("/mine")
    @flasky.delegated(login_required, lambda: current_user.get_id(), limits="2 per minute")
    @login_required
    def mine() -> str:
        return str(app.extensions["ostiary"].core and _subject())

    return {"X-Login": "ann"}


def _flask_httpauth(app: Flask) -> dict[str, str]:
    from flask_httpauth import HTTPBasicAuth

    auth = HTTPBasicAuth()
    auth.verify_password(lambda name, password: name if password == "secret" else None)

    @app.get("/mine")
    @flasky.delegated(auth.login_required, lambda: auth.get_auth() and auth.get_auth().username, limits="2 per minute")
    @auth.login_required
    def mine() -> str:
        return _subject()

    return {"Authorization": "Basic YW5uOnNlY3JldA=="}


def _flask_jwt_extended(app: Flask) -> dict[str, str]:
    from flask_jwt_extended import JWTManager, create_access_token, get_jwt_identity, jwt_required, verify_jwt_in_request

    app.config["JWT_SECRET_KEY"] = "of the tests alone, of the tests alone"
    JWTManager(app)

    def caller() -> Any:
        verify_jwt_in_request(optional=True)
        return get_jwt_identity()

    @app.get("/mine")
    @flasky.delegated(jwt_required, caller, limits="2 per minute")
    @jwt_required()
    def mine() -> str:
        return _subject()

    with app.app_context():
        return {"Authorization": f"Bearer {create_access_token('ann')}"}


def _subject() -> str:
    from flask import request

    found = request.environ["ostiary.request"].principal
    return found.subject if found is not None else "nobody"


@pytest.mark.parametrize("login", [_flask_login, _flask_httpauth, _flask_jwt_extended])
def test_a_login_that_the_app_has_decides_and_the_guard_counts(login: Any) -> None:
    """Without it 401 by the login itself; with it 200, the caller known to the guard, and the third call of a minute 429."""
    app = Flask(__name__, static_folder=None)
    flasky.Guard(app, **SETTINGS)
    headers = login(app)
    assert app.extensions["ostiary"].problems() == []
    client = app.test_client()
    assert client.get("/mine").status_code == 401
    answers = [client.get("/mine", headers=headers) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[0].text == "ann"


def test_starlettes_own_authentication_is_delegated_to() -> None:
    """``requires("authenticated")`` decides over what its AuthenticationMiddleware has found."""
    from starlette.applications import Starlette
    from starlette.authentication import AuthCredentials, AuthenticationBackend, SimpleUser, requires
    from starlette.middleware import Middleware
    from starlette.middleware.authentication import AuthenticationMiddleware
    from starlette.requests import Request
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route
    from starlette.testclient import TestClient

    from ostiary import starlette as star

    class Backend(AuthenticationBackend):
        async def authenticate(self, conn: Any) -> Any:
            name = conn.headers.get("X-Login")
            return (AuthCredentials(["authenticated"]), SimpleUser(name)) if name else None

    @star.delegated(requires)
    @requires("authenticated", status_code=401)
    async def mine(request: Request) -> PlainTextResponse:
        return PlainTextResponse(request.user.display_name)

    @star.delegated(requires)
    async def forgotten(request: Request) -> PlainTextResponse:
        return PlainTextResponse("no gate")

    app = Starlette(
        routes=[Route("/mine", mine), Route("/forgotten", forgotten)], middleware=[Middleware(AuthenticationMiddleware, backend=Backend())]
    )
    star.Guard(app, **SETTINGS)
    client = TestClient(app)
    asked = [client.get("/mine"), client.get("/mine", headers={"X-Login": "ann"}), client.get("/forgotten", headers={"X-Login": "ann"})]
    assert [answer.status_code for answer in asked] == [401, 200, 403]
