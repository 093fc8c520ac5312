"""connexion: the routes of an application stand in its OpenAPI document, and so does what protects them."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ostiary.model.scan import Skipped
from ostiary.scan.code.frameworks import flask, starlette
from ostiary.scan.code.ir import Module
from ostiary.scan.code.nodes import Node, Unreadable, named
from ostiary.scan.code.values import Args, Child, Const, Obj, RouteDecl, Unknown, Value, name_of, path_text, text
from ostiary.scan.records import record

if TYPE_CHECKING:
    from ostiary.scan.code.world import World

_NAMES = (
    "FlaskApp",
    "App",
    "AsyncApp",
    "apps.flask.FlaskApp",
    "apps.flask_app.FlaskApp",
    "apps.asynchronous.AsyncApp",
    "ConnexionMiddleware",
)
CLASSES: dict[str, tuple[str, str]] = {f"connexion.{name}": ("connexion", "connexion.app") for name in _NAMES}
_VERBS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_FUNCTIONS = ("x-bearerInfoFunc", "x-apikeyInfoFunc", "x-basicInfoFunc", "x-tokenInfoFunc")


@record
class Scheme:
    """A way to authenticate as a document declares it: ``function`` verifies what was sent, None when the document names none;
    ``remote``: a server is asked."""

    name: str
    function: Value | None
    called: str
    remote: bool
    at: int
    module: Module


@record
class Security(Value):
    """``security:`` of an operation: any of ``ways`` will do, each a set of schemes that are all needed; ``public`` says that it is empty on purpose."""

    ways: tuple[tuple[Scheme, ...], ...]
    public: bool
    at: int
    module: Module


def _init(w: World, obj: Obj, args: Args) -> Value:
    # the Flask application inside: what is registered on it is registered on both
    obj.attrs["app"] = obj
    return Const(None)


def _add_api(w: World, obj: Obj, args: Args) -> Value:
    obj.wiring.documents.append(args)
    return Const(None)


METHODS: dict[str, dict[str, Callable[[World, Obj, Args], Value]]] = {
    "connexion.app": {
        **flask.METHODS["flask.app"],
        "__init__": _init,
        "add_api": _add_api,
        "add_middleware": starlette.METHODS["asgi.app"]["add_middleware"],
        "add_error_handler": flask.METHODS["flask.app"]["register_error_handler"],
    },
    "connexion.api": {},
}


def read(w: World) -> None:
    """Declare the routes of every document that an application was given."""
    for obj in [o for o in w.objects if o.kind == "connexion.app"]:
        for args in obj.wiring.documents:
            _Document(w, obj, args).declare()


class _Document:
    """One call of ``add_api``."""

    def __init__(self, w: World, obj: Obj, args: Args) -> None:
        self.world, self.obj, self.args = w, obj, args
        self.schemes: dict[str, Scheme] = {}
        self.root = Node("")
        self.module = args.module

    def declare(self) -> None:
        path = self._path()
        if path is None:
            given = text(self.args.get(0, "specification"))
            self._skip(
                given or f"{self.args.module.path}: add_api", "the OpenAPI document of an application was not found: its routes are unknown"
            )
            return
        self.module = Module("", path, False, self.args.module.audience)
        from ostiary.scan.code import documents

        try:
            self.root = documents.load(self.world.index.documents[path])
        except Unreadable as why:
            self._skip(path, f"{why}: the routes of an application are unknown")
            return
        api = Obj("connexion.api", "", None, (), {}, self.args.at, self.args.module)
        api.wiring.routes += self._routes()
        self.obj.wiring.children.append(Child(api, self._prefix(), True, self.args.at, self.args.module))

    def _skip(self, what: str, why: str) -> None:
        self.world.index.skipped.append(Skipped(what, why, serious=True))

    def _path(self) -> str | None:
        """Where the document lies: in ``specification_dir`` beside the module that made the application, or the only one of that name."""
        name = text(self.args.get(0, "specification"))
        folder = text(self.obj.kwargs.get("specification_dir") or (self.obj.args[1] if len(self.obj.args) > 1 else None)) or ""
        found = self.world.index.documents
        if name is None:
            speaking = [p for p, source in found.items() if named(source)]
            return speaking[0] if len(speaking) == 1 else None
        home = posixpath.dirname(self.obj.module.path)
        for path in (posixpath.join(home, folder, name), posixpath.join(folder, name)):
            if posixpath.normpath(path) in found:
                return posixpath.normpath(path)
        alike = [p for p in found if posixpath.basename(p) == posixpath.basename(name)]
        return alike[0] if len(alike) == 1 else None

    def _prefix(self) -> str | None:
        """``base_path`` of the call, ``basePath``, or the path of the first server; None when it is computed."""
        given = self.args.get(None, "base_path") or self.args.get(1)
        if given is not None and not (isinstance(given, Const) and given.value is None):
            return path_text(given)
        declared = self.root.get("basePath")
        if declared is not None:
            return declared.text
        servers = self.root.get("servers")
        url = servers.items[0].get("url") if servers is not None and servers.items else None
        return _server_path(servers.items[0], url.text or "") if servers is not None and url is not None else ""

    def _routes(self) -> Iterator[RouteDecl]:
        paths = self.root.get("paths")
        for path, item in (paths.pairs if paths is not None else {}).items():
            for verb, operation in self._local(item).pairs.items():
                if verb in _VERBS and path.startswith("/"):
                    yield self._route(path, verb, self._local(operation))

    def _local(self, node: Node) -> Node:
        """What ``$ref: "#/…"`` points at, in this document."""
        for _ in range(10):
            ref = node.get("$ref")
            if ref is None or ref.text is None or not ref.text.startswith("#/"):
                break
            node = self.root.get(*[part.replace("~1", "/").replace("~0", "~") for part in ref.text[2:].split("/")]) or Node("")
        return node

    def _route(self, path: str, verb: str, operation: Node) -> RouteDecl:
        named = operation.get("operationId")
        controller = operation.get("x-openapi-router-controller") or operation.get("x-swagger-router-controller")
        parts = [controller.text if controller is not None else self._root_module(), named.text if named is not None else None]
        dotted = ".".join(part for part in parts if part)
        handler = self._function(dotted) if named is not None else Unknown("the document names no function")
        # connexion makes Flask's endpoint of the operation's name
        endpoint = dotted.replace(".", "_")
        security = self._security(operation)
        return RouteDecl(
            path, (verb.upper(),), handler, operation.at, self.module, "http", endpoint, (security,) if security is not None else ()
        )

    def _root_module(self) -> str | None:
        """``RelativeResolver("api")`` goes before every name."""
        resolver = self.args.get(None, "resolver") or self.obj.kwargs.get("resolver")
        if resolver is None or name_of(resolver).rpartition(".")[2] != "RelativeResolver":
            return None
        return text(next(iter(getattr(resolver, "args", ())), None))

    def _function(self, dotted: str) -> Value:
        """The function that a dotted name means to Python started in the tree."""
        parts = dotted.split(".")
        home = self.obj.module.name.rpartition(".")[0]
        for i in range(len(parts) - 1, 0, -1):
            found = self.world.index.finder.find(".".join(parts[:i]), home)
            if found is not None:
                value = self.world.mod(found)
                for part in parts[i:]:
                    value = self.world.attribute(value, part)
                return value
        return Unknown(f"{dotted} was not found")

    def _security(self, operation: Node) -> Security | None:
        node = operation.get("security")
        own = node is not None
        node = node if node is not None else self.root.get("security")
        if node is None:
            return None
        ways = tuple(tuple(self._scheme(name, node.at) for name in way.pairs) for way in node.items)
        return Security(ways, own and not any(ways), node.at, self.module)

    def _scheme(self, name: str, at: int) -> Scheme:
        if name not in self.schemes:
            node = self.root.get("components", "securitySchemes", name) or self.root.get("securityDefinitions", name)
            self.schemes[name] = self._declared(name, self._local(node) if node is not None else Node("", at))
        return self.schemes[name]

    def _declared(self, name: str, node: Node) -> Scheme:
        key = next((key for key in _FUNCTIONS if node.get(key) is not None), None)
        function = node.get(key) if key is not None else None
        dotted = function.text if function is not None else None
        value = self._function(dotted) if dotted else None
        at = function.at if function is not None else node.at
        return Scheme(name, value, dotted or "", node.get("x-tokenInfoUrl") is not None, at, self.module)


def _server_path(server: Node, url: str) -> str:
    variables = server.get("variables")
    for name, variable in (variables.pairs if variables is not None else {}).items():
        default = variable.get("default")
        url = url.replace(f"{{{name}}}", (default.text if default is not None else None) or "")
    try:
        return urlsplit(url).path.rstrip("/")
    except ValueError:
        return ""
