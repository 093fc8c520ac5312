from flask import Flask
from flask.views import MethodView
from flask_smorest import Api, Blueprint

from access import require_key


class Config:
    API_TITLE = "Pets"
    API_VERSION = "v1"
    OPENAPI_VERSION = "3.0.2"
    OPENAPI_URL_PREFIX = "/doc"
    OPENAPI_JSON_PATH = "openapi.json"


pets = Blueprint("pets", "pets", url_prefix="/pets", description="Pets")


@pets.route("/")
class Pets(MethodView):
    @pets.response(200)
    def get(self):
        return {"pets": []}

    @pets.response(201)
    @require_key
    def post(self):
        return {"made": True}


@pets.route("/<int:pet_id>", methods=["GET", "PATCH"])
@require_key
@pets.response(200)
def pet(pet_id):
    return {"id": pet_id}


def create_app():
    app = Flask(__name__)
    app.config.from_object(Config)
    api = Api(app)
    api.register_blueprint(pets, url_prefix="/v2/pets")
    return app
