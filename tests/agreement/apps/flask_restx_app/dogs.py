from flask_restx import Namespace, Resource

from guard import token_required

api = Namespace("dogs", path="/dogs", decorators=[token_required])


class Kennel(Resource):
    def get(self):
        return []

    def delete(self):
        return "", 204


api.add_resource(Kennel, "/kennel")
