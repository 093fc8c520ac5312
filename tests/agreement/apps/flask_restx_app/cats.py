from flask_restx import Namespace, Resource

from guard import token_required

ns = Namespace("cats", description="Cats")


@ns.route("/")
class CatList(Resource):
    @ns.doc("list_cats")
    def get(self):
        return []

    @ns.doc(security="apikey")
    @token_required
    def post(self):
        return {}, 201


@ns.route("/<string:name>", "/by-name/<string:name>")
@ns.param("name", "The cat")
class Cat(Resource):
    # What the document says protects nothing.
    @ns.doc(security="apikey")
    @ns.response(404, "no such cat")
    def get(self, name):
        return {"name": name}
