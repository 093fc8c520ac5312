from flask import Blueprint, Flask
from flask_restful import Api

from resources import Book, Books, Report, Status

app = Flask(__name__)
api = Api(app, prefix="/api")
api.add_resource(Books, "/books", "/library/books", endpoint="books")
api.add_resource(Book, "/books/<int:book_id>")

internal = Blueprint("internal", __name__, url_prefix="/internal")
internal_api = Api(internal)


def bind(*pairs):
    for resource, path in pairs:
        internal_api.add_resource(resource, path)


bind((Status, "/status"), (Report, "/reports/<string:name>"))
app.register_blueprint(internal)
