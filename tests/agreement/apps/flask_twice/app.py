from flask import Blueprint, Flask, abort, request

TOKENS = {"t-81jd": "reader"}

api = Blueprint("api", __name__)
guarded = Blueprint("guarded", __name__)


@api.get("/things/<uuid:thing>")
def thing(thing):
    return {"thing": str(thing)}


@guarded.before_request
def check():
    if request.headers.get("Authorization", "").removeprefix("Bearer ") not in TOKENS:
        abort(401)


app = Flask(__name__)
app.register_blueprint(api, url_prefix="/v1")
app.register_blueprint(api, url_prefix="/v2", name="api_v2")
guarded.register_blueprint(api, url_prefix="/inner", name="api_inner")
app.register_blueprint(guarded, url_prefix="/private")
