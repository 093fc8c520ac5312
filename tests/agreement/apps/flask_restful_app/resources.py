from functools import wraps

from flask import request
from flask_restful import Resource, abort

KEYS = frozenset({"zk-4711"})


def authenticate(func):
    @wraps(func)
    def wrapper(*args, **kwargs):
        if request.headers.get("X-API-Key") in KEYS:
            return func(*args, **kwargs)
        abort(401, message="unknown key")

    return wrapper


class Private(Resource):
    method_decorators = [authenticate]


class Books(Private):
    def get(self):
        return []

    def post(self):
        return {}, 201


class Book(Resource):
    # Reading is free, the rest is not.
    method_decorators = {"delete": [authenticate], "put": [authenticate]}

    def get(self, book_id):
        return {"id": book_id}

    def put(self, book_id):
        return {"id": book_id}

    def delete(self, book_id):
        return "", 204


class Status(Resource):
    def get(self):
        return "up"


class Report(Resource):
    @authenticate
    def get(self, name):
        return {"report": name}
