from flask import Flask

from kit import Area, Service

app = Service(__name__)
private = Area("private", __name__, url_prefix="/private")
public = Area("public", __name__, open_to_all=True)


@private.route("/diary")
def diary():
    return "diary"


@private.view("/photos/<int:number>", "GET", "DELETE")
def photo(number):
    return str(number)


@public.route("/fair")
def fair():
    return "fair"


@app.route("/square")
def square():
    return "square"


app.register_blueprint(private)
app.register_blueprint(public, url_prefix="/public")
assert isinstance(app, Flask)
