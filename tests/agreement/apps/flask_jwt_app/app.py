from flask import Blueprint, Flask
from flask_jwt_extended import JWTManager, get_jwt_identity, jwt_required, verify_jwt_in_request

app = Flask(__name__)
app.config["JWT_SECRET_KEY"] = "an example that is long enough for HS256"
jwt = JWTManager(app)
machines = Blueprint("machines", __name__, url_prefix="/machines")
readers = Blueprint("readers", __name__, url_prefix="/readers")


@app.get("/me")
@jwt_required()
def me():
    return {"id": get_jwt_identity()}


@app.post("/refresh")
@jwt_required(refresh=True)
def refresh():
    return {"id": get_jwt_identity()}


@app.get("/home")
@jwt_required(optional=True)
def home():
    return {"id": get_jwt_identity()}


@app.get("/late")
def late():
    verify_jwt_in_request()
    return {"id": get_jwt_identity()}


@machines.before_request
def machines_only():
    verify_jwt_in_request()


@readers.before_request
def readers_too():
    verify_jwt_in_request(optional=True)


@machines.get("/<name>")
def machine(name):
    return {"name": name}


@readers.get("/<name>")
def reader(name):
    return {"name": name}


app.register_blueprint(machines)
app.register_blueprint(readers)
