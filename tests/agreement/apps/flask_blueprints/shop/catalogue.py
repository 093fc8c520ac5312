from flask import Blueprint

catalogue = Blueprint("catalogue", __name__, url_prefix="/catalogue")


@catalogue.route("/")
def index():
    return {"books": []}


@catalogue.get("/<int:book_id>")
def show(book_id):
    return {"id": book_id}
