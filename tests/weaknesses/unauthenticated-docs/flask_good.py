"""Switched off, behind the same decorator, or of an API that is open altogether."""

from functools import wraps

from flasgger import Swagger
from flask import Flask, abort, jsonify, request
from flask_openapi3 import OpenAPI
from flask_restx import Api, Resource


def key_required(view):
    @wraps(view)
    def guarded(*args, **kwargs):
        if request.headers.get("X-API-Key") not in shop.extensions["keys"]:
            abort(401)
        return view(*args, **kwargs)

    return guarded


shop = Flask("shop")
api = Api(title="Shop", doc=False)  # ok: unauthenticated-docs
api.init_app(shop, add_specs=False)
feeds = Flask("feeds")
swagger = Swagger(feeds, decorators=[key_required])  # ok: unauthenticated-docs
stock = OpenAPI("stock", doc_ui=False)  # ok: unauthenticated-docs
status = Flask("status")
status_api = Api(status)  # ok: unauthenticated-docs


@api.route("/orders")
class Orders(Resource):
    @key_required
    def get(self):
        return []


@feeds.get("/feed")
@key_required
def feed():
    return jsonify([])


@stock.get("/stock")
@key_required
def levels():
    return jsonify([])


@status_api.route("/status")
class Status(Resource):
    def get(self):
        return {"ok": True}
