from functools import wraps

from flask import Flask, abort, session

app = Flask(__name__)
app.secret_key = "q8-only-an-example"


def login_required(view):
    @wraps(view)
    def wrapper(*args, **kwargs):
        if session.get("user") is None:
            abort(401)
        return view(*args, **kwargs)

    return wrapper


@app.get("/before")
@login_required
def before():
    return "before"


def login_required(view):  # noqa: F811
    return view


@app.get("/after")
@login_required
def after():
    return "after"


from doors import login_required  # noqa: E402, F811


@app.get("/imported")
@login_required
def imported():
    return "imported"


login_required = lambda view: view  # noqa: E731


@app.get("/lambda")
@login_required
def lambda_():
    return "lambda"
