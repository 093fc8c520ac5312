"""A versioned API, a website, and a status page."""

from flask import Blueprint, Flask, jsonify, render_template, request

api = Flask("api")  # ok: unversioned-api
v1 = Blueprint("v1", __name__, url_prefix="/api/v1")
site = Flask("site")  # ok: unversioned-api
status = Flask("status")  # ok: unversioned-api


@v1.get("/orders")
def orders():
    return jsonify([])


@v1.post("/orders")
def add():
    return jsonify(request.get_json()), 201


@v1.get("/customers")
def customers():
    return jsonify([])


@site.get("/")
def home():
    return render_template("home.html")


@site.get("/about")
def about():
    return render_template("about.html")


@site.get("/contact")
def contact():
    return render_template("contact.html")


@status.get("/health")
def health():
    return jsonify(ok=True)


api.register_blueprint(v1)
