from fastapi import APIRouter, FastAPI

from ostiary.fastapi import public, require

widgets = APIRouter(prefix="/widgets")
child = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)


def declared(scope):
    def around(view):
        return require(scope)(view)

    return around


def listed():
    return []


def made():
    return 1


widgets.add_api_route("", public("a list for everybody")(listed))
widgets.add_api_route("", declared("widgets:write")(made), methods=["POST"])
marks = {"/red": require("red"), "/green": public("green is for everybody")}
for path, mark in marks.items():
    widgets.add_api_route(path, mark(lambda: 1))


@child.get("/undeclared")
def undeclared():
    return 1


@child.get("/public")
@public("of a mounted application")
def shown():
    return 1


@child.get("/required")
@declared("child:read")
def required():
    return 1
