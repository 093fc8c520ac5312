from fastapi import FastAPI
from flask import Flask
from starlette.middleware.wsgi import WSGIMiddleware

from ostiary.fastapi import Guard, public, require, static
from ostiary.flask import Guard as FlaskGuard
from ostiary.flask import public as flask_public

SETTINGS = {"store": "memory://", "keys": static("API_KEY"), "https": "off", "policy_file": None, "failures": None}
app = FastAPI()
inner = FastAPI(openapi_url=None)
old = Flask("old", static_folder=None)
closed = Flask("closed", static_folder=None)
own = Flask("own", static_folder=None)
Guard(inner, **SETTINGS, routes={"/news/*": "the newspaper", "/old/**": "the old API has no secrets", "/own/**": "it has a guard of its own"})
FlaskGuard(own, **SETTINGS)


@app.get("/outside")
def outside():
    return list(SETTINGS)


@inner.get("/undeclared")
def undeclared():
    return 1


@inner.get("/news/{year}")
def news(year: int):
    return year


@inner.get("/required")
@require("a:read")
def required():
    return 1


@inner.get("/public")
@public("a shop window")
def shown():
    return 1


@old.get("/items/<int:number>")
def item(number):
    return str(number)


@closed.get("/items/<int:number>")
@flask_public("nobody asks this word: the guard outside knows the mount alone")
def closed_item(number):
    return str(number)


@own.get("/undeclared")
def own_undeclared():
    return "never"


@own.get("/public")
@flask_public("a shop window")
def own_public():
    return "public"


inner.mount("/old", WSGIMiddleware(old))
inner.mount("/closed", WSGIMiddleware(closed))
inner.mount("/own", WSGIMiddleware(own))
app.mount("/v1", inner)
