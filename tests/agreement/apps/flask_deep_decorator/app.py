from flask import Flask

from people.doors import counted_members_only, members_only, roles_allowed, timed

app = Flask(__name__)


@app.get("/club")
@timed
@members_only
def club():
    return "club"


@app.get("/cellar")
@counted_members_only
def cellar():
    return "cellar"


@app.get("/vault")
@roles_allowed("keeper", "owner")
def vault():
    return "vault"


@app.get("/street")
@timed
def street():
    return "street"


# Under the route: what is above @app.get never sees a request.
@members_only
@app.get("/window")
def window():
    return "window"
