"""Extensions that publish what they document."""

from functools import wraps

from apiflask import APIFlask
from flasgger import Swagger
from flask import Flask, abort, jsonify, request
from flask_restx import Api, Resource

shop = Flask("shop")
api = Api(shop, title="Shop", doc="/help")  # expect: unauthenticated-docs
feeds = Flask("feeds")
prices = Flask("prices")
prices_api = Api(prices, doc=False)  # expect: unauthenticated-docs
swagger = Swagger(feeds)  # expect: unauthenticated-docs
stock = APIFlask("stock")  # expect: unauthenticated-docs


def key_required(view):
    @wraps(view)
    def guarded(*args, **kwargs):
        if request.headers.get("X-API-Key") not in shop.extensions["keys"]:
            abort(401)
        return view(*args, **kwargs)

    return guarded


@api.route("/orders")
class Orders(Resource):
    @key_required
    def get(self):
        return []


@prices_api.route("/prices")
class Prices(Resource):
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
