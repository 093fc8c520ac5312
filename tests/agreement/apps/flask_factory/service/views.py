from flask import Blueprint


def init_views(app):
    for name in ("books", "authors"):
        app.register_blueprint(make_blueprint(name), url_prefix=f"/api/{name}")


def make_blueprint(name):
    blueprint = Blueprint(name, __name__)

    @blueprint.route("/")
    def index():
        return {"of": name}

    @blueprint.route("/<int:number>", methods=["PUT", "DELETE"])
    def change(number):
        return {"of": name, "number": number}

    return blueprint
