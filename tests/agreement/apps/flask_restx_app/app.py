from flask import Blueprint, Flask
from flask_restx import Api

from cats import ns as cats
from dogs import api as dogs

app = Flask(__name__)
blueprint = Blueprint("api", __name__, url_prefix="/api/v1")
api = Api(blueprint, title="Pets", doc="/help")
api.add_namespace(cats)
api.add_namespace(dogs, path="/hounds")
app.register_blueprint(blueprint)
